"""What leaves the store: batches that are too old, the oldest ones when memory is full, monitors deleted long ago.

Rule: whatever a client can make grow has a bound here or in the settings (README, "Bounds").
"""

from __future__ import annotations

from loadgen.endpoint.store import AppMonitor, Store

DELETED_MONITORS = 1000
"""Deleted app monitors that the ledger still knows; with one more, the one deleted first is forgotten."""

DROPPED_SHARE = 0.1
"""Share of the batches that leave a full memory at once."""


def expire(store: Store, now: float, retention: float) -> None:
    """Drop batches whose last event is older than `retention` seconds, and monitors deleted so long ago."""
    before = int((now - retention) * 1000)
    store.write("DELETE FROM event_times WHERE batch IN (SELECT number FROM batches WHERE last < ?)", before)
    store.write("DELETE FROM batches WHERE last < ?", before)
    for monitor in _list_deleted(store):
        if (monitor.deleted or 0.0) < now - retention:
            store.remove(monitor)


def forget_deleted_monitors(store: Store) -> None:
    """Keep a bounded number of deleted monitors, the latest ones."""
    for monitor in _list_deleted(store)[:-DELETED_MONITORS]:
        store.remove(monitor)


def make_room(store: Store, limit: int) -> None:
    """Drop the oldest batches of a store in memory that holds more than `limit` bytes; the ledger still counts them."""
    if store.kept_bytes <= limit or not store.is_in_memory:
        return
    first, last = store.read("SELECT min(number), max(number) FROM batches")[0]
    end = first + int((last - first) * DROPPED_SHARE)
    for number, requests, events in store.read(
        "SELECT monitor, count(*), sum(events) FROM batches WHERE number <= ? GROUP BY monitor", end
    ):
        store.count(number, requests, events, 0)
    store.kept_bytes -= store.read("SELECT sum(length(body)) FROM batches WHERE number <= ?", end)[0][0]
    store.write("DELETE FROM event_times WHERE batch <= ?", end)
    store.write("DELETE FROM batches WHERE number <= ?", end)


def _list_deleted(store: Store) -> list[AppMonitor]:
    """Deleted monitors, the one deleted first at the front."""
    deleted = [monitor for monitor in store.list_all_monitors() if monitor.deleted is not None]
    return sorted(deleted, key=lambda monitor: monitor.deleted or 0.0)
