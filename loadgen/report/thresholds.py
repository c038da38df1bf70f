"""Every threshold of a run with its figure and a tick or a cross, kept ones too: for the terminal and for the page."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from loadgen.charts import Child, Markup, card, el, table
from loadgen.model import Noun
from loadgen.results import Summary, ThresholdResult
from loadgen.units import format_digits, format_percent

TICK, CROSS, NOTHING = "✓", "✗", "–"  # the last: nothing was measured


class ToldThreshold(Noun):
    """A threshold in words."""

    sign: str
    name: str  # with its stage
    figure: str
    bound: str  # with its relation to the figure, such as ≤ 500 ms

    @classmethod
    def of(cls, result: ThresholdResult) -> ToldThreshold:
        """The words for a threshold."""
        relation = ("≥" if result.kept else "<") if result.is_lowest else ("≤" if result.kept else ">")
        return cls(
            NOTHING if result.value is None else TICK if result.kept else CROSS,
            name_threshold(result),
            format_bound(result.name, result.value),
            f"{relation} {format_bound(result.name, result.limit)}",
        )


def name_threshold(result: ThresholdResult) -> str:
    """Its name in the scenario, and its stage if it is one's own."""
    return result.name if result.stage is None else f"stage {result.stage} {result.name}"


def format_bound(name: str, value: float | None) -> str:
    """A figure or a bound: clocks in milliseconds, all else in per cent."""
    if value is None:
        return "–"
    return f"{format_digits(value)} ms" if name.endswith("_ms") else format_percent(value)


def list_thresholds(summary: Summary) -> Table:
    """A row a threshold, for the terminal."""
    made = Table.grid(padding=(0, 2))
    made.add_column(width=10, style="bold")
    made.add_column(width=1)
    made.add_column(width=28)
    for _ in range(2):
        made.add_column(justify="right", width=12, no_wrap=True)
    for place, each in enumerate(map(ToldThreshold.of, summary.thresholds)):
        style = {TICK: "green", CROSS: "bold red"}.get(each.sign, "dim")
        title = "" if place else "thresholds"
        made.add_row(title, Text(each.sign, style=style), each.name, each.figure, each.bound)
    made.add_row("")
    return made


def build_thresholds_card(summary: Summary) -> Markup:
    """The same for the page."""
    rows: list[tuple[Child, ...]] = [
        (each.name, build_sign(each.sign), each.figure, each.bound)
        for each in map(ToldThreshold.of, summary.thresholds)
    ]
    if not rows:
        return card("Thresholds", el("p", "The scenario has none.", class_="none"))
    made = table(("threshold", "kept", "figure", "bound"), rows, "Thresholds with their figures", "thresholds")
    return card("Thresholds", made, about="What the run had to keep.")


def build_sign(sign: str) -> Markup:
    """A tick or a cross with a word for those who do not see it."""
    word = {TICK: "kept", CROSS: "missed"}.get(sign, "not measured")
    return el("span", el("span", sign, aria_hidden="true"), f" {word}", class_=word.partition(" ")[0])
