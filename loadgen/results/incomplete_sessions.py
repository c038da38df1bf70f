"""`sessions-not-run.csv`: the visits that a lost worker did not send, or only in part; and what it tried.

Rule: a mark goes before each request, so a batch that was in flight when its worker died counts as tried.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from itertools import chain
from math import inf
from pathlib import Path

import msgspec
import numpy as np

from loadgen.model import Noun
from loadgen.results import records as record
from loadgen.results.records import Records
from loadgen.results.store import UNRUN, RunFolder


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


class Tried:
    """What a worker tried for an app monitor, first attempts by session; and when it meant to try the last of all."""

    def __init__(self, spool: Path, monitor: int = 0) -> None:
        self._monitor = monitor
        self._by_session = np.zeros(0, np.uint16)  # two bytes a session of the run
        self.until = -inf
        for batch in first_attempts(spool) if spool.is_file() else ():
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
            own = batch["session"][batch["monitor"] == self._monitor]
            counts = np.bincount(own, minlength=len(self._by_session)).astype(np.uint16)
            counts[: len(self._by_session)] += self._by_session
            self._by_session, self.until = counts, max(self.until, float(batch["intended"].max()))


def first_attempts(spool: Path) -> Iterator[Records]:
    """The marks of first attempts; the records where a worker on another machine has left no marks here."""
    chunks = record.chunks(spool, 100_000)
    for first in chunks:
        marked = bool((first["status"] == record.STARTED).any())
        for batch in chain([first], chunks):
            yield batch[(batch["attempt"] == 1) & ((batch["status"] == record.STARTED) == marked)]


def write_unrun(folder: RunFolder, unrun: Iterable[IncompleteSession]) -> int:
    """Write the file whole or not at all; how many sessions it names."""
    file, count = folder.path / UNRUN, 0
    unfinished = file.with_name(f"{UNRUN}.part")
    try:
        with unfinished.open("w", newline="", encoding="utf-8") as part:
            lines = csv.writer(part, lineterminator="\n")
            lines.writerow(IncompleteSession.__struct_fields__)
            for each in unrun:
                lines.writerow(msgspec.structs.astuple(each))
                count += 1
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
    return count


def read_unrun(folder: RunFolder) -> list[IncompleteSession]:
    """The file's lines; none when there is no file."""
    file = folder.path / UNRUN
    if not file.is_file():
        return []
    with file.open(newline="", encoding="utf-8") as lines:
        return [msgspec.convert(line, IncompleteSession, strict=False) for line in csv.DictReader(lines)]
