"""Numbers → SVG, and the page around it: the parts that every page of loadgen is made of."""

from loadgen.charts.html import (
    STYLES,
    Child,
    Markup,
    bars,
    card,
    cards,
    el,
    facts,
    folded,
    join,
    page,
    read_resource,
    stacked_bars,
    table,
    tiles,
)
from loadgen.charts.plot import Layer, Mark, Plot, find_centres, find_stack_height
from loadgen.charts.scales import Scale, Write, linear, logarithmic, time_ticks

__all__ = [
    "STYLES",
    "Child",
    "Layer",
    "Mark",
    "Markup",
    "Plot",
    "Scale",
    "Write",
    "bars",
    "card",
    "cards",
    "el",
    "facts",
    "find_centres",
    "find_stack_height",
    "folded",
    "join",
    "linear",
    "logarithmic",
    "page",
    "read_resource",
    "stacked_bars",
    "table",
    "tiles",
    "time_ticks",
]
