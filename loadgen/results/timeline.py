"""`timeline.csv`, a line a second, and `monitors.csv`, a line a second and app monitor: written live, read by reports.

Rule: names are stable, and new names come at the end; results/README.md explains each name.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from loadgen.errors import LoadgenError
from loadgen.model import Noun, Volume
from loadgen.results.aggregate import OpenSecond
from loadgen.results.meter import EventCounts
from loadgen.results.outcomes import UNITS, Outcomes, name_count

TIMELINE, MONITORS = "timeline.csv", "monitors.csv"


class TimelineRow(Noun):
    """One second of `timeline.csv`."""

    second: int
    sessions_started: int
    sessions_active: int
    in_flight: int
    offered: int
    sent: int
    accepted: int
    throttled: int
    failed: int
    retried: int
    recovered: int
    given_up: int
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    latency_p99_ms: float | None
    latency_max_ms: float | None
    service_time_p50_ms: float | None
    service_time_p99_ms: float | None
    lag_p99_ms: float | None
    cpu_percent: float
    rss_bytes: int
    sessions: int  # this and the following five: counted since the run's zero
    generated: int
    not_sampled: int
    over_session_limit: int
    dropped_by_client: int
    switched_off: int
    offered_events: int  # this and the following: every attempt counts
    offered_wire_bytes: int
    offered_raw_bytes: int
    sent_events: int
    sent_wire_bytes: int
    sent_raw_bytes: int
    accepted_events: int
    accepted_wire_bytes: int
    accepted_raw_bytes: int
    throttled_events: int
    throttled_wire_bytes: int
    throttled_raw_bytes: int
    failed_events: int
    failed_wire_bytes: int
    failed_raw_bytes: int
    retried_events: int
    retried_wire_bytes: int
    retried_raw_bytes: int
    recovered_events: int
    recovered_wire_bytes: int
    recovered_raw_bytes: int
    given_up_events: int
    given_up_wire_bytes: int
    given_up_raw_bytes: int
    preflights: int = 0  # CORS preflights; `sent` does not count them
    preflights_refused: int = 0  # refused, or not answered

    @property
    def events_sent(self) -> int:
        """Events in first attempts."""
        return self.sent_events - self.retried_events


def build_timeline_row(second: int, closed: OpenSecond, tally: EventCounts) -> TimelineRow:
    """Build the timeline's row of a closed second; `tally` holds the event counts since the run's zero."""
    metrics = closed.metrics
    quantiles = {
        "latency_p50_ms": metrics.latency.quantile_ms(0.5),
        "latency_p95_ms": metrics.latency.quantile_ms(0.95),
        "latency_p99_ms": metrics.latency.quantile_ms(0.99),
        "latency_max_ms": metrics.latency.quantile_ms(1.0),
        "service_time_p50_ms": metrics.service_time.quantile_ms(0.5),
        "service_time_p99_ms": metrics.service_time.quantile_ms(0.99),
        "lag_p99_ms": metrics.lag.quantile_ms(0.99),
    }
    cells = closed.gauges | metrics.outcomes.flatten() | list_tally(tally) | quantiles | {"second": second}
    return msgspec.convert(cells, TimelineRow)


class MonitorRow(Noun):
    """One second of one app monitor in `monitors.csv`."""

    second: int
    monitor: str
    offered: int
    sent: int
    accepted: int
    throttled: int
    failed: int
    retried: int
    recovered: int
    given_up: int
    sessions: int  # this and the following five: counted since the run's zero
    generated: int
    not_sampled: int
    over_session_limit: int
    dropped_by_client: int
    switched_off: int
    offered_events: int
    offered_wire_bytes: int
    offered_raw_bytes: int
    sent_events: int  # this and the following: every attempt counts
    sent_wire_bytes: int
    sent_raw_bytes: int
    accepted_events: int
    accepted_wire_bytes: int
    accepted_raw_bytes: int
    retried_events: int
    given_up_events: int


def build_monitor_row(second: int, monitor: str, outcomes: Outcomes, tally: EventCounts) -> MonitorRow:
    """Build an app monitor's row of a closed second; `tally` holds its event counts since the run's zero."""
    return msgspec.convert(outcomes.flatten() | list_tally(tally) | {"second": second, "monitor": monitor}, MonitorRow)


def list_tally(tally: EventCounts) -> dict[str, int]:
    """Return the counts of a tally by name, without its volumes."""
    return {name: count for name, count in msgspec.structs.asdict(tally).items() if isinstance(count, int)}


def read_offered(row: TimelineRow | MonitorRow) -> Volume:
    """Return the volume of batches that were due in a row's second."""
    return Volume(*(getattr(row, name_count("offered", unit)) for unit in UNITS))


def read_tally(row: TimelineRow | MonitorRow) -> EventCounts:
    """Return the event counts that a row holds."""
    return EventCounts(**{name: getattr(row, name) for name in EventCounts.__struct_fields__ if hasattr(row, name)})


class RowWriter:
    """Writes a CSV file with a header; every line is flushed as it is written."""

    def __init__(self, path: Path, kind: type[Noun]) -> None:
        self._file = path.open("w", newline="", encoding="utf-8")
        self._rows = csv.writer(self._file, lineterminator="\n")
        self._rows.writerow(kind.__struct_fields__)
        self._file.flush()

    def write(self, row: Noun) -> None:
        """Write a row as a line."""
        self._rows.writerow(msgspec.structs.astuple(row))
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class GrowingFile:
    """A text file to which another process still appends lines."""

    def __init__(self, path: Path) -> None:
        self._path, self._offset = path, 0

    def read_new_lines(self) -> bytes:
        """Return the complete lines that were appended since the last call; b"" while there is no file."""
        if not self._path.exists():
            return b""
        with self._path.open("rb") as file:
            file.seek(self._offset)
            complete, end, _ = file.read().rpartition(b"\n")
        self._offset += len(complete + end)
        return complete


class Follower:
    """Reads `timeline.csv` while another process still writes it."""

    def __init__(self, folder: Path) -> None:
        self._file = GrowingFile(folder / TIMELINE)
        self._header: list[str] = []

    def read_rows(self) -> Iterator[TimelineRow]:
        """Yield the rows that were written completely since the last call."""
        for cells in csv.reader(self._file.read_new_lines().decode().splitlines()):
            if self._header:
                named = {name: cell or None for name, cell in zip(self._header, cells, strict=True)}
                yield msgspec.convert(named, TimelineRow, strict=False)
            else:
                self._header = cells


def read_timeline(folder: Path) -> list[TimelineRow]:
    """Read the complete lines of `timeline.csv`, by second; none without such a file. LoadgenError: a damaged file."""
    with name_damage(folder / TIMELINE):
        return sorted(Follower(folder).read_rows(), key=lambda row: row.second)


def read_monitor_rows(folder: Path) -> list[MonitorRow]:
    """Read the complete lines of `monitors.csv`; none without such a file. LoadgenError: a damaged file."""
    path = folder / MONITORS
    with name_damage(path):
        lines = GrowingFile(path).read_new_lines().decode().splitlines()
        return [msgspec.convert(line, MonitorRow, strict=False) for line in csv.DictReader(lines)]


@contextmanager
def name_damage(path: Path) -> Iterator[None]:
    """Turn an error of reading into a LoadgenError that names the damaged file."""
    try:
        yield
    except (OSError, ValueError, csv.Error) as error:
        raise LoadgenError(
            f"{path}: cannot be read as a run's {path.name}; is it damaged, or of another version? {error}"
        ) from error
