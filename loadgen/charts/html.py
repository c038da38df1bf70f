"""HTML and SVG as nested calls, and the document around them: one file that loads nothing else.

Rule: every text that is not `Markup` is escaped, so no name of a run can become code or reverse the text beside it. The
page's content security policy forbids every address and every script but its own. A function that makes an element is
named after the element.

Also here: numbers as HTML tables, plain or with a bar in each row.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from html import escape as escape_markup
from importlib.resources import files

from loadgen.errors import escape_controls
from loadgen.units import format_count, format_share

STYLES = "report.css"
"""The style sheet of every page."""

VOID = {"meta", "link", "wbr"}


class Markup(str):
    """Text that is already HTML, and is not escaped."""

    __slots__ = ()


Child = str | int | float | None


def el(name: str, /, *children: Child, **attributes: str | int | float | bool | None) -> Markup:
    """Make an element. `class_` is class, `data_series` is data-series; attributes of None or False are left out."""
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escape(str(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{join(*children)}</{name}>")


def escape(text: str) -> str:
    """Escape text for HTML, with its control characters spelled out."""
    return escape_markup(escape_controls(text))


def join(*children: Child) -> Markup:
    """Join children into one piece of HTML; None is left out."""
    return Markup(
        "".join(child if isinstance(child, Markup) else escape(str(child)) for child in children if child is not None)
    )


def render_page(title: str, *body: Child) -> str:
    """Make a complete HTML document."""
    script = read_resource("report.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:"
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=policy),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", name="generator", content="loadgen"),
        el("title", title),
        el("link", rel="icon", href="data:,"),
        el("style", Markup(read_resource(STYLES))),
    )
    document = el("html", head, el("body", el("main", *body), el("script", Markup(script))), lang="en")
    return f"<!doctype html>\n{document}\n"


def render_header(verb: str, title: str, *inside: Child, meta: Sequence[str] = ()) -> Markup:
    """Make the top of a page: the verb that made the page, its title, `inside`, and `meta` lines on how it was made."""
    return el(
        "header",
        el("p", f"loadgen {verb}", class_="brand"),
        el("h1", title),
        *inside,
        *(el("p", line, class_="meta") for line in meta),
    )


def render_card(
    title: str, *body: Child, note: str | None = None, wide: bool = False, about: str | None = None
) -> Markup:
    """Make a section: heading, `about` (what it shows), body, and `note` (how to read it)."""
    return el(
        "section",
        el("h2", title),
        el("p", about, class_="about") if about else None,
        *body,
        el("p", note, class_="note") if note else None,
        class_="card wide" if wide else "card",
    )


def arrange_cards(*inside: Child) -> Markup:
    """Arrange cards in two columns; in one on narrow screens."""
    return el("div", *inside, class_="cards")


def render_tiles(*figures: tuple[str, str, str]) -> Markup:
    """Make a few figures in large type, each given as name, figure and the text beside it."""
    boxes = (
        el("div", el("dt", name), el("dd", figure), el("dd", beside, class_="beside"))
        for name, figure, beside in figures
    )
    return el("dl", *boxes, class_="tiles")


def render_facts(pairs: list[tuple[str, Child]]) -> Markup:
    """List names and values, one pair a line."""
    return el("dl", *(join(el("dt", name), el("dd", value)) for name, value in pairs), class_="facts")


@cache
def read_resource(name: str) -> str:
    """Read a file that lies beside this module."""
    return (files("loadgen.charts") / name).read_text(encoding="utf-8").strip()


def make_heading(title: str) -> Markup:
    """Make the head of a column; without a title it is a plain cell, because screen readers read empty headings."""
    return el("th", title, scope="col") if title else el("td")


def render_table(head: Sequence[str], rows: Iterable[Sequence[Child]], caption: str, name: str = "") -> Markup:
    """Make a table whose first column names its rows; a table that is too wide scrolls inside its box."""
    columns = el("tr", *map(make_heading, head))
    body = (el("tr", el("th", row[0], scope="row"), *(el("td", cell) for cell in row[1:])) for row in rows)
    content = el("table", el("caption", caption), el("thead", columns), el("tbody", *body), class_=name or None)
    return el("div", content, class_="scroll", tabindex=0, role="region", aria_label=caption)


def fold(title: str, *inside: Markup) -> Markup:
    """Make a part of the page that is closed until its title is clicked."""
    return el("details", el("summary", title), *inside)


def render_bars(counts: dict[str, int], colour: str, caption: str) -> Markup:
    """Make a table of counts by name, each with a bar and its share, the largest first."""
    total, largest = sum(counts.values()), max(counts.values(), default=0)
    rows = (
        el(
            "tr",
            el("th", break_name(name), scope="row"),
            el("td", el("i", style=f"width:{amount / max(largest, 1) * 100:.1f}%"), class_=f"bar c-{colour}"),
            el("td", format_count(amount)),
            el("td", format_share(amount, total)),
        )
        for name, amount in sorted(counts.items(), key=lambda item: -item[1])
    )
    return el("table", el("caption", caption), el("tbody", *rows), class_="bars")


def break_name(name: str) -> Markup:
    """Allow a long name to break into lines after each underscore."""
    parts = [join(part, "_", el("wbr")) for part in name.split("_")[:-1]]
    return join(*parts, name.split("_")[-1])


def render_stacked_bars(rows: Sequence[tuple[str, Sequence[int]]], colours: Sequence[str], caption: str) -> Markup:
    """Make a table of names, each with a bar of coloured parts and their counts; all bars have the same scale."""
    largest = max((sum(parts) for _, parts in rows), default=0)
    lines = []
    for name, parts in rows:
        pieces = (
            el("i", class_=f"c-{colour}", style=f"width:{part / max(largest, 1) * 100:.2f}%")
            for part, colour in zip(parts, colours, strict=True)
        )
        cells = (el("td", format_count(part)) for part in parts)
        lines.append(el("tr", el("th", name, scope="row"), el("td", *pieces, class_="bar parts"), *cells))
    head = el("tr", *map(make_heading, ("", "", *colours)))
    return el("table", el("caption", caption), el("thead", head), el("tbody", *lines), class_="bars")
