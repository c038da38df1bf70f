"""A run's folder → RunData: the input of reports and comparisons, of a run that finished or was cut off.

Rule: a run is cut into at most 240 slices of whole seconds, so memory is bounded by the number of slices and buckets,
whatever the run's length. Quantiles are exact to the histogram's three digits, because they are taken from the requests
and never from other quantiles.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from loadgen.errors import LoadgenError
from loadgen.results import records as record
from loadgen.results.histogram import SIZE, Floats, highest_of, index_of, to_microseconds
from loadgen.results.records import Records
from loadgen.results.recovery import IncompleteSession, read_incomplete_sessions, recover_summary
from loadgen.results.run_folder import RUN, SUMMARY, RunFolder
from loadgen.results.run_spec import RunSpec
from loadgen.results.summary import Summary
from loadgen.results.table import read_records
from loadgen.results.timeline import MONITORS, TIMELINE, MonitorRow, TimelineRow, read_monitor_rows, read_timeline

VERSION = 1  # of summary.json


class RunData:
    """The summary, timeline and spec of one run; the records are read when they are first asked for."""

    def __init__(self, folder: RunFolder, width: int | None = None, summary: Summary | None = None) -> None:
        """`width` is the seconds a slice, by default as narrow as bounded memory allows."""
        self.folder = folder
        self.name = folder.path.resolve().name
        self.summary = summary or read_summary(folder)
        if not (folder.path / TIMELINE).is_file():
            raise LoadgenError(f"{folder.path / TIMELINE}: is missing; a report needs the whole folder of a run")
        self.rows = read_timeline(folder.path)
        self.spec: RunSpec | None = folder.spec() if (folder.path / RUN).is_file() else None
        self.timeline = BinnedTimeline(self.rows, width)

    @classmethod
    def open(cls, path: Path) -> RunData:
        """Read a folder. LoadgenError says in one line what is wrong with it."""
        return cls(RunFolder.open(path))

    def sliced(self, width: int) -> RunData:
        """The same run in slices of so many seconds."""
        return self if width == self.timeline.width else RunData(self.folder, width, self.summary)

    @cached_property
    def incomplete_sessions(self) -> list[IncompleteSession]:
        """The sessions that lost workers left undone."""
        return read_incomplete_sessions(self.folder)

    @cached_property
    def monitors(self) -> dict[str, BinnedTimeline]:
        """The run over time for each of several app monitors, by name; empty when there was one."""
        last, found = self.timeline.seconds, defaultdict[str, list[MonitorRow]](list)
        for row in read_monitor_rows(self.folder.path):
            if row.second < last:
                found[row.monitor].append(row)
        return {name: BinnedTimeline(rows, self.timeline.width) for name, rows in found.items()}

    @cached_property
    def gaps(self) -> tuple[str, ...]:
        """A line for each file that tells less of the run over time than its summary: it was damaged, or cut."""
        told, sent = sum(row.sent for row in self.rows), self.summary.requests.sent
        found = []
        excused = self.rows and self.summary.lost_workers  # what those had not reported is in the records alone
        if told < sent and not excused:
            found.append(f"{TIMELINE} tells of {told:,} of {sent:,} requests; the plots over time lack the others")
        names = [each.name for each in self.summary.monitors] if len(self.summary.monitors) > 1 else []
        if missing := [name for name in names if name not in self.monitors]:
            found.append(f"{MONITORS} tells nothing of {', '.join(missing)}; the plots of app monitors lack them")
        return tuple(found)

    @cached_property
    def requests(self) -> BinnedRequests | None:
        """Clocks and outcomes from the records; None when the records are no longer in the folder."""
        if not self.folder.has_records:
            return None
        return BinnedRequests(self.folder, self.timeline)


def read_summary(folder: RunFolder) -> Summary:
    """Read `summary.json`; of a run that was cut off, sum up its records and timeline."""
    try:
        summary = folder.summary() if folder.finished else recover_summary(folder)
    except (LookupError, ValueError, TypeError, ArithmeticError) as error:
        raise LoadgenError(
            f"{folder.path}: half-written or of another version of loadgen; {RUN} and {TIMELINE} do not fit ({error})"
        ) from error
    if summary.version != VERSION:
        raise LoadgenError(
            f"{folder.path / SUMMARY}: is of version {summary.version}, and this loadgen reads version {VERSION}"
        )
    return summary


MOST_SLICES = 240
SLICE_SECONDS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600)
MOST_ATTEMPTS = 6  # later ones are counted with the last
ATTEMPT_OUTCOMES = ("accepted", "throttled", "failed")


def find_bin_width(seconds: int) -> int:
    """Whole seconds a slice, so that there are not too many."""
    return next((width for width in SLICE_SECONDS if seconds <= MOST_SLICES * width), -(-seconds // MOST_SLICES))


class BinnedTimeline:
    """Rows of the whole or of an app monitor in slices: counts summed, gauges at their highest; each of shape (n,)."""

    def __init__(self, rows: Sequence[TimelineRow | MonitorRow], width: int | None = None) -> None:
        self.seconds = rows[-1].second + 1 if rows else 1
        self.width = width or find_bin_width(self.seconds)
        self.size = -(-self.seconds // self.width)
        self._rows = rows
        self._places = np.array([row.second for row in rows], dtype=np.int64) // self.width

    def summed(self, name: str) -> Floats:
        """A count of each slice."""
        sums = np.zeros(self.size)
        np.add.at(sums, self._places, self._values(name))
        return sums

    def rate(self, name: str) -> Floats:
        """A count a second, on average over each slice."""
        return self.summed(name) / self.lengths

    def highest(self, name: str) -> Floats:
        """The highest value in each slice, NaN where there is none."""
        highest = np.full(self.size, np.nan)
        np.fmax.at(highest, self._places, self._values(name))
        return highest

    @property
    def lengths(self) -> Floats:
        """Seconds of each slice; the last may be shorter."""
        lengths = np.full(self.size, float(self.width))
        lengths[-1] = self.seconds - (self.size - 1) * self.width
        return lengths

    def _values(self, name: str) -> Floats:
        values = (getattr(row, name) for row in self._rows)
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


class BinnedTimes:
    """How often each duration was measured in each slice: `values_ms` (k,), `counts` (n, k)."""

    def __init__(self, counts: npt.NDArray[np.int32], max_us: int) -> None:
        held = np.flatnonzero(counts.any(axis=0))
        self.max_ms = max_us / 1000
        self.values_ms: Floats = np.minimum(highest_of(held) / 1000, self.max_ms)
        self.counts: Floats = counts[:, held].astype(np.float64)

    def quantiles(self, weights: Floats, shares: tuple[float, ...]) -> Floats:
        """Quantiles with each slice counted so many times: weights (r, n) → (r, len(shares)), NaN of nothing."""
        found = np.full((len(weights), len(shares)), np.nan)
        if not len(self.values_ms):
            return found
        reached = np.cumsum(weights @ self.counts, axis=1)
        for row, sums in enumerate(reached):
            if sums[-1] > 0:
                ranks = np.maximum(np.array(shares) * sums[-1] - 1e-6, 1e-9)
                places = np.searchsorted(sums, ranks, side="left")
                found[row] = self.values_ms[np.minimum(places, len(self.values_ms) - 1)]
        return found

    def whole(self, shares: tuple[float, ...]) -> Floats:
        """Quantiles of the whole run."""
        found: Floats = self.quantiles(np.ones((1, len(self.counts))), shares)[0]
        return found

    def each(self, share: float) -> Floats:
        """A quantile of every slice, shape (n,)."""
        return self.quantiles(np.eye(len(self.counts)), (share,))[:, 0]


class BinnedRequests:
    """What the records tell beyond the timeline: the clocks by slice, and outcomes by attempt, in one pass."""

    def __init__(self, folder: RunFolder, timeline: BinnedTimeline) -> None:
        self._counts = {name: np.zeros((timeline.size, SIZE), dtype=np.int32) for name in ("latency", "service", "lag")}
        self._max = dict.fromkeys(self._counts, 0)
        self._timeline = timeline
        self.by_attempt = np.zeros((MOST_ATTEMPTS, len(ATTEMPT_OUTCOMES)), dtype=np.int64)
        self.events_at_once = self.events_by_retry = 0
        self.events_lost_throttled = self.events_lost_failed = 0
        for batch in read_records(folder):
            self._add(batch)
        clocks = {name: BinnedTimes(counts, self._max[name]) for name, counts in self._counts.items()}
        self.latency, self.service, self.lag = clocks["latency"], clocks["service"], clocks["lag"]
        self._counts.clear()

    def _add(self, batch: Records) -> None:
        places = np.clip(batch["finished"].astype(np.int64) // self._timeline.width, 0, self._timeline.size - 1)
        self._time("latency", places, batch["finished"] - batch["intended"])
        self._time("service", places, batch["finished"] - batch["started"])
        self._time("lag", places, batch["started"] - batch["intended"])
        ok, refused, first = record.is_accepted(batch), record.is_throttled(batch), batch["attempt"] == 1
        attempt = np.clip(batch["attempt"], 1, MOST_ATTEMPTS).astype(np.int64) - 1
        np.add.at(self.by_attempt, (attempt, np.where(ok, 0, np.where(refused, 1, 2))), 1)
        self.events_at_once += int(batch["events"][ok & first].sum())
        self.events_by_retry += int(batch["events"][ok & ~first].sum())
        self.events_lost_throttled += int(batch["events"][refused & batch["final"]].sum())
        self.events_lost_failed += int(batch["events"][~ok & ~refused & batch["final"]].sum())

    def _time(self, name: str, places: npt.NDArray[np.int64], seconds: Floats) -> None:
        microseconds = to_microseconds(seconds)
        np.add.at(self._counts[name], (places, index_of(microseconds)), 1)
        self._max[name] = max(self._max[name], int(microseconds.max(initial=0)))
