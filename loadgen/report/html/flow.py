"""The accounting as a flow: what was generated on the left, what became of it on the right, widths to the unit."""

from __future__ import annotations

from collections.abc import Sequence

from loadgen.charts import Markup, el
from loadgen.model import Noun
from loadgen.units import format_count, format_share

COLUMNS = (0.0, 0.37, 0.74)  # where the nodes stand, of the width
THICK = 12  # of a node, in thousandths of the width
GAP = 10  # below a node and its label, in pixels
HEIGHT = 380
LABEL = 46  # a label of three lines, in pixels


class Node(Noun):
    """An amount in a column; it flows out of the node named `source`."""

    key: str
    label: str
    amount: int
    column: int
    colour: str
    source: str | None = None


class Placed(Noun):
    """A node with its upper edge and its height in pixels."""

    node: Node
    top: float
    height: float


def flow(nodes: Sequence[Node], title: str, text: str) -> Markup:
    """The figure; nodes without an amount are left out."""
    shown = [node for node in nodes if node.amount > 0]
    if not shown:
        return el("p", "Nothing was generated.", class_="none")
    placed = {each.node.key: each for each in place(shown)}
    drawing = el(
        "svg",
        el("title", title, id="flow-title"),
        el("desc", text, id="flow-desc"),
        *ribbons(placed),
        *(bar(each) for each in placed.values()),
        viewBox=f"0 0 1000 {HEIGHT}",
        preserveAspectRatio="none",
        role="img",
        aria_labelledby="flow-title flow-desc",
    )
    return el("div", drawing, *labels(placed, shown[0].amount), class_="flow", style=f"--h:{HEIGHT}px")


def place(nodes: Sequence[Node]) -> list[Placed]:
    """Columns with one scale, so that a pixel is the same number of events everywhere."""
    columns = [[node for node in nodes if node.column == column] for column in range(len(COLUMNS))]
    low, high = 0.0, HEIGHT / max(node.amount for node in nodes)
    for _ in range(30):  # the largest scale at which every column fits
        middle = (low + high) / 2
        fits = all(foot(stacked(column, middle)) <= HEIGHT for column in columns)
        low, high = (middle, high) if fits else (low, middle)
    return [placed for column in columns for placed in stacked(column, low)]


def stacked(column: Sequence[Node], scale: float) -> list[Placed]:
    """Nodes below each other, with room for their labels."""
    placed, top = [], 0.0
    for node in column:
        height = max(node.amount * scale, 1.5)
        placed.append(Placed(node, top, height))
        top += height + max(LABEL - height, 0) + GAP
    return placed


def foot(column: Sequence[Placed]) -> float:
    """Where the last node and its label end."""
    return column[-1].top + max(column[-1].height, LABEL) if column else 0.0


def ribbons(placed: dict[str, Placed]) -> list[Markup]:
    """One from each source to each of its parts, in order from above."""
    used = dict.fromkeys(placed, 0.0)
    made = []
    for each in placed.values():
        if each.node.source not in placed:
            continue
        source = placed[each.node.source]
        part = source.height * each.node.amount / source.node.amount
        start = source.top + used[each.node.source]
        used[each.node.source] += part
        made.append(ribbon(source.node.column, start, part, each))
    return made


def ribbon(column: int, start: float, part: float, end: Placed) -> Markup:
    """A curved band between two nodes."""
    left, right = COLUMNS[column] * 1000 + THICK, COLUMNS[end.node.column] * 1000
    middle = (left + right) / 2
    down = end.top + end.height
    path = (
        f"M{left:.0f} {start:.1f}C{middle:.0f} {start:.1f} {middle:.0f} {end.top:.1f} {right:.0f} {end.top:.1f}"
        f"V{down:.1f}C{middle:.0f} {down:.1f} {middle:.0f} {start + part:.1f} {left:.0f} {start + part:.1f}Z"
    )
    return el("path", d=path, class_=f"ribbon c-{end.node.colour}")


def bar(each: Placed) -> Markup:
    """A node."""
    return el(
        "rect",
        x=f"{COLUMNS[each.node.column] * 1000:.0f}",
        y=f"{each.top:.1f}",
        width=THICK,
        height=f"{each.height:.1f}",
        class_=f"node c-{each.node.colour}",
    )


def labels(placed: dict[str, Placed], whole: int) -> list[Markup]:
    """A node's name, amount and share, to the right of it."""
    return [
        el(
            "div",
            el("b", each.node.label),
            el("span", format_count(each.node.amount)),
            el("span", f" · {format_share(each.node.amount, whole)}", class_="thin"),
            class_="label",
            style=f"left:{COLUMNS[each.node.column] * 100 + THICK / 10 + 0.6:.1f}%;top:{each.top:.0f}px",
        )
        for each in placed.values()
    ]
