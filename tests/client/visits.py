"""Small visits for the client's tests: times are chosen so that sums are exact."""

from __future__ import annotations

from loadgen.model import Event, Load, Page, Session, Visitor
from loadgen.rum.events import CLS, INP, PAGE_VIEW, RESOURCE, PageView
from loadgen.wire.json_templates import write_details

VISITOR = Visitor(
    user_id="e4090fc3-561b-4424-9928-5d7cd83c208c",
    returning=False,
    country="DE",
    language="de-DE",
    device_type="desktop",
    os_name="Linux",
    browser_name="Google Chrome",
    browser_version="149",
    user_agent="Mozilla/5.0",
    brand=True,
)
HOME = Page("/", "Home")
CART = Page("/cart", "Cart", interaction=1, parent_id="/")


def event(at: float, type: str = RESOURCE, page: Page = HOME, name: str = "") -> Event:
    """An event whose id tells its type and moment."""
    return Event(name or f"{type.rpartition('.')[2]}@{at}", at, type, write_details({"at": at}), page)


def resources(*at: float) -> tuple[Event, ...]:
    return tuple(event(moment) for moment in at)


def cls(at: float) -> Event:
    return event(at, CLS)


def inp(at: float) -> Event:
    return event(at, INP)


def page_view(at: float, page: Page = HOME) -> Event:
    details = PageView(
        pageId=page.id, interaction=page.interaction, pageInteractionId=f"{page.id}-{page.interaction}", referrer=""
    )
    return Event(f"page_view@{at}", at, PAGE_VIEW, write_details(details), page)


def load(*events: Event, at: float = 0.0, hides: tuple[float, ...] = (100.0,)) -> Load:
    """A document whose client starts where its navigation does, so that ticks fall on at + 5, at + 10, …"""
    return Load(at, at, hides, events)


def session(*loads: Load, key: int = 7, start: float = 1000.0) -> Session:
    return Session(index=3, key=key, start=start, visitor=VISITOR, loads=loads)
