"""Scenario and options → a run: target, folder, Locust process, ledger, summary, page.

Rule: Locust runs in a process and a process group of its own, so that Ctrl-C reaches it as our wish to stop, once.

Follow a run from outside: what its process writes becomes progress for the caller, and Ctrl-C becomes a stop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from loadgen.endpoint import Endpoint, EndpointSettings, Faults, parse_faults
from loadgen.errors import LoadgenError
from loadgen.jobs.inputs import resolve_options
from loadgen.jobs.run.finalize import (
    add_notes,
    compare_ledgers,
    find_summary,
    keep_summary,
    read_ledgers,
    write_ground_truth,
    write_page,
)
from loadgen.jobs.run.locust_process import LocustProcess, LogFollower
from loadgen.jobs.run.preflight import (
    check_machine,
    check_options,
    check_scenario,
    confirm_aws,
    warn_of_strangers,
)
from loadgen.jobs.run.view import OnProgress, Progress, RunNotice, RunStarted, ignore_progress
from loadgen.jobs.stop_signals import StopSignals
from loadgen.jobs.targets import Confirm, OpenTargets, open_targets, reach_target
from loadgen.model import Noun
from loadgen.results import EXIT_CODES, Follower, RunFolder, RunMonitor, RunOptions, RunSpec, Summary, add_ledgers
from loadgen.scenario import Scenario, format_scenario, read_text
from loadgen.transport import require_answer

if TYPE_CHECKING:
    import pyarrow

LEAVE_SECONDS = 10.0  # for workers of a run that is summed up: they say good-bye to their master


class Run:
    """A run that has ended: its summary, and the folder with all else that is known of it."""

    def __init__(self, folder: RunFolder, summary: Summary) -> None:
        self.folder: Path = folder.path
        self.summary = summary
        self._files = folder

    @property
    def exit_code(self) -> int:
        """0 passed, 1 failed, 3 invalid, 130 interrupted."""
        return EXIT_CODES[self.summary.verdict]

    @property
    def spec(self) -> RunSpec:
        """What the run was asked for."""
        return self._files.spec()

    def records(self) -> pyarrow.Table:
        """Read one row a request, columns as results/README.md explains; LoadgenError when the run left none."""
        import pyarrow.parquet as parquet

        if not self._files.records.is_file():
            raise LoadgenError(f"{self._files.records}: is not there; the run was cut off, or somebody took it away")
        return parquet.read_table(self._files.records)


def run(
    scenario: Scenario | Path | str,
    *,
    out: Path | str | None = None,
    on_progress: OnProgress | None = None,
    confirm: Confirm | None = None,
    **options: Any,
) -> Run:
    """Send a scenario's traffic, measure it, and return what became of every event.

    `options` are the fields of RunOptions; `out` is a new or empty folder, results/<time>-<name> unless given. Each
    second that was measured, and each line for people, goes to `on_progress`; before anything goes to AWS `confirm` is
    asked, and without one nothing goes there. Raises LoadgenError for what a person can mend. Ctrl-C ends the run well.
    """
    tell = on_progress or ignore_progress
    spec = resolve(scenario, options)

    def ask(targets: OpenTargets) -> None:
        confirm_aws(spec, targets, confirm)

    def wait(line: str) -> None:
        tell(RunNotice(line, is_wait=True))

    reached = reach_target(spec.target, spec.proxy, spec.ca_bundle)
    opened = open_run(spec, Path(out) if out else None, spec.scenario.name, ask, wait)
    with StopSignals() as signals, reached, opened as (aimed, folder, targets):
        ended = drive(aimed, folder, targets, tell, signals)
    if ended.error is not None:
        write_page(folder, ignore_progress)
        raise ended.error
    write_page(folder, tell)
    return Run(folder, ended.summary)


def resolve(scenario: Scenario | Path | str, options: dict[str, Any]) -> RunSpec:
    """Check everything that can be checked before anything is started."""
    plain = {name: str(value) if isinstance(value, Path) else value for name, value in options.items()}
    resolve_options(RunOptions, plain)  # for its words
    asked = RunOptions.of(**plain)
    check_options(asked)
    check_machine(asked)
    if isinstance(scenario, Scenario):
        spec = RunSpec.resolve(asked, f"{scenario.name}.toml", format_scenario(scenario))
    else:
        spec = RunSpec.resolve(asked, str(scenario), read_text(scenario))
    check_scenario(spec)
    return spec


@contextmanager
def open_run(
    spec: RunSpec,
    out: Path | None,
    name: str,
    ask: Callable[[OpenTargets], None],
    on_wait: Callable[[str], None] | None = None,
) -> Iterator[tuple[RunSpec, RunFolder, OpenTargets]]:
    """Open what a run sends to, and write its spec, with where its requests go, into its folder.

    Without `out` the folder is named after the time and `name`. For AWS, `ask` is called first; it raises on a no.
    `on_wait` gets a line when the target takes long to answer; one that never does is refused.
    """
    monitors = [each.monitor for each in spec.scenarios]
    named = [each.model_copy(update={"name": spec.monitor or each.name}) for each in monitors]
    store = spec.store and Path(spec.store)
    with open_targets(named, spec.target, spec.region or None, own_endpoint(spec), store or None, on_wait) as targets:
        if spec.target == "aws":
            ask(targets)
        elif targets.endpoint is None:
            require_answer(targets.monitors[0].url, f"/appmonitors/{targets.monitors[0].monitor_id}", on_wait)
        folder = RunFolder.create(out, name, datetime.now(UTC))
        first, ids = targets.monitors[0], tuple(RunMonitor(m.monitor_name, m.monitor_id) for m in targets.monitors)
        aimed = msgspec.structs.replace(spec, url=first.url, region=first.region, monitors=ids)
        folder.write_spec(aimed)
        yield aimed, folder, targets


def own_endpoint(spec: RunSpec) -> EndpointSettings:
    """The settings of the endpoint that a run with the target `local` starts."""
    return EndpointSettings(
        keeps=spec.store
        is not None,  # nobody else gets the key that it makes up: a long run must not fill the memory for nothing
        quota=spec.quota,
        faults=parse_faults(spec.faults) if spec.faults else Faults(),
        max_batch_events=max(100, *(each.client.batchLimit for each in spec.scenarios)),
    )


class Ended(Noun):
    """A run whose process has ended and is summed up."""

    summary: Summary
    error: Exception | None  # of the progress callback, which ended the run


def drive(spec: RunSpec, folder: RunFolder, targets: OpenTargets, tell: OnProgress, signals: StopSignals) -> Ended:
    """Run Locust until it ends, and complete the summary that it leaves."""
    names, endpoint = tuple(each.name for each in spec.monitors), targets.endpoint
    seconds = 0.0 if spec.factor == inf else spec.duration / spec.factor
    tell(RunStarted(spec.scenario.name, spec.url, names, spec.seed, seconds, spec.web))
    if spec.master:
        warn_of_strangers(spec, tell)
    before = read_ledgers(targets.monitors)
    with signals.counted():
        process = LocustProcess(spec, folder, endpoint.credentials if endpoint else None)
        watch = Watch(process, folder, endpoint, tell)
        watch.follow(signals)
        process.bury(LEAVE_SECONDS if folder.finished else 0.0)
        summary = find_summary(folder, process, interrupted=signals.count > 0)
        summary = add_ledgers(
            summary,
            compare_ledgers(before, read_ledgers(targets.monitors) if any(before) else before, summary),
            watch.died,
        )
        summary = keep_summary(folder, summary, watch.tell)
    summary = add_notes(folder, spec, summary, watch.tell)
    with signals.counted():
        write_ground_truth(spec, folder, summary, watch.tell)
    return Ended(summary, watch.error)


LOOK_SECONDS = 0.25


class Watch:
    """Looks on while a process runs; `died` is what went wrong with the local endpoint, if anything did.

    The first signal asks the run to end well, a second one ends it at once. A progress callback that raises (a closed
    pipe, a terminal that is gone) ends the run well too; its error is kept for when the run is summed up.
    """

    def __init__(self, process: LocustProcess, folder: RunFolder, endpoint: Endpoint | None, tell: OnProgress) -> None:
        self.died: str | None = None
        self.error: Exception | None = None
        self._process, self._endpoint, self._tell = process, endpoint, tell
        self._follower, self._log = Follower(folder.path), LogFollower(folder.log)
        self._heeded = 0  # signals
        self._last_second = 0

    def follow(self, signals: StopSignals) -> None:
        """Hand on each second until the process has ended."""
        running = True
        while running:
            running = self._process.running(LOOK_SECONDS)
            for line in self._log.lines():
                self.tell(RunNotice(line))
            for row in self._follower.rows():
                self._last_second = row.second
                self.tell(row)
            self._heed(signals.count)
            if running and self._endpoint is not None and self.died is None and not self._endpoint.is_alive():
                self.died = f"the local endpoint died after second {self._last_second}"
                self._process.interrupt()

    def tell(self, progress: Progress) -> None:
        """Call back, until that fails."""
        if self.error is not None:
            return
        try:
            self._tell(progress)
        except Exception as error:
            self.error = error
            self._process.interrupt()

    def _heed(self, signals: int) -> None:
        if signals == self._heeded:
            return
        first, self._heeded = not self._heeded, signals
        if first and signals == 1:
            self.tell(RunNotice("stopping: waiting for what is in flight (Ctrl-C again ends at once)"))
            self._process.interrupt()
        else:
            self._process.kill()
