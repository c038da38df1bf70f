"""HTML and SVG as nested calls; whatever is not Markup is escaped, so that no name of a run can become code."""

from __future__ import annotations

from html import escape

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
