"""A block of page views → everything the web client notices in them, an event family a module. Pure."""

from __future__ import annotations

from loadgen.traffic.telemetry.column import Column
from loadgen.traffic.telemetry.page_views import page_views
from loadgen.traffic.telemetry.scene import Scene

__all__ = ["columns"]


def columns(scene: Scene) -> list[Column]:
    """The events of a block's own sessions, a column for each family that the scenario's client records."""
    return [page_views(scene)]
