"""The records of a run: 104 bytes for each request. All other figures are computed from them.

Rule: a worker packs its measurements and never reads them again; the conductor makes sums, histograms and rows from the
records of all workers. A record depends on no other: a file that was cut off is good up to its last whole record.
"""

from __future__ import annotations

import math
import mmap
import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loadgen.errors import LoadgenError
from loadgen.model import Noun, Result

NO_ANSWER = 0  # in place of a status: no answer came
STARTED = -1  # in place of a status: a mark that the request is about to be sent; a record with the answer follows
NOT_SENT = -2  # in place of a status: a mark that takes back a STARTED mark: this machine could not send the request
THROTTLED = 429

MOST_SESSIONS, MOST_SECONDS = 100_000_000, 366 * 86_400.0  # a record beyond these bounds is damaged

RECORD = np.dtype(
    [
        ("session", "<i8"),
        ("intended", "<f8"),  # seconds from the run's zero
        ("started", "<f8"),
        ("finished", "<f8"),
        ("waited", "<f8"),  # mean seconds from its events to the intended moment
        ("status", "<i4"),
        ("events", "<i4"),
        ("wire_bytes", "<i4"),
        ("raw_bytes", "<i4"),
        ("worker", "<i2"),
        ("monitor", "<i2"),  # which of the run's app monitors, counted from 0
        ("attempt", "<i2"),
        ("final", "?"),
        ("beacon", "?"),
        ("error", "S40"),  # why the request failed: a cause, or status and error name; empty: it did not fail
    ]
)
LAYOUT = struct.Struct("<qddddiiiihhh??40s")
assert LAYOUT.size == RECORD.itemsize

Records = NDArray[np.void]


def pack_result(result: Result, worker: int) -> bytes:
    """Pack a result into one record."""
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
    """A worker's own file of records, mapped into its memory, so that it survives the worker's death.

    The worker stores a mark before it sends a request: a mark without a record after it is a request in doubt. The
    file claims disk space one piece ahead, so a full disk is noticed while requests in flight still have room.
    """

    PIECE = 64 * math.lcm(RECORD.itemsize, mmap.ALLOCATIONGRANULARITY)

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
        self._base, self._at = 0, 0
        self.full: str | None = None  # why no more disk space can be claimed; None: it can
        os.posix_fallocate(self._file, 0, self.PIECE)
        self._open()

    def start(
        self, session: int, events: int, attempt: int, intended: float = 0.0, monitor: int = 0, mark: int = STARTED
    ) -> None:
        """Store the mark of a request: STARTED before it is sent, NOT_SENT if this machine could not send it."""
        piece, at = self._piece, self._at
        LAYOUT.pack_into(
            piece, at, session, intended, 0.0, 0.0, 0.0, mark, events, 0, 0, 0, monitor, attempt, False, False, b""
        )
        self._go_on()

    def finish(self, packed: bytes) -> None:
        """Store the record of a finished request."""
        self._piece[self._at : self._at + LAYOUT.size] = packed
        self._go_on()

    def close(self) -> None:
        """Cut the file to the records that it holds, and close it."""
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
    """Requests (every attempt) and events that a worker sent before it died, without a record of the answer."""

    requests: int = 0
    events: int = 0

    def __add__(self, other: InDoubt) -> InDoubt:
        return InDoubt(self.requests + other.requests, self.events + other.events)


def count_in_doubt(spools: Iterable[Path], monitors: int = 1) -> tuple[InDoubt, ...]:
    """Count the requests that have a mark and no record in the spools, by app monitor."""
    requests, events = np.zeros(monitors, dtype=np.int64), np.zeros(monitors, dtype=np.int64)
    for path in spools:
        for batch in read_chunks(path, 100_000):
            sign = np.where(batch["status"] == STARTED, 1, -1)
            np.add.at(requests, batch["monitor"], sign)
            np.add.at(events, batch["monitor"], sign * batch["events"])
    return tuple(map(InDoubt, np.maximum(requests, 0).tolist(), np.maximum(events, 0).tolist()))


def unpack_records(packed: bytes) -> Records:
    """Return the complete records in packed bytes, shape (n,)."""
    return np.frombuffer(packed, RECORD, len(packed) // RECORD.itemsize)


def read_spool(path: Path, rows: int = 100_000) -> Iterator[Records]:
    """Yield the records of a spool file without its marks, at most `rows` at a time."""
    for batch in read_chunks(path, rows):
        yield batch[batch["status"] >= NO_ANSWER]


def read_chunks(path: Path, rows: int) -> Iterator[Records]:
    """Yield the records and marks of a spool file, at most `rows` at a time, without its claimed and unused end.

    A worker that was killed may leave half a record at the end; it is left out. LoadgenError: other damage.
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


def check_records(batch: Records) -> NDArray[np.bool_]:
    """Return which records a worker can have written: counts and times in their bounds, shape (n,)."""
    sound = (batch["session"] >= -1) & (batch["session"] < MOST_SESSIONS) & (batch["attempt"] >= 1)
    sound &= (batch["status"] >= NOT_SENT) & (batch["status"] < 1000)
    for name in ("events", "wire_bytes", "raw_bytes", "worker", "monitor"):
        sound &= batch[name] >= 0
    for name in ("intended", "started", "finished", "waited"):
        sound &= np.abs(batch[name]) < MOST_SECONDS  # NaN gives False
    return sound


def is_accepted(records: Records) -> NDArray[np.bool_]:
    """Return which requests were accepted, shape (n,): a 2xx without an error, so it was RUM's own answer."""
    status = records["status"]
    accepted: NDArray[np.bool_] = (status >= 200) & (status < 300) & (records["error"] == b"")
    return accepted


def is_throttled(records: Records) -> NDArray[np.bool_]:
    """Return which requests were answered with 429, shape (n,)."""
    throttled: NDArray[np.bool_] = records["status"] == THROTTLED
    return throttled
