"""`sessions-not-run.csv`: the visits that a lost worker did not send, or only in part.

Rule: a mark goes before each request, so a batch that was in flight when its worker died counts as tried.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from io import TextIOWrapper
from itertools import chain
from math import inf
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from loadgen.model import Noun
from loadgen.output import open_output
from loadgen.results import records as record
from loadgen.results.records import Records
from loadgen.results.run_folder import RunFolder
from loadgen.results.table import read_records

INCOMPLETE_SESSIONS = "sessions-not-run.csv"
NEVER = -np.inf


class IncompleteSession(Noun):
    """One visit that was not run whole."""

    session: int  # index in the run
    session_id: str  # of its first client session; RUM's sessionId
    start: float  # seconds from the run's zero
    worker: int
    batches_due: int  # before the run's end
    batches_tried: int
    monitor: str = ""  # the app monitor's name

    @property
    def batches(self) -> tuple[int, int]:
        """Those due, and those tried."""
        return self.batches_due, self.batches_tried


class TriedBatches:
    """What a worker tried for an app monitor, first attempts by session; and when it meant to try the last of all."""

    def __init__(self, spool: Path, monitor: int = 0) -> None:
        self._monitor = monitor
        self._by_session = np.zeros(0, np.uint16)  # two bytes a session of the run
        self.until = -inf
        for batch in read_first_attempts(spool) if spool.is_file() else ():
            self._add(batch)

    def of(self, session: int) -> int:
        """How many batches of a session were tried."""
        return int(self._by_session[session]) if session < len(self._by_session) else 0

    @property
    def sessions(self) -> int:
        """One more than the highest index that was tried."""
        return len(self._by_session)

    def _add(self, batch: Records) -> None:
        if len(batch):
            own = batch[(batch["monitor"] == self._monitor) & (batch["session"] >= 0)]
            sign = np.where(own["status"] == record.NOT_SENT, -1, 1)
            sums = np.bincount(own["session"], weights=sign, minlength=len(self._by_session))
            counts = sums.astype(np.int64).astype(np.uint16)  # a start that is taken back may be in another chunk
            counts[: len(self._by_session)] += self._by_session
            self._by_session, self.until = counts, max(self.until, float(batch["intended"].max()))


def read_first_attempts(spool: Path) -> Iterator[Records]:
    """The marks of first attempts; the records where a worker on another machine has left no marks here."""
    chunks = record.read_chunks(spool, 100_000)
    for first in chunks:
        marked = bool((first["status"] == record.STARTED).any())
        for batch in chain([first], chunks):
            yield batch[(batch["attempt"] == 1) & ((batch["status"] < record.NO_ANSWER) == marked)]


def write_incomplete_sessions(folder: RunFolder, sessions: Iterable[IncompleteSession]) -> int:
    """Write the file whole or not at all; how many sessions it names."""
    count = 0
    with open_output(folder.path / INCOMPLETE_SESSIONS) as file, TextIOWrapper(file, "utf-8", newline="") as text:
        lines = csv.writer(text, lineterminator="\n")
        lines.writerow(IncompleteSession.__struct_fields__)
        for each in sessions:
            lines.writerow(msgspec.structs.astuple(each))
            count += 1
    return count


def read_incomplete_sessions(folder: RunFolder) -> list[IncompleteSession]:
    """The file's lines; none when there is no file."""
    file = folder.path / INCOMPLETE_SESSIONS
    if not file.is_file():
        return []
    with file.open(newline="", encoding="utf-8") as lines:
        return [msgspec.convert(line, IncompleteSession, strict=False) for line in csv.DictReader(lines)]


class LastSent:
    """Intended moments in seconds from the run's zero, by session index; eight bytes a session."""

    def __init__(self, folder: RunFolder, monitors: Sequence[str] = ()) -> None:
        """Of the first of the run's app monitors."""
        self._last: npt.NDArray[np.float64] = np.zeros(0, np.float64)
        for batch in read_records(folder, monitors if len(monitors) > 1 else ()):
            own = batch[batch["monitor"] == 0]
            if len(own):
                self._grow(int(own["session"].max()) + 1)
                np.maximum.at(self._last, own["session"], own["intended"])

    def of(self, session: int) -> float:
        """When the last batch of a visit that was sent was due; minus infinity when none was."""
        return float(self._last[session]) if session < len(self._last) else NEVER

    def _grow(self, sessions: int) -> None:
        if sessions > len(self._last):
            more = np.full(max(sessions, 2 * len(self._last)) - len(self._last), NEVER, np.float64)
            self._last = np.concatenate([self._last, more])
