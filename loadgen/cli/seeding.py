"""The steps of `loadgen seed`: period, monitor, ledger, probe, sending; and of `loadgen verify`.

Rule: everything that can be refused is refused before a folder is made, a monitor created or an event sent.
"""

from __future__ import annotations

import secrets
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import click
import msgspec

from loadgen import wire
from loadgen.aws import Account, signer
from loadgen.aws.account import UUID
from loadgen.aws.cognito import Guest
from loadgen.aws.readback import read
from loadgen.capacity import DOLLARS_PER_EVENT, Expectation, expect
from loadgen.cli.seed_view import View, probe_lines, verified_lines
from loadgen.cli.target import account_of, agreed
from loadgen.errors import ControlError, LoadgenError
from loadgen.model import Noun
from loadgen.scenario import Scenario, load
from loadgen.seed.doubts import AWS, LOCAL
from loadgen.seed.identity import Identity, check, fingerprint
from loadgen.seed.ledger import FILE, Ledger
from loadgen.seed.network import Network
from loadgen.seed.pace import Pace
from loadgen.seed.parcel import Parcel, packed
from loadgen.seed.period import Period, period
from loadgen.seed.probe import judge, probes, read_back
from loadgen.seed.seeder import Seeder, Tools
from loadgen.seed.senders import Senders
from loadgen.seed.stream import past, planned
from loadgen.seed.verify import verify

RUN_TAG = "loadgen:run"
"""Tag of what a run creates; its value is the run's id."""


class Options(Noun, kw_only=True):
    """What the command line asked for."""

    target: str | None
    region: str | None
    monitor: str | None
    days: float | None
    start: str | None
    end: str | None
    live: bool
    rate: float
    sample_rate: float | None
    seed: int | None
    quota: float | None
    senders: int
    identity_pool: str | None
    guest_role: str | None
    probe: bool | None
    out: Path | None
    yes: bool

    @property
    def asked(self) -> str:
        """The period as the options say it."""
        given = (("--days", self.days and f"{self.days:g}"), ("--from", self.start), ("--to", self.end))
        return " ".join(f"{name} {value}" for name, value in given if value) or "--days 7"


class Job(Noun):
    """A run that may begin or go on."""

    scenario: Scenario
    identity: Identity
    account: Account
    folder: Path


class Kept(Noun):
    """What lies in the run's folder."""

    identity: Identity | None = None
    finished: bool = False


def seed_scenario(file: Path, options: Options) -> bool:
    """Do the whole run; False when it was interrupted before the past was in."""
    scenario = load(file).adjusted(rate=options.rate, sample_rate=options.sample_rate)
    if options.monitor:
        scenario = renamed(scenario, options.monitor, options)
    folder = options.out or Path("results") / f"seed-{scenario.monitor.name}-{scenario.name}"
    kept = kept_in(folder)
    wanted = period_of(kept.identity, options)
    account = account_of(options.target, options.region)
    monitor = account.get(scenario.monitor.name) if scenario.monitor.name in account.names() else None
    identity = identity_of(scenario, kept.identity, wanted, account, options)
    identity = msgspec.structs.replace(identity, monitor_id=monitor["Id"] if monitor else "")
    if kept.identity is not None:
        check(kept.identity, identity, str(folder / FILE))
        identity = msgspec.structs.replace(identity, run=kept.identity.run, period=kept.identity.period)
    if monitor:
        fitting(monitor, scenario)
    if kept.finished and not options.live:
        click.echo(f"{folder}: {identity.period} is in already; to check, run: loadgen verify {folder}")
        return True
    if not account.local:
        confirm(scenario, identity, account, options)
    with begun(folder, identity) as ledger:
        shutil.copyfile(file, folder / "scenario.toml")
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
        account = account_of(options.target, options.region)
        names = [each["Name"] for each in account.summaries() if each["Id"] == name]
        if not names:
            raise LoadgenError(f"no app monitor has the id {name} in {account.region}; give --monitor a name")
        name = names[0]
    return scenario.model_copy(update={"monitor": scenario.monitor.named(name)})


def kept_in(folder: Path) -> Kept:
    """What an earlier run has left in the folder."""
    if not (folder / FILE).is_file():
        if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
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
    given = options.seed if options.seed is not None else scenario.seed
    return Identity(
        run=kept.run if kept else str(uuid4()),
        scenario=scenario.name,
        fingerprint=fingerprint(scenario),
        seed=given if given is not None else kept.seed if kept else secrets.randbits(32),
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
        f"This sends to AWS: region {account.region}, account {account.number()}, "
        f"app monitor {identity.monitor} ({'exists' if identity.monitor_id else 'will be made'}), {identity.period}\n"
        f"expected: {about}{expected.requests:,} requests, {about}{expected.events:,} events, "
        f"{about}${expected.events * DOLLARS_PER_EVENT:,.2f}, less what an earlier run of it has sent"
        f"{'; --live goes on after that' if options.live else ''}",
        err=True,
    )
    if not options.yes and not agreed("Send it?"):
        raise LoadgenError("nothing was sent; type yes when asked, or give --yes")


def expectation(scenario: Scenario, identity: Identity) -> Expectation:
    """What the whole period holds."""
    return expect(past(scenario, identity.period), identity.seed)


def ran(seeder: Seeder) -> bool:
    """Run it; the first Ctrl-C (or SIGTERM) asks it to end well, a second one ends it at once."""

    def stop(*_: object) -> None:
        if seeder.stopping:
            raise KeyboardInterrupt
        click.echo("stopping: waiting for what is in flight (Ctrl-C again ends at once)", err=True)
        seeder.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return seeder.run()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Run:
    """One run of the sending."""

    def __init__(self, job: Job, ledger: Ledger, options: Options) -> None:
        self._job, self._ledger, self._options = job, ledger, options
        self._guest = Guest(options.identity_pool, options.guest_role) if options.identity_pool else None
        self._clock = wire.Clock(job.identity.period.start)
        self._read = partial(read, job.account, job.identity.monitor)
        self._visibility = LOCAL if job.account.local else AWS

    def go(self) -> bool:
        """Probe, send the past, then the present."""
        identity, options = self._job.identity, self._options
        expected = expectation(self._job.scenario, identity)
        quota = options.quota or self._job.account.rate_quota()
        said = f"{quota:g} requests a second" if quota else "learnt from 429s"
        click.echo(f"{identity.scenario} → {identity.target}, monitor {identity.monitor}, seed {identity.seed}")
        click.echo(f"{identity.period}: about {expected.requests:,} requests, {expected.events:,} events; quota {said}")
        parts = urlsplit(identity.target)
        senders = Senders(lambda: Network(f"{parts.scheme}://{parts.netloc}"), options.senders)
        try:
            with View(identity.period, expected.requests) as view:
                tools = self._tools(senders, Pace(quota, time.monotonic()), view)
                self._probe(tools)
                return self._send(tools, view)
        finally:
            senders.close()

    def _tools(self, senders: Senders, pace: Pace, view: View) -> Tools:
        signing = self._job.scenario.client.signing
        return Tools(
            ledger=self._ledger,
            senders=senders,
            pace=pace,
            signer=signer(self._job.identity.region, self._guest) if signing else None,
            read=self._read,
            visibility=self._visibility,
            watch=view.show,
        )

    def _probe(self, tools: Tools) -> None:
        wanted = self._options.probe if self._options.probe is not None else not self._job.account.local
        if not wanted or self._ledger.fact("probe"):
            return
        sent = list(probes(self._parcels(live=False), self._job.identity.period))
        if not ran(Seeder(iter(sent), tools)):
            raise LoadgenError("stopped while probing; run the same command again to go on")
        found = read_back(sent, self._read, self._visibility, click.echo)
        for line in probe_lines(found):
            click.echo(line)
        judge(found)
        self._ledger.note("probe", msgspec.json.encode(found))

    def _send(self, tools: Tools, view: View) -> bool:
        seeder = Seeder(self._parcels(live=False), tools)
        whole = self._ledger.finished or ran(seeder)
        if whole:
            self._ledger.finish()
        view.close(seeder.progress, whole, self._job.folder)
        if whole and self._options.live:
            self._live(tools, view)
        return whole

    def _live(self, tools: Tools, view: View) -> None:
        """Go on from the period's end until Ctrl-C."""
        view.goes_live()
        seeder = Seeder(self._parcels(live=True), tools)
        ran(seeder)
        view.ended(seeder.progress)

    def _parcels(self, live: bool) -> Iterator[Parcel]:
        """The batches of the past, or all that follow it."""
        job = self._job
        parts = urlsplit(job.identity.target)
        scenario = job.scenario
        destination = wire.Destination(
            host=parts.netloc,
            prefix=parts.path.rstrip("/"),
            monitor_id=job.identity.monitor_id,
            domain=scenario.monitor.domain,
            version=scenario.monitor.version,
            alias=scenario.client.alias,
            release_id=scenario.client.releaseId,
            compression=scenario.client.compression,
        )
        seconds = job.identity.period.seconds
        stream = planned(scenario, job.identity.seed, job.identity.period, live)
        return (packed(each, destination, self._clock) for each in stream if not live or each.batch.due >= seconds)


def verify_run(folder: Path, wait: float | None, as_json: bool) -> bool:
    """Read back and compare; whether nothing is lost, twice, or in doubt."""
    with Ledger(folder) as ledger:
        identity = ledger.identity
        if identity is None:
            raise LoadgenError(f"{folder}: nothing was sent from it yet")
        account = account_at(identity)
        visibility = LOCAL if account.local else AWS
        tell = (lambda _: None) if as_json else click.echo
        found = verify(ledger, partial(read, account, identity.monitor), visibility, wait, tell)
        if as_json:
            click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
        else:
            for line in verified_lines(found, identity, ledger.finished):
                click.echo(line)
    return found.whole


def account_at(identity: Identity) -> Account:
    """The control plane of where a run went."""
    host = urlsplit(identity.target).hostname or ""
    if host.startswith("dataplane."):
        return Account(identity.region)
    return Account(identity.region, endpoint_url=identity.target)
