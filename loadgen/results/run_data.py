"""A run's folder → RunData: the input of reports and comparisons. The run may have finished or been cut off.

Rule: a run is divided into at most 240 bins of whole seconds, so the number of bins and buckets bounds the memory,
whatever the run's length. Quantiles are exact to the histogram's three digits, because they are computed from the
requests and never from other quantiles.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loadgen.errors import LoadgenError
from loadgen.results import records as record
from loadgen.results.histogram import SIZE, Floats, find_buckets, find_highest_values, to_microseconds
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
        """`width` is the length of a bin in seconds; the default gives at most MOST_BINS bins."""
        self.folder = folder
        self.name = folder.path.resolve().name
        self.summary = summary or read_or_recover_summary(folder)
        if not (folder.path / TIMELINE).is_file():
            raise LoadgenError(f"{folder.path / TIMELINE}: is missing; a report needs the whole folder of a run")
        self.rows = read_timeline(folder.path)
        self.spec: RunSpec | None = folder.read_spec() if (folder.path / RUN).is_file() else None
        self.timeline = BinnedTimeline(self.rows, width)

    @classmethod
    def open(cls, path: Path) -> RunData:
        """Read the folder of a run. LoadgenError says in one line what is wrong with the folder."""
        return cls(RunFolder.open(path))

    def rebin(self, width: int) -> RunData:
        """Return this run in bins of `width` seconds."""
        return self if width == self.timeline.width else RunData(self.folder, width, self.summary)

    @cached_property
    def incomplete_sessions(self) -> list[IncompleteSession]:
        """The sessions that lost workers did not finish."""
        return read_incomplete_sessions(self.folder)

    @cached_property
    def monitors(self) -> dict[str, BinnedTimeline]:
        """The run over time for each app monitor, by name; empty when there was only one app monitor."""
        last, by_monitor = self.timeline.seconds, defaultdict[str, list[MonitorRow]](list)
        for row in read_monitor_rows(self.folder.path):
            if row.second < last:
                by_monitor[row.monitor].append(row)
        return {name: BinnedTimeline(rows, self.timeline.width) for name, rows in by_monitor.items()}

    @cached_property
    def gaps(self) -> tuple[str, ...]:
        """One line for each file that lacks a part of the run, because it was damaged or cut."""
        in_timeline, sent = sum(row.sent for row in self.rows), self.summary.requests.sent
        lines = []
        excused = self.rows and self.summary.lost_workers  # their last seconds are in the records only
        if in_timeline < sent and not excused:
            lines.append(f"{TIMELINE} holds {in_timeline:,} of {sent:,} requests; the plots over time lack the others")
        names = [each.name for each in self.summary.monitors] if len(self.summary.monitors) > 1 else []
        if missing := [name for name in names if name not in self.monitors]:
            lines.append(f"{MONITORS} holds nothing of {', '.join(missing)}; the plots of app monitors lack them")
        return tuple(lines)

    @cached_property
    def requests(self) -> BinnedRequests | None:
        """Clocks and outcomes, computed from the records; None when the records are no longer in the folder."""
        if not self.folder.has_records:
            return None
        return BinnedRequests(self.folder, self.timeline)


def read_or_recover_summary(folder: RunFolder) -> Summary:
    """Read `summary.json`. If the run was cut off and has none, sum up its records and timeline."""
    try:
        summary = folder.read_summary() if folder.finished else recover_summary(folder)
    except (LookupError, ValueError, TypeError, ArithmeticError) as error:
        raise LoadgenError(
            f"{folder.path}: half-written or of another version of loadgen; {RUN} and {TIMELINE} do not match ({error})"
        ) from error
    if summary.version != VERSION:
        raise LoadgenError(
            f"{folder.path / SUMMARY}: is of version {summary.version}, and this loadgen reads version {VERSION}; "
            "report it with the loadgen that ran it"
        )
    return summary


MOST_BINS = 240
BIN_SECONDS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600)
MOST_ATTEMPTS = 6  # later attempts are counted as the sixth
ATTEMPT_OUTCOMES = ("accepted", "throttled", "failed")


def find_bin_width(seconds: int) -> int:
    """Return the whole seconds of a bin that give a run of `seconds` at most MOST_BINS bins."""
    return next((width for width in BIN_SECONDS if seconds <= MOST_BINS * width), -(-seconds // MOST_BINS))


class BinnedTimeline:
    """The timeline of a run or of one app monitor in bins; each method gives one value a bin, shape (n,)."""

    def __init__(self, rows: Sequence[TimelineRow | MonitorRow], width: int | None = None) -> None:
        self.seconds = rows[-1].second + 1 if rows else 1
        self.width = width or find_bin_width(self.seconds)
        self.size = -(-self.seconds // self.width)
        self._rows = rows
        self._places = np.array([row.second for row in rows], dtype=np.int64) // self.width

    def sum_bins(self, name: str) -> Floats:
        """Return the sum of a count in each bin, shape (n,)."""
        sums = np.zeros(self.size)
        np.add.at(sums, self._places, self._read_values(name))
        return sums

    def compute_rate(self, name: str) -> Floats:
        """Return a count per second, as the mean of each bin, shape (n,)."""
        return self.sum_bins(name) / self.lengths

    def find_maxima(self, name: str) -> Floats:
        """Return the highest value in each bin, shape (n,); NaN where a bin has no value."""
        highest = np.full(self.size, np.nan)
        np.fmax.at(highest, self._places, self._read_values(name))
        return highest

    @property
    def lengths(self) -> Floats:
        """The seconds of each bin, shape (n,); the last bin may be shorter."""
        lengths = np.full(self.size, float(self.width))
        lengths[-1] = self.seconds - (self.size - 1) * self.width
        return lengths

    def _read_values(self, name: str) -> Floats:
        values = (getattr(row, name) for row in self._rows)
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


class BinnedTimes:
    """A clock in bins: how often each duration `values_ms`, shape (k,), was measured: `counts`, shape (n, k)."""

    def __init__(self, counts: NDArray[np.int32], max_us: int) -> None:
        held = np.flatnonzero(counts.any(axis=0))
        self.max_ms = max_us / 1000
        self.values_ms: Floats = np.minimum(find_highest_values(held) / 1000, self.max_ms)
        self.counts: Floats = counts[:, held].astype(np.float64)

    def compute_quantiles(self, weights: Floats, shares: tuple[float, ...]) -> Floats:
        """Return quantiles of r weighted mixes of the bins: weights (r, n) → (r, len(shares)); NaN of nothing."""
        quantiles = np.full((len(weights), len(shares)), np.nan)
        if not len(self.values_ms):
            return quantiles
        reached = np.cumsum(weights @ self.counts, axis=1)
        for row, sums in enumerate(reached):
            if sums[-1] > 0:
                ranks = np.maximum(np.array(shares) * sums[-1] - 1e-6, 1e-9)
                places = np.searchsorted(sums, ranks, side="left")
                quantiles[row] = self.values_ms[np.minimum(places, len(self.values_ms) - 1)]
        return quantiles

    def compute_run_quantiles(self, shares: tuple[float, ...]) -> Floats:
        """Return quantiles of the whole run in milliseconds, shape (len(shares),)."""
        quantiles: Floats = self.compute_quantiles(np.ones((1, len(self.counts))), shares)[0]
        return quantiles

    def compute_bin_quantiles(self, share: float) -> Floats:
        """Return one quantile of every bin in milliseconds, shape (n,)."""
        return self.compute_quantiles(np.eye(len(self.counts)), (share,))[:, 0]


class BinnedRequests:
    """What only the records hold: the clocks by bin and the outcomes by attempt, computed in one pass."""

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

    def _time(self, name: str, places: NDArray[np.int64], seconds: Floats) -> None:
        microseconds = to_microseconds(seconds)
        np.add.at(self._counts[name], (places, find_buckets(microseconds)), 1)
        self._max[name] = max(self._max[name], int(microseconds.max(initial=0)))
