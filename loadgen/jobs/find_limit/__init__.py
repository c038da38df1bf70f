"""`loadgen find-limit`: scenario and conditions → the highest request rate that keeps them.

This module opens target and folder, starts the Locust process, follows its windows, and returns the limit.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import msgspec

from loadgen.errors import LoadgenError, interrupt
from loadgen.jobs.find_limit.view import build_limit_view, format_step
from loadgen.jobs.inputs import read_source, take_first_monitor
from loadgen.jobs.progress import OnLine, WorkProgress, ignore_progress
from loadgen.jobs.run import open_run
from loadgen.jobs.run.follow import FollowedRun
from loadgen.jobs.run.preflight import check_machine, confirm_aws
from loadgen.jobs.stop_signals import StopSignals
from loadgen.jobs.targets import Confirm, OpenTargets, reach_target, refuse_local_options
from loadgen.limit import (
    LIMIT_FILE,
    LONGEST_SECONDS,
    STEPS_FILE,
    Conditions,
    Limit,
    LimitSearch,
    SearchRange,
    SearchStep,
    find_limit_so_far,
)
from loadgen.model import Noun
from loadgen.options import require_callback, require_path, resolve_options, show_options
from loadgen.output import format_json, write_output
from loadgen.results import GrowingFile, RunFolder, RunSpec, Summary, make_run_options
from loadgen.scenario import Scenario
from loadgen.verb_options import FindLimitOptions

__all__ = ["FoundLimit", "SearchProgress", "build_limit_view", "find_limit", "format_step"]

SETTLE_SECONDS = 1.0
FEWEST = 2  # fewest requests in a window


class FoundLimit(Noun):
    """The limit that a search found, and the folder of its run."""

    limit: Limit
    folder: Path

    @property
    def exit_code(self) -> int:
        """0 confirmed, 3 not confirmed or bounded by the generator itself, 130 interrupted."""
        if self.limit.interrupted:
            return 130
        return 0 if self.limit.confirmed and not self.limit.own else 3


SearchProgress = SearchStep | str
OnSearchProgress = Callable[[SearchProgress], None]
"""Called with each window as it ends, and with lines for people."""


@show_options(FindLimitOptions)
def find_limit(
    scenario: Scenario | Path | str,
    *,
    out: Path | str | None = None,
    on_progress: OnSearchProgress = ignore_progress,
    confirm: Confirm | None = None,
    **options: Any,
) -> FoundLimit:
    """Find the highest request rate that keeps the conditions: climb, bracket, bisect, confirm.

    Args:
        scenario: The scenario or its file; the search uses its first app monitor.
        out: A new or empty folder; by default results/<time>-<name>-limit.
        on_progress: Called with each window (a `SearchStep`) as it ends, and with lines of text.
        confirm: Called before anything is sent to AWS; without it the answer is no.
        **options: Fields of `FindLimitOptions`.

    Raises:
        LoadgenError: An option is unknown or out of bounds, or the search cannot start.
        Interrupted: Ctrl-C came before any rate was known to keep the conditions.
    """
    require_callback(on_progress, "on_progress")
    require_callback(confirm, "confirm", may_be_none=True)
    asked = resolve_options(FindLimitOptions, options)
    refuse_local_options(options)
    folder, (source, text) = None if out is None else require_path(out, "out"), read_source(scenario)
    first = take_first_monitor(Scenario.parse(text, source), "find-limit", on_progress)
    search = build_search(asked, is_start_given="start" in options)
    if asked.target == "aws":
        on_progress(describe_bound(asked))
    spec = build_spec(source, text, asked, search)

    def ask(targets: OpenTargets) -> None:  # with the figures of a plain run of the scenario
        own = msgspec.structs.replace(spec, duration=first.duration, sample_rate=None, find_limit=None)
        confirm_aws(own, targets, confirm)

    with reach_target(spec.target, spec.proxy, spec.ca_bundle):
        return _search(open_run(spec, folder, f"{first.name}-limit", ask, on_progress), search, on_progress)


def _search(
    opened: AbstractContextManager[tuple[RunSpec, RunFolder, OpenTargets]], search: LimitSearch, tell: OnSearchProgress
) -> FoundLimit:
    """Follow the run of a search to its end, and return the limit."""
    with StopSignals() as signals, opened as (aimed, folder, targets):
        steps, seen = GrowingFile(folder.path / STEPS_FILE), list[SearchStep]()

        def read_steps() -> list[SearchStep]:
            return [msgspec.json.decode(line, type=SearchStep) for line in steps.read_new_lines().splitlines()]

        def pass_on(news: SearchStep | str | WorkProgress) -> None:
            if isinstance(news, SearchStep):
                seen.append(news)
            tell(news.what if isinstance(news, WorkProgress) else news)

        followed = FollowedRun(aimed, folder, targets, read_steps, pass_on)
        summary = followed.follow_to_end(signals)
    limit = read_found(folder)
    if limit is None:
        limit = keep_so_far(folder, find_limit_so_far(seen, search.conditions, search.where), summary, followed.tell)
    if followed.error is not None:
        raise followed.error
    return FoundLimit(limit, folder.path)


def build_spec(source: str, text: str, asked: FindLimitOptions, search: LimitSearch) -> RunSpec:
    """Resolve the run spec of a search. `text` is the scenario's TOML, `source` its file's name in messages."""
    names = ("target", "monitor", "region", "proxy", "ca_bundle", "seed", "senders", "quota", "accept")
    shared = {name: getattr(asked, name) for name in names}
    options = make_run_options(**shared, duration=LONGEST_SECONDS, sample_rate=1.0)
    check_machine(options)
    return msgspec.structs.replace(RunSpec.resolve(options, source, text), find_limit=msgspec.to_builtins(search))


def describe_bound(asked: FindLimitOptions) -> str:
    """Say how much a search may send to AWS: the question that follows names only a plain run of the scenario."""
    most = asked.max_windows * asked.max_rate * (asked.hold + SETTLE_SECONDS)
    return (
        f"A search sends at rates of its own: {most:,.0f} requests at most in {asked.max_windows} windows up to "
        f"{asked.max_rate:g} a second, each with its events; lower --max-rate to bound the cost."
    )


def build_search(asked: FindLimitOptions, is_start_given: bool) -> LimitSearch:
    """Build the search from its options. LoadgenError: a window would have too few requests, or `start` no effect."""
    if is_start_given and asked.start > asked.max_rate:
        high = f"{asked.max_rate:g}"
        raise LoadgenError(f"--start {asked.start:g} is above --max-rate {high}; start at {high} at most")
    first, option = min((asked.start, "--start"), (asked.max_rate, "--max-rate"))
    if first * asked.hold < FEWEST:
        raise LoadgenError(
            f"{option} {first:g} sends fewer than {FEWEST} requests in a window of {asked.hold:g} s; "
            f"give a --hold of at least {FEWEST / first:g} s"
        )
    where = SearchRange(
        start=asked.start,
        floor=max(SearchRange().floor, FEWEST / asked.hold),
        ceiling=asked.max_rate,
        precision=asked.precision,
        most_windows=asked.max_windows,
    )
    conditions = Conditions(most_throttled=asked.max_throttled, most_failed=asked.max_failed, most_p99_ms=asked.max_p99)
    return LimitSearch(
        conditions=conditions, where=where, hold=asked.hold, settle=SETTLE_SECONDS, senders=asked.senders
    )


def read_found(folder: RunFolder) -> Limit | None:
    """Read the limit from the run's folder; None if the search did not end. LoadgenError: the search found none."""
    file = folder.path / LIMIT_FILE
    if not file.exists():
        return None
    read = file.read_bytes()
    if b'"refused"' in read:
        raise LoadgenError(f"{msgspec.json.decode(read)['refused']} ({folder.path})")
    return msgspec.json.decode(read, type=Limit)


def keep_so_far(folder: RunFolder, found: Limit | None, summary: Summary, tell: OnLine) -> Limit:
    """Write and return the limit found until Ctrl-C, or until the search broke off, as not confirmed.

    If no limit was found: Interrupted after Ctrl-C, else a LoadgenError that says why the search broke off.
    """
    interrupted = summary.verdict == "interrupted"
    why = "" if interrupted else next(iter(summary.reasons), "its process ended")
    if found is None:
        unknown = f"no rate was known to keep the conditions yet; the windows are in {folder.path}"
        if not interrupted:
            raise LoadgenError(f"the search broke off: {why}; {unknown}")
        tell(unknown)
        interrupt()
    found = msgspec.structs.replace(found, interrupted=interrupted, broken_off=why)
    try:
        write_output(folder.path / LIMIT_FILE, format_json(found))
    except (OSError, LoadgenError) as error:
        tell(f"no {LIMIT_FILE}: {error}")
    return found
