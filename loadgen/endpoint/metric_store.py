"""Metrics destinations and metric definitions in the store."""

from __future__ import annotations

from typing import Any

import msgspec

from loadgen.endpoint.store import AppMonitor, Store
from loadgen.model import Noun


class MetricsDestination(Noun):
    """One destination of one monitor."""

    monitor: int  # Monitor.number
    destination: str  # CloudWatch, Evidently
    arn: str  # "" for CloudWatch

    @property
    def key(self) -> tuple[int, str, str]:
        """The columns that name it."""
        return (self.monitor, self.destination, self.arn)


class MetricDefinition(Noun):
    """One metric definition as kept."""

    number: int  # its row: the order of creation
    id: str
    content: dict[str, Any]  # the model's MetricDefinitionRequest


_IS = "monitor = ? AND destination = ? AND arn = ?"


def put_destination(store: Store, target: MetricsDestination, role: str) -> None:
    """Create a destination, or change its role."""
    store.write("INSERT OR REPLACE INTO destinations VALUES (?, ?, ?, ?)", *target.key, role)


def find_role(store: Store, target: MetricsDestination) -> str | None:
    """Find the role of a destination; None when there is no such destination."""
    rows = store.read(f"SELECT role FROM destinations WHERE {_IS}", *target.key)
    return str(rows[0][0]) if rows else None


def list_destinations(store: Store, monitor: AppMonitor) -> list[tuple[MetricsDestination, str]]:
    """All destinations of a monitor with their roles, in order."""
    rows = store.read(
        "SELECT destination, arn, role FROM destinations WHERE monitor = ? ORDER BY destination, arn", monitor.number
    )
    return [(MetricsDestination(monitor.number, destination, arn), role) for destination, arn, role in rows]


def delete_destination(store: Store, target: MetricsDestination) -> None:
    """Delete a destination and its definitions."""
    store.write(f"DELETE FROM destinations WHERE {_IS}", *target.key)
    store.write(f"DELETE FROM definitions WHERE {_IS}", *target.key)


def delete_destinations(store: Store, monitor: AppMonitor) -> None:
    """Delete all destinations of a monitor and their definitions."""
    store.write("DELETE FROM destinations WHERE monitor = ?", monitor.number)
    store.write("DELETE FROM definitions WHERE monitor = ?", monitor.number)


def list_definitions(store: Store, target: MetricsDestination, after: int = 0) -> list[MetricDefinition]:
    """The definitions of a destination behind row `after`, in the order of creation."""
    rows = store.read(
        f"SELECT number, id, record FROM definitions WHERE {_IS} AND number > ? ORDER BY number", *target.key, after
    )
    return [
        MetricDefinition(number, definition_id, msgspec.json.decode(record)) for number, definition_id, record in rows
    ]


def put_definition(store: Store, target: MetricsDestination, definition_id: str, content: dict[str, Any]) -> None:
    """Keep a new definition, or replace the content of one."""
    store.write(
        "INSERT INTO definitions (id, monitor, destination, arn, record) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET record = excluded.record",
        definition_id,
        *target.key,
        msgspec.json.encode(content),
    )


def delete_definition(store: Store, target: MetricsDestination, definition_id: str) -> bool:
    """Delete a definition; False when the destination has no such one."""
    cursor = store.write(f"DELETE FROM definitions WHERE id = ? AND {_IS}", definition_id, *target.key)
    return cursor.rowcount > 0
