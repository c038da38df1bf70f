"""Events of one type over a block, as columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from loadgen.rum import events
from loadgen.traffic.draws import Ints
from loadgen.wire.json_templates import write_details

RANK = {
    events.PAGE_VIEW: 0, events.RESOURCE: 1, events.FCP: 2, events.NAVIGATION: 3, events.TTFB: 4, events.XRAY: 5,
    events.HTTP: 6, events.JS_ERROR: 7, events.DOM: 8, events.FID: 10, events.LCP: 11, events.CLS: 12, events.INP: 13,
}  # fmt: skip
"""Order of events that the client records in the same tick; custom events come after the click that causes them."""
CUSTOM_RANK = 9
RANKS = 16
"""A power of two above all ranks."""


Details = Callable[[Ints], Sequence[str]]
"""The details of some of a column's places, ascending: details that are not wanted are not written."""


class Named(NamedTuple):
    """What a column's ids are drawn for: rows among so many of one purpose."""

    purpose: str
    row: Ints
    total: int


class Column(NamedTuple):
    """Events of one type, in no order; `at` in ticks from session start."""

    type: str  # in full
    named: Named
    view: Ints  # under which the client records each
    at: Ints
    details: Details


def take_texts(texts: Sequence[str]) -> Details:
    """Details that are text already, by place."""
    return lambda places: [texts[place] for place in places.tolist()]


def write_each(make: Callable[[int], Any]) -> Details:
    """Details that are written one by one; `make` gives the struct or object of a place."""
    return lambda places: [write_details(make(place)) for place in places.tolist()]
