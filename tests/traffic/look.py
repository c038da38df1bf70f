"""How the tests look at sessions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, overload

from msgspec import structs

from loadgen import traffic
from loadgen.model import Event, Load, Session
from loadgen.rum.events import (
    CLS,
    DOM,
    FCP,
    FID,
    HTTP,
    INP,
    JS_ERROR,
    LCP,
    NAVIGATION,
    PAGE_VIEW,
    RESOURCE,
    TTFB,
    XRAY,
    Cls,
    Details,
    Dom,
    Fcp,
    Fid,
    Http,
    Inp,
    JsError,
    Lcp,
    Navigation,
    PageView,
    Resource,
    Ttfb,
    XRayTrace,
)
from loadgen.scenario import Scenario
from loadgen.wire.json_templates import read_details

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
    scenario = Scenario.parse(SMALL + more, "small.toml")
    return scenario.model_copy(update={"client": scenario.client.model_copy(update=client)})


KINDS: dict[str, type[Details]] = {
    PAGE_VIEW: PageView, NAVIGATION: Navigation, RESOURCE: Resource, LCP: Lcp, FID: Fid, CLS: Cls, INP: Inp, FCP: Fcp,
    TTFB: Ttfb, JS_ERROR: JsError, HTTP: Http, XRAY: XRayTrace, DOM: Dom,
}  # fmt: skip


class SeenEvent(Event):
    """An event whose details are the struct, or the object, that their text says."""

    details: Any


class SeenLoad(Load):
    events: tuple[SeenEvent, ...]


class SeenSession(Session):
    loads: tuple[SeenLoad, ...]


def seen(scenario: Scenario, seed: int, share: tuple[int, int] = (0, 1)) -> Iterator[SeenSession]:
    """The sessions of a run, the details of their events read."""
    return map(readable, traffic.draw_sessions(scenario, seed, share))


def readable(session: Session) -> SeenSession:
    """The same with the details of all events read."""
    return SeenSession(**structs.asdict(session) | {"loads": tuple(_readable_load(load) for load in session.loads)})


def _readable_load(load: Load) -> SeenLoad:
    return SeenLoad(**structs.asdict(load) | {"events": tuple(_readable_event(event) for event in load.events)})


def _readable_event(event: Event) -> SeenEvent:
    details: Any = read_details(event.details, KINDS.get(event.type, dict))
    return SeenEvent(**structs.asdict(event) | {"details": details})


@overload
def loads(sessions: Iterable[SeenSession]) -> Iterator[SeenLoad]: ...
@overload
def loads(sessions: Iterable[Session]) -> Iterator[Load]: ...
def loads(sessions: Iterable[Session]) -> Iterator[Load]:
    return (load for session in sessions for load in session.loads)


@overload
def events(sessions: Iterable[SeenSession], kind: str | None = None) -> Iterator[SeenEvent]: ...
@overload
def events(sessions: Iterable[Session], kind: str | None = None) -> Iterator[Event]: ...
def events(sessions: Iterable[Session], kind: str | None = None) -> Iterator[Event]:
    return (event for load in loads(sessions) for event in load.events if kind is None or event.type == kind)


def kinds(sessions: Iterable[Session]) -> set[str]:
    return {event.type for event in events(sessions)}


def one(load: SeenLoad, kind: str) -> SeenEvent | None:
    """The event of a type that a load has once at most."""
    found = [event for event in load.events if event.type == kind]
    assert len(found) <= 1, f"{kind} twice in a load"
    return found[0] if found else None
