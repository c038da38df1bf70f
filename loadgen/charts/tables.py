"""Numbers as HTML tables: plain ones, and ones with a bar in each row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from loadgen.charts.html import Child, Markup, el, join
from loadgen.units import format_count, format_share


def table(head: Sequence[str], rows: Iterable[Sequence[Child]], caption: str, name: str = "") -> Markup:
    """A table whose first column names its rows; it scrolls inside its box when it is too wide."""
    columns = el("tr", *(el("th", title, scope="col") for title in head))
    body = (el("tr", el("th", row[0], scope="row"), *(el("td", cell) for cell in row[1:])) for row in rows)
    made = el("table", el("caption", caption), el("thead", columns), el("tbody", *body), class_=name or None)
    return el("div", made, class_="scroll", tabindex=0, role="region", aria_label=caption)


def folded(title: str, *inside: Markup) -> Markup:
    """Something to open."""
    return el("details", el("summary", title), *inside)


def bars(counts: dict[str, int], colour: str, caption: str) -> Markup:
    """Counts by name with a bar each, the largest first."""
    whole, largest = sum(counts.values()), max(counts.values(), default=0)
    rows = (
        el(
            "tr",
            el("th", break_name(name), scope="row"),
            el("td", el("i", style=f"width:{amount / max(largest, 1) * 100:.1f}%"), class_=f"bar c-{colour}"),
            el("td", format_count(amount)),
            el("td", format_share(amount, whole)),
        )
        for name, amount in sorted(counts.items(), key=lambda item: -item[1])
    )
    return el("table", el("caption", caption), el("tbody", *rows), class_="bars")


def break_name(name: str) -> Markup:
    """A long name that may go on in the next line after each underscore."""
    parts = [join(part, "_", el("wbr")) for part in name.split("_")[:-1]]
    return join(*parts, name.split("_")[-1])


def stacked_bars(rows: Sequence[tuple[str, Sequence[int]]], colours: Sequence[str], caption: str) -> Markup:
    """A bar of parts for each name; all bars have one scale."""
    largest = max((sum(parts) for _, parts in rows), default=0)
    made = []
    for name, parts in rows:
        pieces = (
            el("i", class_=f"c-{colour}", style=f"width:{part / max(largest, 1) * 100:.2f}%")
            for part, colour in zip(parts, colours, strict=True)
        )
        cells = (el("td", format_count(part)) for part in parts)
        made.append(el("tr", el("th", name, scope="row"), el("td", *pieces, class_="bar parts"), *cells))
    head = el("tr", *(el("th", title, scope="col") for title in ("", "", *colours)))
    return el("table", el("caption", caption), el("thead", head), el("tbody", *made), class_="bars")
