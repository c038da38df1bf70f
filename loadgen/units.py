"""Pace: scenario seconds that pass in a second. As text `realtime`, a factor such as `10x`, or `max`."""

from __future__ import annotations

from math import inf

NAMED = {"realtime": 1.0, "max": inf}  # as fast as possible is an infinite factor


def parse_pace(text: str) -> float:
    """The factor that a text says; ValueError tells what to write instead."""
    if text in NAMED:
        return NAMED[text]
    try:
        factor = float(text.removesuffix("x"))
    except ValueError:
        factor = 0.0
    if not 0 < factor < inf:
        raise ValueError(f"{text!r} is no pace; write realtime, max, or a factor such as 10x")
    return factor


def format_pace(factor: float) -> str:
    """How a factor is written."""
    return next((word for word, named in NAMED.items() if named == factor), f"{factor:g}x")
