"""All thresholds of a run, kept or missed, with figure and tick or cross: for the terminal and for the page."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from loadgen.charts import Child, Markup, el, render_card, render_table
from loadgen.model import Noun
from loadgen.results import Summary, ThresholdResult
from loadgen.units import format_digits, format_percent

TICK, CROSS, NOTHING = "✓", "✗", "–"  # the last: nothing was measured


class ThresholdText(Noun):
    """The texts of a threshold: sign, name, figure and bound."""

    sign: str
    name: str  # with its stage, if it has one
    figure: str
    bound: str  # with the relation of the figure to it, such as ≤ 500 ms

    @classmethod
    def of(cls, result: ThresholdResult) -> ThresholdText:
        """Return the texts of a threshold."""
        relation = ("≥" if result.kept else "<") if result.is_lowest else ("≤" if result.kept else ">")
        return cls(
            NOTHING if result.value is None else TICK if result.kept else CROSS,
            name_threshold(result),
            format_bound(result.name, result.value),
            f"{relation} {format_bound(result.name, result.limit)}",
        )


def name_threshold(result: ThresholdResult) -> str:
    """Return a threshold's name in the scenario, with its stage if it is a stage's threshold."""
    return result.name if result.stage is None else f"stage {result.stage} {result.name}"


def format_bound(name: str, value: float | None) -> str:
    """Format a figure or bound: clocks in milliseconds, shares in per cent; – for None."""
    if value is None:
        return "–"
    return f"{format_digits(value)} ms" if name.endswith("_ms") else format_percent(value)


def list_thresholds(summary: Summary) -> Table:
    """List thresholds for the terminal, a row each."""
    lines = Table.grid(padding=(0, 2))
    lines.add_column(width=10, style="bold")
    lines.add_column(width=1)
    lines.add_column(width=28)
    for _ in range(2):
        lines.add_column(justify="right", width=12, no_wrap=True)
    for place, each in enumerate(map(ThresholdText.of, summary.thresholds)):
        style = {TICK: "green", CROSS: "bold red"}.get(each.sign, "dim")
        title = "" if place else "thresholds"
        lines.add_row(title, Text(each.sign, style=style), each.name, each.figure, each.bound)
    lines.add_row("")
    return lines


def build_thresholds_card(summary: Summary) -> Markup:
    """Build the page's card of thresholds."""
    rows: list[tuple[Child, ...]] = [
        (each.name, build_sign(each.sign), each.figure, each.bound)
        for each in map(ThresholdText.of, summary.thresholds)
    ]
    if not rows:
        return render_card("Thresholds", el("p", "The scenario has none.", class_="none"))
    made = render_table(("threshold", "kept", "figure", "bound"), rows, "Thresholds with their figures", "thresholds")
    return render_card("Thresholds", made, about="What the run had to keep.")


def build_sign(sign: str) -> Markup:
    """Build a tick or a cross with a word for screen readers."""
    word = {TICK: "kept", CROSS: "missed"}.get(sign, "not measured")
    return el("span", el("span", sign, aria_hidden="true"), f" {word}", class_=word.partition(" ")[0])
