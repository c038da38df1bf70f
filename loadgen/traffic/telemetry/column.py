"""Events of one type over a block, as columns."""

from __future__ import annotations

from typing import Any, NamedTuple

from loadgen import events
from loadgen.traffic.draws import Ints

RANK = {
    events.PAGE_VIEW: 0, events.RESOURCE: 1, events.FCP: 2, events.NAVIGATION: 3, events.TTFB: 4, events.XRAY: 5,
    events.HTTP: 6, events.JS_ERROR: 7, events.DOM: 8, events.FID: 10, events.LCP: 11, events.CLS: 12, events.INP: 13,
}  # fmt: skip
"""Order of events that the client records in the same tick; custom events come after the click that causes them."""
CUSTOM_RANK = 9


class Column(NamedTuple):
    """Rows in no order: the view under which the client records the event, when, its id and details."""

    type: str
    view: Ints
    at: Ints  # ticks from session start
    ids: list[str]
    details: list[Any]

    @property
    def rank(self) -> int:
        """Its place among events of the same tick."""
        return RANK.get(self.type, CUSTOM_RANK)
