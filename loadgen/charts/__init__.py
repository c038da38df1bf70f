"""Numbers → SVG, and the page around it: the parts that every page of loadgen is made of."""

from loadgen.charts.html import Child, Markup, card, cards, el, facts, join, page, tiles
from loadgen.charts.plot import Layer, Mark, Plot, find_centres, find_stack_height
from loadgen.charts.scales import Scale, Write, linear, logarithmic, time_ticks
from loadgen.charts.tables import bars, folded, stacked_bars, table

__all__ = [
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
    "stacked_bars",
    "table",
    "tiles",
    "time_ticks",
]
