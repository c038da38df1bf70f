"""Events of one type over a block, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from loadgen import events
from loadgen.traffic.draws import Ints

RANK = {
    events.PAGE_VIEW: 0, events.RESOURCE: 1, events.FCP: 2, events.NAVIGATION: 3, events.TTFB: 4, events.XRAY: 5,
    events.HTTP: 6, events.JS_ERROR: 7, events.DOM: 8, events.FID: 10, events.LCP: 11, events.CLS: 12, events.INP: 13,
}  # fmt: skip
"""Order of events that the client records in the same tick; custom events come after the click that causes them."""
CUSTOM_RANK = 9


class Family(Protocol):
    """Events of one type over a block, in no order: the view under which the client records each, and when."""

    @property
    def type(self) -> str:
        """The event type in full."""

    @property
    def view(self) -> Ints:
        """Rows of views."""

    @property
    def at(self) -> Ints:
        """Ticks from session start."""

    def made(self, rows: Ints) -> tuple[list[str], Sequence[Any]]:
        """Ids and details of some of them, by ascending place."""


class Column(NamedTuple):
    """A family whose ids and details are there; `type` is given in full, `at` in ticks from session start."""

    type: str
    view: Ints
    at: Ints
    ids: list[str]
    details: list[Any]

    def made(self, rows: Ints) -> tuple[list[str], list[Any]]:
        """Ids and details of some rows, ascending."""
        if len(rows) == len(self.ids):
            return self.ids, self.details
        chosen = rows.tolist()
        return [self.ids[row] for row in chosen], [self.details[row] for row in chosen]
