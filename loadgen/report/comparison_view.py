"""A comparison on the terminal, in 80 columns: a table for each run against the first."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from loadgen.report.comparison import NAMES, Comparison, Difference, Estimate
from loadgen.units import format_digits


def comparison_view(comparison: Comparison) -> RenderableType:
    """Which runs, what to know of them, and the figures."""
    runs = [Text(f"{letter(place)}  {run.folder}: {run.scenario}, seed {run.seed}, {run.verdict}", overflow="fold")
            for place, run in enumerate(comparison.runs)]  # fmt: skip
    found = [Text(f"note: {note}", style="yellow") for note in comparison.notes]
    tables = [table(comparison, place) for place in range(1, len(comparison.runs))]
    return Group(*runs, *found, Text(), *tables, Text("* more than chance. " + comparison.method, style="dim"))


def table(comparison: Comparison, place: int) -> Table:
    """One run against the first."""
    made = Table.grid(padding=(0, 2))
    made.add_column(width=20)
    for width in (9, 9, 11, 21):
        made.add_column(justify="right", width=width, no_wrap=True)
    bold = [Text(head, style="bold") for head in ("", "A", letter(place), "difference", "95 % interval")]
    made.add_row(*bold)
    for each in comparison.differences:
        if each.run == place:
            before, after = (comparison.runs[run].figures[each.figure].value for run in (0, place))
            made.add_row(NAMES[each.figure], shown(each.figure, before), shown(each.figure, after), *change(each))
    made.add_row("")
    return made


def change(each: Difference) -> tuple[Text, str]:
    """The difference, marked when it is more than chance, and its interval."""
    mark = "*" if each.told else " "
    told = signed(each.figure, each.difference.value)
    return Text(f"{told}{mark}", style="bold" if each.told else ""), interval(each.figure, each.difference)


def interval(figure: str, estimate: Estimate) -> str:
    """From low to high, with signs."""
    if estimate.low is None or estimate.high is None:
        return "too few requests" if estimate.too_few else "–"
    return f"{signed(figure, estimate.low)} to {signed(figure, estimate.high)}"


def shown(figure: str, value: float | None) -> str:
    """A figure: shares in per cent, clocks in milliseconds."""
    if value is None:
        return "–"
    return f"{value * 100:.1f}%" if figure.endswith("_share") else format_digits(value)


def signed(figure: str, value: float | None) -> str:
    """A difference with its sign; of shares in percentage points."""
    if value is None:
        return "–"
    text = f"{abs(value) * 100:.1f}" if figure.endswith("_share") else format_digits(abs(value))
    return f"{'−' if value < 0 else '+'}{text}"


def letter(place: int) -> str:
    """A, B, C and so on."""
    return chr(ord("A") + place) if place < 26 else f"#{place + 1}"
