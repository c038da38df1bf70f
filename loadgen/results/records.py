"""One record a request, 104 bytes each: the stream that everything else is computed from.

Rule: a worker packs its measurements and never reads them again; sums, histograms and rows are made where the records
of all workers come together. A record stands alone: a file that was cut off is good up to its last whole one.
"""

from __future__ import annotations

import math
import mmap
import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from loadgen.errors import LoadgenError
from loadgen.model import Noun, Result

NO_ANSWER = 0  # in place of a status
STARTED = -1  # in place of a status: about to be sent; a record with the answer follows
NOT_SENT = -2  # in place of a status: takes back a STARTED, as this machine could not send the request
THROTTLED = 429

MOST_SESSIONS, MOST_SECONDS = 100_000_000, 366 * 86_400.0  # no run has more

RECORD = np.dtype(
    [
        ("session", "<i8"),
        ("intended", "<f8"),  # seconds from the run's zero
        ("started", "<f8"),
        ("finished", "<f8"),
        ("waited", "<f8"),  # seconds from its events to the intended moment, on average
        ("status", "<i4"),
        ("events", "<i4"),
        ("wire_bytes", "<i4"),
        ("raw_bytes", "<i4"),
        ("worker", "<i2"),
        ("monitor", "<i2"),  # which of the run's app monitors, counted from 0
        ("attempt", "<i2"),
        ("final", "?"),
        ("beacon", "?"),
        ("error", "S40"),  # why it failed: a cause, or status and error name
    ]
)
LAYOUT = struct.Struct("<qddddiiiihhh??40s")
assert LAYOUT.size == RECORD.itemsize

Records = npt.NDArray[np.void]


def pack_result(result: Result, worker: int) -> bytes:
    """A result as one record."""
    return LAYOUT.pack(
        result.session,
        result.intended,
        result.started,
        result.finished,
        result.waited,
        NO_ANSWER if result.status is None else result.status,
        result.events,
        result.wire_bytes,
        result.raw_bytes,
        worker,
        result.monitor,
        result.attempt,
        result.final,
        result.beacon,
        b"" if result.error is None else result.error.encode("ascii", "replace"),
    )


class Spool:
    """A worker's own file of records, mapped into its memory: what was stored there survives the worker's death.

    A mark goes before each request, so that those without a record after them are known to be in doubt. The file is
    claimed a piece ahead of use, so that a full disk is known while there is room for what is in flight.
    """

    PIECE = 64 * math.lcm(RECORD.itemsize, mmap.ALLOCATIONGRANULARITY)

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
        self._base, self._at = 0, 0
        self.full: str | None = None  # why no more can be claimed
        os.posix_fallocate(self._file, 0, self.PIECE)
        self._open()

    def start(
        self, session: int, events: int, attempt: int, intended: float = 0.0, monitor: int = 0, mark: int = STARTED
    ) -> None:
        """A request is about to be sent; with the mark NOT_SENT, this machine could not send it."""
        piece, at = self._piece, self._at
        LAYOUT.pack_into(
            piece, at, session, intended, 0.0, 0.0, 0.0, mark, events, 0, 0, 0, monitor, attempt, False, False, b""
        )
        self._go_on()

    def finish(self, packed: bytes) -> None:
        """A request is over, however it ended."""
        self._piece[self._at : self._at + LAYOUT.size] = packed
        self._go_on()

    def close(self) -> None:
        """Close the file, cut to the records that it holds."""
        self._piece.close()
        os.truncate(self._file, self._base + self._at)
        os.close(self._file)

    def _go_on(self) -> None:
        self._at += LAYOUT.size
        if self._at == self.PIECE:
            self._piece.close()
            self._base, self._at = self._base + self.PIECE, 0
            self._open()

    def _open(self) -> None:
        self._piece = mmap.mmap(self._file, self.PIECE, offset=self._base)
        try:
            os.posix_fallocate(self._file, self._base + self.PIECE, self.PIECE)
        except OSError as error:
            self.full = error.strerror or str(error)


class InDoubt(Noun):
    """Requests, every attempt counted, and their events that a worker sent and died before it recorded the answer."""

    requests: int = 0
    events: int = 0

    def __add__(self, other: InDoubt) -> InDoubt:
        return InDoubt(self.requests + other.requests, self.events + other.events)


def count_in_doubt(spools: Iterable[Path], monitors: int = 1) -> tuple[InDoubt, ...]:
    """Requests that spools hold a mark of and no record, by app monitor."""
    requests, events = np.zeros(monitors, dtype=np.int64), np.zeros(monitors, dtype=np.int64)
    for path in spools:
        for batch in read_chunks(path, 100_000):
            sign = np.where(batch["status"] == STARTED, 1, -1)
            np.add.at(requests, batch["monitor"], sign)
            np.add.at(events, batch["monitor"], sign * batch["events"])
    return tuple(map(InDoubt, np.maximum(requests, 0).tolist(), np.maximum(events, 0).tolist()))


def unpack_records(packed: bytes) -> Records:
    """The whole records in some bytes, shape (n,)."""
    return np.frombuffer(packed, RECORD, len(packed) // RECORD.itemsize)


def read_spool(path: Path, rows: int = 100_000) -> Iterator[Records]:
    """The records of a file, without its marks, so many at a time."""
    for batch in read_chunks(path, rows):
        yield batch[batch["status"] >= NO_ANSWER]


def read_chunks(path: Path, rows: int) -> Iterator[Records]:
    """Records and marks as stored, without the empty end of a spool whose worker is alive or died.

    A worker that was killed may leave half a record, as the last one. LoadgenError: the file holds something else too.
    """
    torn = False
    with path.open("rb") as file:
        while packed := file.read(rows * RECORD.itemsize):
            batch = unpack_records(packed)
            batch = batch[batch["events"] != 0]
            sound = check_records(batch)
            if (torn and len(batch)) or not sound[:-1].all():
                raise LoadgenError(f"{path}: cannot be read as a run's records; it is damaged, or of another version")
            torn = torn or not sound.all()
            yield batch[sound]


def check_records(batch: Records) -> npt.NDArray[np.bool_]:
    """Which records a worker can have written: counts and times in their bounds, shape (n,)."""
    sound = (batch["session"] >= -1) & (batch["session"] < MOST_SESSIONS) & (batch["attempt"] >= 1)
    sound &= (batch["status"] >= NOT_SENT) & (batch["status"] < 1000)
    for name in ("events", "wire_bytes", "raw_bytes", "worker", "monitor"):
        sound &= batch[name] >= 0
    for name in ("intended", "started", "finished", "waited"):
        sound &= np.abs(batch[name]) < MOST_SECONDS  # False of NaN
    return sound


def is_accepted(records: Records) -> npt.NDArray[np.bool_]:
    """Which were accepted: a 2xx that was RUM's answer, as it then has no error."""
    status = records["status"]
    kept: npt.NDArray[np.bool_] = (status >= 200) & (status < 300) & (records["error"] == b"")
    return kept


def is_throttled(records: Records) -> npt.NDArray[np.bool_]:
    """Which were answered with 429."""
    refused: npt.NDArray[np.bool_] = records["status"] == THROTTLED
    return refused
