"""`loadgen seed`: fill an app monitor with past traffic so that each batch is accepted exactly once.

Here are the steps before anything is sent: period, ledger, app monitor, confirmation.

Rule: everything that can be refused is refused before a folder or a monitor is created or an event is sent.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec

from loadgen.aws import Account, check_platform, is_monitor_id, list_domains
from loadgen.errors import ControlError, LoadgenError
from loadgen.jobs import ground_truth
from loadgen.jobs.inputs import read_scenario, read_source, take_first_monitor
from loadgen.jobs.progress import ignore_progress
from loadgen.jobs.seed.cleanup import Cleanup, clean, describe_cleanup
from loadgen.jobs.seed.ledger import (
    FILE,
    LOCK,
    RUN_TAG,
    BatchLedger,
    SeedIdentity,
    check_identity,
    fingerprint_traffic,
)
from loadgen.jobs.seed.period import PastPeriod, describe_period_as_given, measure_period, resolve_period
from loadgen.jobs.seed.seeder import SeedProgress
from loadgen.jobs.seed.sending import OnSeedProgress, SeedResult, SeedRun, SeedStart, SeedTask, estimate_size
from loadgen.jobs.seed.stream import place_past
from loadgen.jobs.seed.verification import Verification, verify
from loadgen.jobs.seed.view import SeedView, describe_verification
from loadgen.jobs.targets import Confirm, Sending, confirm_sending, open_account, reach_target
from loadgen.options import require_callback, resolve_options, show_options
from loadgen.output import write_output
from loadgen.scenario import Scenario, covers_domain, resolve_seed
from loadgen.traffic import check_size
from loadgen.verb_options import SeedOptions
from loadgen.wire import Clock

__all__ = [
    "Cleanup",
    "SeedProgress",
    "SeedResult",
    "SeedStart",
    "SeedView",
    "Verification",
    "clean",
    "describe_cleanup",
    "describe_verification",
    "seed",
    "verify",
]


@show_options(SeedOptions)
def seed(
    scenario: Scenario | Path | str,
    *,
    on_progress: OnSeedProgress = ignore_progress,
    confirm: Confirm | None = None,
    **options: Any,
) -> SeedResult:
    """Fill an app monitor with past traffic, each event exactly once; a second call goes on where the first stopped.

    Args:
        scenario: A scenario, or the path of its file.
        on_progress: Called with a line of text, `SeedStart`, `SeedProgress` (several times a second) or `SeedResult`.
        confirm: Is asked before anything is sent to AWS; without it the answer is no.
        options: The fields of `SeedOptions`.

    Raises LoadgenError when the seeding cannot begin or go on.
    """
    require_callback(on_progress, "on_progress")
    require_callback(confirm, "confirm", may_be_none=True)
    wanted = resolve_options(SeedOptions, options)
    with reach_target(wanted.target, wanted.proxy, wanted.ca_bundle):
        task = _prepare(scenario, wanted, on_progress)
        if task.finished and not wanted.live:
            result = SeedResult(task.folder, task.identity, whole=True)
            on_progress(result)
            return result
        if not task.account.is_local:
            _confirm(task, confirm)
        with _open_ledger(task.folder, task.identity) as ledger:
            _write_scenario(scenario, task)
            task = msgspec.structs.replace(task, identity=_ensure_monitor(task, ledger, on_progress))
            return SeedRun(task, ledger, on_progress).send()


def _prepare(given: Scenario | Path | str, options: SeedOptions, on_progress: OnSeedProgress) -> SeedTask:
    """Check everything that can be checked before anything is created."""
    loaded = read_scenario(given, measure_period(options, time.time()))
    first = take_first_monitor(loaded, "seed", on_progress)
    scenario = first.adjust(rate=options.rate, sample_rate=options.sample_rate)
    account = open_account(options.target, options.region, on_wait=on_progress)
    if options.monitor:
        scenario = _rename_monitor(scenario, options.monitor, account)
    folder = options.out or Path("results") / f"seed-{scenario.monitor.name}-{scenario.name}"
    kept, finished = _read_earlier_run(folder)
    period = _resolve_period(kept, options)
    monitor = account.look_up(scenario.monitor.name)
    identity = _make_identity(scenario, kept, period, account, options)
    check_size(place_past(scenario, period))
    identity = msgspec.structs.replace(identity, monitor_id=monitor["Id"] if monitor else "")
    if kept is not None:
        check_identity(kept, identity, str(folder / FILE))
        identity = msgspec.structs.replace(identity, period=kept.period)
    if monitor:
        _check_monitor(monitor, scenario)
    return SeedTask(scenario, identity, account, folder, options, finished)


def _rename_monitor(scenario: Scenario, name: str, account: Account) -> Scenario:
    """Return the scenario for another app monitor. An id is looked up, because RUM reads events back by name alone."""
    if is_monitor_id(name):
        names = [each["Name"] for each in account.list_monitors() if each["Id"] == name]
        if not names:
            raise LoadgenError(f"no app monitor has the id {name} in {account.region}; give --monitor a name")
        name = names[0]
    return scenario.model_copy(update={"monitor": scenario.monitor.rename(name)})


def _read_earlier_run(folder: Path) -> tuple[SeedIdentity | None, bool]:
    """Return the identity of the folder's earlier run, if any, and whether its whole past was accepted."""
    if not (folder / FILE).is_file():
        if (folder.exists() or folder.is_symlink()) and not folder.is_dir():
            raise LoadgenError(f"{folder}: is no folder; give --out a folder that is new or empty")
        # A lock alone is left behind if kill -9 comes before the ledger is created.
        if folder.is_dir() and any(each.name != LOCK for each in folder.iterdir()):
            raise LoadgenError(f"{folder}: holds files, but no {FILE}; give --out a folder that is new or empty")
        return None, False
    with BatchLedger(folder) as ledger:
        return ledger.identity, ledger.finished


def _resolve_period(kept: SeedIdentity | None, options: SeedOptions) -> PastPeriod:
    """Return the period of the options; if the ledger's period was stated in the same words, return that one."""
    if kept is not None and kept.period_as_given == describe_period_as_given(options):
        return kept.period
    return resolve_period(options, time.time())


def _make_identity(
    scenario: Scenario, kept: SeedIdentity | None, period: PastPeriod, account: Account, options: SeedOptions
) -> SeedIdentity:
    """Return the identity of this seeding. If no seed is given, it has the ledger's seed, or else a new one."""
    return SeedIdentity(
        run=kept.run if kept else str(uuid4()),
        scenario=scenario.name,
        fingerprint=fingerprint_traffic(scenario),
        seed=resolve_seed(scenario, options.seed, otherwise=kept.seed if kept else None),
        target=account.data_plane,
        region=account.region,
        monitor=scenario.monitor.name,
        monitor_id="",
        period_as_given=describe_period_as_given(options),
        period=period,
    )


def _check_monitor(monitor: dict[str, Any], scenario: Scenario) -> None:
    """Raise LoadgenError if a monitor is for another site, or would drop events that the scenario sends."""
    check_platform(monitor)
    domains = list_domains(monitor)
    name, domain = scenario.monitor.name, scenario.monitor.domain
    if not any(covers_domain(each, domain) for each in domains):
        raise LoadgenError(
            f"app monitor {name} is for the domain {', '.join(domains)}, the scenario's traffic is of "
            f"{domain}; give --monitor another name, or change one of the two"
        )
    custom = monitor.get("CustomEvents") == {"Status": "ENABLED"}
    if scenario.monitor.custom_events and not custom and any(page.events for page in scenario.pages.values()):
        raise LoadgenError(
            f"app monitor {name} takes no custom events, and the scenario sends some, which RUM would drop; "
            f"run: loadgen monitors update {name} --custom-events"
        )


def _confirm(task: SeedTask, confirm: Confirm | None) -> None:
    """Ask for confirmation with what will be sent to AWS and what it costs; raises LoadgenError without a yes."""
    identity, expected = task.identity, estimate_size(task.scenario, task.identity)
    monitor = f"app monitor {identity.monitor} ({'exists' if identity.monitor_id else 'will be created'})"
    live = "; --live goes on after that" if task.options.live else ""
    sending = Sending(
        account=task.account,
        receiver=f"{monitor}, {identity.period}",
        requests=expected.requests,
        events=expected.events,
        exact=expected.exact,
        remark=f", less what an earlier run of it has sent{live}",
    )
    confirm_sending(confirm, sending)


@contextmanager
def _open_ledger(folder: Path, identity: SeedIdentity) -> Iterator[BatchLedger]:
    """Open the run's ledger; a new one is removed again if the run is refused before it has sent anything."""
    new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LoadgenError(f"{folder}: cannot be made ({error.strerror}); give --out a folder that can") from error
    try:
        with BatchLedger(folder, write=True) as ledger:
            ledger.claim(identity)
            yield ledger
    except ControlError:
        if new and not _has_sent(folder):
            shutil.rmtree(folder)
        raise


def _has_sent(folder: Path) -> bool:
    """Whether the folder's ledger has a monitor's id, so that something was created or sent."""
    with BatchLedger(folder) as ledger:
        return bool(ledger.identity and ledger.identity.monitor_id)


def _write_scenario(given: Scenario | Path | str, task: SeedTask) -> None:
    """Write the scenario into the run's folder, and the ground truth of its incidents."""
    if not (kept := task.folder / "scenario.toml").exists():
        write_output(kept, read_source(given)[1])
    identity = task.identity
    whole = place_past(task.scenario, identity.period)
    if whole.incidents:
        truths = ground_truth.find_truths(whole, identity.seed, Clock(identity.period.start))
        ground_truth.write_truths(truths, task.folder / ground_truth.FILE)


def _ensure_monitor(task: SeedTask, ledger: BatchLedger, on_progress: OnSeedProgress) -> SeedIdentity:
    """Return the identity with its monitor's id; a missing monitor is created with the run's tag."""
    identity, wanted = task.identity, task.scenario.monitor
    if not identity.monitor_id:
        on_progress(f"creating app monitor {identity.monitor} for {wanted.domain}")
        made = task.account.create(wanted, task.scenario.client, {RUN_TAG: identity.run})
        identity = msgspec.structs.replace(identity, monitor_id=made.monitor_id)
    ledger.keep_identity(identity)
    return identity
