"""The app monitors of an endpoint with everything that is known of each: what the console's first view shows."""

from __future__ import annotations

from typing import Any

from loadgen.endpoint.metric_store import list_definitions, list_destinations
from loadgen.endpoint.operations.monitors import describe_monitor
from loadgen.endpoint.settings import LiveState
from loadgen.endpoint.store import AppMonitor, Store

MOST_DEFINITIONS = 200
"""Metric definitions that are listed for a destination."""

SPANS = dict[int, tuple[int, int]]
"""First and last event of each monitor, by AppMonitor.number, in Unix milliseconds."""


def list_monitors(store: Store, state: LiveState, spans: SPANS) -> list[dict[str, Any]]:
    """Each monitor that is not deleted, by name: as GetAppMonitor gives it, its events, metrics and policy."""
    present = [monitor for monitor in store.list_monitors() if monitor.deleted is None]
    return [_describe(monitor, store, state, spans) for monitor in present]


def _describe(monitor: AppMonitor, store: Store, state: LiveState, spans: SPANS) -> dict[str, Any]:
    requests, events, dropped = store.count_accepted(monitor)
    first, last = spans.get(monitor.number, (None, None))
    return {
        "monitor": describe_monitor(monitor),
        "requests": requests,
        "events": events,
        "dropped": dropped,
        "rejected": state.read_counts(monitor.id),
        "first": first,
        "last": last,
        "policy": monitor.policy,
        "metrics": [
            {
                "destination": target.destination,
                "arn": target.arn,
                "role": role,
                "count": len(definitions := list_definitions(store, target)),
                "definitions": [each.content for each in definitions[:MOST_DEFINITIONS]],
            }
            for target, role in list_destinations(store, monitor)
        ],
    }
