"""Events as GetAppMonitorData gives them, read from the store's batches when somebody looks at them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from loadgen.endpoint.event_index import EventPlace
from loadgen.endpoint.operations.app_monitor_data import DecodedBatch
from loadgen.endpoint.request_body import encode_members, gunzip_stored
from loadgen.endpoint.settings import EndpointSettings
from loadgen.endpoint.store import AppMonitor, Store

MOST_BYTES = 16 * 1024 * 1024
"""Of batches that are decoded for one answer, which keeps the endpoint from its other clients meanwhile."""

Place = tuple[int, int, int]
"""Batch, place in it, Unix milliseconds."""


def read_events(
    store: Store, settings: EndpointSettings, monitor: AppMonitor, places: Sequence[Place]
) -> tuple[list[dict[str, Any]], bool]:
    """Events with their places, in the order of the places; and whether all were read.

    A batch that has left the store meanwhile is passed over.
    """
    batches: dict[int, DecodedBatch | None] = {}
    found: list[dict[str, Any]] = []
    size = 0
    for batch, place, ms in places:
        if batch not in batches:
            if size > MOST_BYTES:
                return found, False
            rows = store.read("SELECT body FROM batches WHERE number = ? AND monitor = ?", batch, monitor.number)
            data = gunzip_stored(bytes(rows[0][0])) if rows else b""
            size += len(data)
            batches[batch] = DecodedBatch(data) if rows else None
        if decoded := batches[batch]:
            event = encode_members(decoded.unfold(EventPlace(ms, batch, place), settings, monitor))
            found.append({"batch": batch, "place": place, "ms": ms, "event": msgspec.Raw(event.encode())})
    return found, True
