"""One thing to mend in a scenario file, and how its place is written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, NamedTuple

BARE_KEY = re.compile("[A-Za-z0-9_-]+")


class Problem(NamedTuple):
    """One thing to mend: where in the file, and what to write instead."""

    path: str
    text: str


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint at the known name that is meant, or the list of what there is."""
    names = list(known)
    lower = {each.lower(): each for each in names}
    close = get_close_matches(name.lower(), lower, n=1, cutoff=0.6)
    if close:
        return f'did you mean "{lower[close[0]]}"?'
    return "known here: " + ", ".join(names)


def place(*keys: str | int) -> str:
    """A path in the file as TOML writes it, items of a list by number; keys that are not bare are quoted."""
    path = ""
    for key in keys:
        if isinstance(key, int):
            path += f"[{key}]"
        else:
            path += ("." if path else "") + (key if BARE_KEY.fullmatch(key) else f'"{key}"')
    return path


def number(value: Any) -> float | None:
    """The value if it is a number (not a truth value)."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
