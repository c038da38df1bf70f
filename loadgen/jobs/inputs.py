"""What a job is given: a scenario or the path of its file, points in time, and files to write."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from loadgen.errors import LoadgenError
from loadgen.jobs.progress import OnLine
from loadgen.options import require_path
from loadgen.output import check_output, refuse_overwriting
from loadgen.scenario import Scenario, format_scenario, read_text


def read_scenario(given: Scenario | Path | str, lasts: float | None = None) -> Scenario:
    """Return a scenario as it is, or read it from its file; `lasts`: its seconds if the file states no duration."""
    return given if isinstance(given, Scenario) else Scenario.load(given, lasts)


def read_source(given: Scenario | Path | str) -> tuple[str, str]:
    """Return a scenario's file name, for messages, and its TOML; a scenario without a file gets both from its name."""
    if isinstance(given, Scenario):
        return f"{given.name}.toml", format_scenario(given)
    return str(given), read_text(given)


def prepare_output(given: Path | str | None, name: str, sources: Iterable[object] = ()) -> Path | None:
    """Return the path of a file to write, before the work begins; None stays None. `name` is the argument's.

    LoadgenError: the file cannot be written, or is one of the `sources`, which the job reads (what is no path is none).
    """
    if given is None:
        return None
    file = require_path(given, name)
    refuse_overwriting([file], [Path(each) for each in sources if isinstance(each, str | Path)])
    check_output(file)
    return file


def parse_moment(text: str, now: float) -> float:
    """Return the Unix time of the text `now`, or of an ISO 8601 date and time; UTC unless it has an offset."""
    if text == "now":
        return now
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise LoadgenError(
            f'"{text}" is no point in time; write now, or a date such as 2026-03-01 or 2026-03-01T12:00:00Z'
        ) from None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def take_first_monitor(scenario: Scenario, job: str, on_progress: OnLine) -> Scenario:
    """Return the scenario of the first app monitor; report to `on_progress` which neighbours the job leaves out."""
    if scenario.neighbours:
        first, others = scenario.monitor.name, ", ".join(each.monitor.name for each in scenario.neighbours)
        on_progress(f"note: {job} uses the scenario's first app monitor, {first}, and not its neighbours: {others}")
    return scenario.monitors[0]
