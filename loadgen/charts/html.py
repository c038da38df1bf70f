"""HTML and SVG as nested calls, and the document around them: one file that needs and loads nothing else.

Rule: what is not `Markup` is escaped, so no name of a run can become code. The page's own policy forbids every address
and every script but ours, whatever a run's names hold. A function that makes an element is named after the element.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from html import escape
from importlib.resources import files

VOID = {"meta", "link", "wbr"}


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Child = str | int | float | None


def el(name: str, /, *children: Child, **attributes: str | int | float | bool | None) -> Markup:
    """An element; `class_` is class, `data_series` is data-series, and what is None or False is left out."""
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escape(str(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{join(*children)}</{name}>")


def join(*children: Child) -> Markup:
    """Several things after each other."""
    return Markup(
        "".join(child if isinstance(child, Markup) else escape(str(child)) for child in children if child is not None)
    )


def page(title: str, *body: Child) -> str:
    """A whole HTML document."""
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
        el("style", Markup(read_resource("report.css"))),
    )
    whole = el("html", head, el("body", el("main", *body), el("script", Markup(script))), lang="en")
    return f"<!doctype html>\n{whole}\n"


def card(title: str, *body: Child, note: str | None = None, wide: bool = False, about: str | None = None) -> Markup:
    """A section with a heading, what it shows, and a note on how to read it."""
    return el(
        "section",
        el("h2", title),
        el("p", about, class_="about") if about else None,
        *body,
        el("p", note, class_="note") if note else None,
        class_="card wide" if wide else "card",
    )


def cards(*inside: Child) -> Markup:
    """Cards in two columns, one on narrow screens."""
    return el("div", *inside, class_="cards")


def tiles(*figures: tuple[str, str, str]) -> Markup:
    """A few figures in large type: name, figure, what stands beside it."""
    made = (
        el("div", el("dt", name), el("dd", figure), el("dd", beside, class_="beside"))
        for name, figure, beside in figures
    )
    return el("dl", *made, class_="tiles")


def facts(pairs: list[tuple[str, Child]]) -> Markup:
    """Names and values, one below the other."""
    return el("dl", *(join(el("dt", name), el("dd", value)) for name, value in pairs), class_="facts")


@cache
def read_resource(name: str) -> str:
    """A file that lies beside this module."""
    return (files("loadgen.charts") / name).read_text(encoding="utf-8").strip()
