"""The steps of `loadgen seed` before anything is sent: period, ledger, monitor, confirmation.

Rule: everything that can be refused is refused before a folder is made, a monitor created or an event sent.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import click
import msgspec

from loadgen.aws import Account
from loadgen.aws.account import UUID
from loadgen.errors import ControlError, LoadgenError
from loadgen.jobs import ground_truth
from loadgen.jobs.first_monitor import first_alone
from loadgen.jobs.seed.identity import Identity, check, fingerprint
from loadgen.jobs.seed.ledger import FILE, LOCK, Ledger
from loadgen.jobs.seed.period import Period, period
from loadgen.jobs.seed.run import Job, Options, Run, expectation
from loadgen.jobs.seed.stream import past
from loadgen.jobs.targets import agreed, open_account
from loadgen.model import Noun
from loadgen.rum.quotas import DOLLARS_PER_EVENT
from loadgen.scenario import Scenario, load, resolve_seed
from loadgen.traffic import check_size
from loadgen.wire import Clock

RUN_TAG = "loadgen:run"
"""Tag of what a run creates; its value is the run's id."""


class Kept(Noun):
    """What lies in the run's folder."""

    identity: Identity | None = None
    finished: bool = False


def seed_scenario(file: Path, options: Options) -> bool:
    """Do the whole run; False when it was interrupted before the past was in."""
    scenario = first_alone(load(file), "seed").adjusted(rate=options.rate, sample_rate=options.sample_rate)
    if options.monitor:
        scenario = renamed(scenario, options.monitor, options)
    folder = options.out or Path("results") / f"seed-{scenario.monitor.name}-{scenario.name}"
    kept = kept_in(folder)
    wanted = period_of(kept.identity, options)
    account = open_account(options.target, options.region)
    monitor = account.lookup(scenario.monitor.name)
    identity = identity_of(scenario, kept.identity, wanted, account, options)
    whole = past(scenario, identity.period)
    check_size(whole)
    identity = msgspec.structs.replace(identity, monitor_id=monitor["Id"] if monitor else "")
    if kept.identity is not None:
        check(kept.identity, identity, str(folder / FILE))
        identity = msgspec.structs.replace(identity, run=kept.identity.run, period=kept.identity.period)
    if monitor:
        fitting(monitor, scenario)
    if kept.finished and not options.live:
        click.echo(f"{folder}: {identity.period} is in already; to check, run: loadgen verify {folder}")
        return True
    if not account.is_local:
        confirm(scenario, identity, account, options)
    with begun(folder, identity) as ledger:
        if not (folder / "scenario.toml").exists():
            shutil.copyfile(file, folder / "scenario.toml")
        zero = Clock(identity.period.start)
        ground_truth.write(whole, identity.seed, zero, folder / ground_truth.FILE)
        job = Job(scenario, with_monitor(scenario, identity, account, ledger), account, folder)
        return Run(job, ledger, options).go()


@contextmanager
def begun(folder: Path, identity: Identity) -> Iterator[Ledger]:
    """The run's ledger; a new one goes again when the run is refused before it has sent anything."""
    new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LoadgenError(f"{folder}: cannot be made ({error.strerror}); give --out a folder that can") from error
    try:
        with Ledger(folder, write=True) as ledger:
            ledger.belong(identity)
            yield ledger
    except ControlError:
        if new and not touched(folder):
            shutil.rmtree(folder)
        raise


def touched(folder: Path) -> bool:
    """Whether its ledger knows of a monitor, so that something was made or sent."""
    with Ledger(folder) as ledger:
        return bool(ledger.identity and ledger.identity.monitor_id)


def with_monitor(scenario: Scenario, identity: Identity, account: Account, ledger: Ledger) -> Identity:
    """The identity with the id of its monitor, which is made with the run's tag when it is missing."""
    if not identity.monitor_id:
        click.echo(f"creating app monitor {identity.monitor} for {scenario.monitor.domain}")
        made = account.create(scenario.monitor, scenario.client, {RUN_TAG: identity.run})
        identity = msgspec.structs.replace(identity, monitor_id=made.monitor_id)
    ledger.note("identity", msgspec.json.encode(identity))
    return identity


def renamed(scenario: Scenario, name: str, options: Options) -> Scenario:
    """The scenario for another app monitor; an id is looked up, as RUM reads back by name alone."""
    if UUID.fullmatch(name):
        account = open_account(options.target, options.region)
        names = [each["Name"] for each in account.list_monitors() if each["Id"] == name]
        if not names:
            raise LoadgenError(f"no app monitor has the id {name} in {account.region}; give --monitor a name")
        name = names[0]
    return scenario.model_copy(update={"monitor": scenario.monitor.named(name)})


def kept_in(folder: Path) -> Kept:
    """What an earlier run has left in the folder."""
    if not (folder / FILE).is_file():
        # A lock alone is what kill -9 leaves when it comes before the ledger is made.
        if folder.is_file() or (folder.is_dir() and any(each.name != LOCK for each in folder.iterdir())):
            raise LoadgenError(f"{folder}: holds files, but no {FILE}; give --out a folder that is new or empty")
        return Kept()
    with Ledger(folder) as ledger:
        return Kept(ledger.identity, ledger.finished)


def period_of(kept: Identity | None, options: Options) -> Period:
    """The period that was asked for; the ledger's own, when it was asked for in the same words."""
    if kept is not None and kept.asked == options.asked:
        return kept.period
    return period(options.days, options.start, options.end, time.time())


def identity_of(
    scenario: Scenario, kept: Identity | None, wanted: Period, account: Account, options: Options
) -> Identity:
    """What the ledger of this command has to belong to; a seed that is not given is the ledger's, or a new one."""
    return Identity(
        run=kept.run if kept else str(uuid4()),
        scenario=scenario.name,
        fingerprint=fingerprint(scenario),
        seed=resolve_seed(scenario, options.seed, otherwise=kept.seed if kept else None),
        target=account.data_plane,
        region=account.region,
        monitor=scenario.monitor.name,
        monitor_id="",
        asked=options.asked,
        period=wanted,
    )


def fitting(monitor: dict[str, object], scenario: Scenario) -> None:
    """Refuse a monitor that is for another site, or would drop events that the scenario sends."""
    domains = monitor.get("DomainList") or [monitor.get("Domain")]
    assert isinstance(domains, list)
    name, domain = scenario.monitor.name, scenario.monitor.domain
    if not any(covers(str(each), domain) for each in domains):
        raise LoadgenError(
            f"app monitor {name} is for the domain {', '.join(map(str, domains))}, the scenario's traffic is of "
            f"{domain}; give --monitor another name, or change one of the two"
        )
    custom = monitor.get("CustomEvents") == {"Status": "ENABLED"}
    if scenario.monitor.custom_events and not custom and any(page.events for page in scenario.pages.values()):
        raise LoadgenError(
            f"app monitor {name} takes no custom events, and the scenario sends some, which RUM would drop; "
            f"run: loadgen monitors update {name} --custom-events"
        )


def covers(pattern: str, domain: str) -> bool:
    """Whether a monitor's domain, which may begin with `*.`, is that of the site."""
    return pattern == domain or (pattern.startswith("*.") and domain.endswith(pattern[1:]))


def confirm(scenario: Scenario, identity: Identity, account: Account, options: Options) -> None:
    """Say what will be sent to AWS and what it costs, and go on only after a yes."""
    expected = expectation(scenario, identity)
    about = "" if expected.exact else "about "
    click.echo(
        f"This sends to AWS: region {account.region}, account {account.fetch_number()}, "
        f"app monitor {identity.monitor} ({'exists' if identity.monitor_id else 'will be made'}), {identity.period}\n"
        f"expected: {about}{expected.requests:,} requests, {about}{expected.events:,} events, "
        f"{about}${expected.events * DOLLARS_PER_EVENT:,.2f}, less what an earlier run of it has sent"
        f"{'; --live goes on after that' if options.live else ''}",
        err=True,
    )
    if not options.yes and not agreed("Send it?"):
        raise LoadgenError("nothing was sent; type yes when asked, or give --yes")
