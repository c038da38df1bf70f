"""How the tests look at sessions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from loadgen.model import Event, Load, Session
from loadgen.scenario import Scenario, parse

SMALL = """
name = "small"
duration = 20
[arrivals]
rate = 10
[pages.home]
path = "/"
to = { item = 0.6 }
exit = 0.4
[pages.item]
path = "/item/{item}"
title = "{item}"
to = { item = 0.2, home = 0.3 }
exit = 0.5
api = ["GET /api/{item}", "POST /api/cart"]
clicks = [{ id = "buy", per_view = 0.5 }, { css = ".more", per_view = 0.3 }]
events = [{ type = "shown", details = { sku = "{item}", tags = ["a"] } }]
"""


def small(more: str = "", **client: Any) -> Scenario:
    """A small site with more TOML behind it, and client settings."""
    scenario = parse(SMALL + more, "small.toml")
    return scenario.model_copy(update={"client": scenario.client.model_copy(update=client)})


def loads(sessions: Iterable[Session]) -> Iterator[Load]:
    return (load for session in sessions for load in session.loads)


def events(sessions: Iterable[Session], kind: str | None = None) -> Iterator[Event]:
    return (event for load in loads(sessions) for event in load.events if kind is None or event.type == kind)


def kinds(sessions: Iterable[Session]) -> set[str]:
    return {event.type for event in events(sessions)}
