"""One record a request, 104 bytes each: the stream that everything else is computed from.

Rule: a worker packs what it measured and never looks at it again; sums, histograms and rows are made where the records
of all workers come together. A record stands alone: a file that was cut off is good up to its last whole one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from loadgen.model import Result

NO_ANSWER = 0  # in place of a status
THROTTLED = 429

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
        ("worker", "<i4"),
        ("attempt", "<i2"),
        ("final", "?"),
        ("beacon", "?"),
        ("error", "S40"),  # why it failed: a cause, or status and error name
    ]
)
LAYOUT = struct.Struct("<qddddiiiiih??40s")
assert LAYOUT.size == RECORD.itemsize

Records = npt.NDArray[np.void]


def pack(result: Result, worker: int) -> bytes:
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
        result.attempt,
        result.final,
        result.beacon,
        b"" if result.error is None else result.error.encode("ascii", "replace"),
    )


def unpack(packed: bytes) -> Records:
    """The whole records in some bytes, shape (n,)."""
    return np.frombuffer(packed, RECORD, len(packed) // RECORD.itemsize)


def read(path: Path, rows: int = 100_000) -> Iterator[Records]:
    """A file of records, so many at a time."""
    with path.open("rb") as file:
        while packed := file.read(rows * RECORD.itemsize):
            yield unpack(packed)


def accepted(records: Records) -> npt.NDArray[np.bool_]:
    """Which were kept by the receiver: any 2xx."""
    status = records["status"]
    kept: npt.NDArray[np.bool_] = (status >= 200) & (status < 300)
    return kept


def throttled(records: Records) -> npt.NDArray[np.bool_]:
    """Which were answered with 429."""
    refused: npt.NDArray[np.bool_] = records["status"] == THROTTLED
    return refused
