"""Scenario and options → a run: target, folder, Locust process, ledgers, summary, page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from loadgen.endpoint import EndpointSettings, Faults, parse_faults
from loadgen.errors import LoadgenError
from loadgen.jobs.inputs import read_source
from loadgen.jobs.progress import WorkProgress, ignore_progress
from loadgen.jobs.run.ended_run import Run
from loadgen.jobs.run.finalize import add_notes, write_ground_truth, write_page
from loadgen.jobs.run.follow import FollowedRun
from loadgen.jobs.run.preflight import (
    check_credentials,
    check_machine,
    check_options,
    check_ports,
    check_scenario,
    confirm_aws,
    warn_of_strangers,
)
from loadgen.jobs.run.view import LiveView, OnRunProgress, RunProgress
from loadgen.jobs.run.worker_process import worker
from loadgen.jobs.stop_signals import StopSignals
from loadgen.jobs.targets import Confirm, OpenTargets, open_targets, reach_target, refuse_local_options
from loadgen.options import require_callback, require_path, show_options
from loadgen.results import Follower, RunFolder, RunMonitor, RunSpec, make_run_options
from loadgen.scenario import Scenario
from loadgen.transport import OnWait, require_answer
from loadgen.verb_options import RunOptions

__all__ = ["LiveView", "OnRunProgress", "Run", "RunProgress", "run", "worker"]


@show_options(RunOptions)
def run(
    scenario: Scenario | Path | str,
    *,
    out: Path | str | None = None,
    on_progress: OnRunProgress = ignore_progress,
    confirm: Confirm | None = None,
    **options: Any,
) -> Run:
    """Send a scenario's traffic, measure it, and return the run with the outcome of every event.

    `options` are the fields of RunOptions; `out` is a new or empty folder, by default results/<time>-<name>.
    `on_progress` gets the run's RunSpec, each measured second, and lines for people. Nothing is sent to AWS before
    `confirm` has returned True. LoadgenError: a problem that the caller can mend. Ctrl-C ends the run with a summary.
    """
    require_callback(on_progress, "on_progress")
    require_callback(confirm, "confirm", may_be_none=True)
    spec = resolve(scenario, options)

    def ask(targets: OpenTargets) -> None:
        confirm_aws(spec, targets, confirm)

    def tell_wait(line: str) -> None:
        on_progress(WorkProgress(line))

    reached = reach_target(spec.target, spec.proxy, spec.ca_bundle)
    opened = open_run(spec, None if out is None else require_path(out, "out"), spec.scenario.name, ask, tell_wait)
    with StopSignals() as signals, reached, opened as (aimed, folder, targets):
        followed = FollowedRun(aimed, folder, targets, Follower(folder.path).read_rows, on_progress)
        followed.tell(aimed)
        if aimed.master:
            warn_of_strangers(aimed, followed.tell)
        summary = add_notes(folder, aimed, followed.follow_to_end(signals), followed.tell)
        with signals.count_signals():
            write_ground_truth(aimed, folder, summary, followed.tell)
    write_page(folder, followed.tell)
    if followed.error is not None and not signals.count:  # a terminal that closes sends a signal too
        raise followed.error
    return Run(folder, summary)


def resolve(scenario: Scenario | Path | str, options: dict[str, Any]) -> RunSpec:
    """Resolve the options of a run, and check everything that can be checked before anything starts."""
    asked = make_run_options(**options)
    refuse_local_options(options)
    check_options(asked)
    check_machine(asked)
    spec = RunSpec.resolve(asked, *read_source(scenario))
    check_scenario(spec)
    return spec


@contextmanager
def open_run(
    spec: RunSpec, out: Path | None, name: str, ask: Callable[[OpenTargets], None], on_wait: OnWait
) -> Iterator[tuple[RunSpec, RunFolder, OpenTargets]]:
    """Open a run's targets and its folder, and write its spec with the targets' addresses into the folder.

    Without `out` the folder is named after the time and `name`. Before AWS is used, `ask` is called; it raises if the
    answer is no. `on_wait` gets a line when the target takes long to answer; a target that does not answer is refused.
    A run that is refused, or ends before its process starts, leaves no folder.
    """
    monitors = [each.monitor for each in spec.scenarios]
    named = [each.model_copy(update={"name": spec.monitor or each.name}) for each in monitors]
    store = spec.store and Path(spec.store)
    with open_targets(
        named, spec.target, spec.region or None, choose_endpoint_settings(spec), store or None, on_wait
    ) as targets:
        first, ids = targets.monitors[0], tuple(RunMonitor(m.monitor_name, m.monitor_id) for m in targets.monitors)
        aimed = msgspec.structs.replace(spec, url=first.url, region=first.region, monitors=ids)
        if targets.endpoint is None:
            check_credentials(aimed)
        if spec.target == "aws":
            ask(targets)
        elif targets.endpoint is None and require_answer(first.url, f"/appmonitors/{first.monitor_id}", on_wait):
            check_ports(aimed)
        folder = RunFolder.create(out, name, datetime.now(UTC))
        try:
            folder.write_spec(aimed)
            yield aimed, folder, targets
        except (LoadgenError, OSError, KeyboardInterrupt):
            if not folder.log.exists():  # no process was started
                folder.discard()
            raise


def choose_endpoint_settings(spec: RunSpec) -> EndpointSettings:
    """Return the settings of the endpoint that a run with the target `local` starts."""
    return EndpointSettings(
        # Nobody else knows this endpoint's key and reads its events, so keeping them would only fill the memory.
        keeps=spec.store is not None,
        quota=spec.quota,
        faults=parse_faults(spec.faults) if spec.faults else Faults(),
        max_batch_events=max(100, *(each.client.batchLimit for each in spec.scenarios)),
    )
