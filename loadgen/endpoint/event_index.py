"""The store's index of kept events by time.

Rule: it grows when events are read and not when they come, because most runs never read them; so accepting a batch
costs one row, however many events it has.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple

import msgspec

from loadgen.endpoint.store import AppMonitor, Store

Integer64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""What SQLite takes as an integer; tokens of clients hold such numbers."""


class EventPlace(NamedTuple):
    """Where an event is kept; places compare as their events do, by time and then by acceptance."""

    at: Integer64  # Unix milliseconds
    batch: Integer64  # its row
    position: Integer64  # in the batch


def index_events(store: Store, monitor: AppMonitor, limit: int) -> bool:
    """Index a monitor's events that came since the last call; False when more than `limit` batches wait."""
    done = store.read("SELECT batch FROM indexed WHERE monitor = ?", monitor.number)
    rows = store.read(
        "SELECT number, times, dropped FROM batches WHERE monitor = ? AND number > ? ORDER BY number LIMIT ?",
        *(monitor.number, done[0][0] if done else 0, limit),
    )
    if rows:
        store.write_many("INSERT INTO event_times VALUES (?, ?, ?, ?)", _list_times(monitor.number, rows))
        store.write("INSERT OR REPLACE INTO indexed VALUES (?, ?)", monitor.number, rows[-1][0])
    return len(rows) < limit


def read_places(store: Store, monitor: AppMonitor, before: EventPlace, after: int, limit: int) -> list[EventPlace]:
    """Places of indexed events, the newest first: those below `before` and not older than `after`."""
    rows = store.read(
        "SELECT at, batch, position FROM event_times WHERE monitor = ? AND at BETWEEN ? AND ?"
        " AND (at, batch, position) < (?, ?, ?) ORDER BY at DESC, batch DESC, position DESC LIMIT ?",
        *(monitor.number, after, before.at, before.at, before.batch, before.position, limit),
    )
    return [EventPlace(*row) for row in rows]


def _list_times(monitor: int, rows: list[tuple[Any, ...]]) -> Iterator[tuple[int, int, int, int]]:
    """Rows of `event_times` for rows (number, times, dropped) of `batches`."""
    for number, values, marks in rows:
        dropped = frozenset(msgspec.json.decode(marks)) if marks else frozenset()
        times = array("q", values)
        positions = (position for position in range(len(times) + len(dropped)) if position not in dropped)
        for at, position in zip(times, positions, strict=True):
            yield monitor, at, number, position
