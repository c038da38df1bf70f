"""What the data supports is what a scenario says: texts that enough sessions had, and digits that enough counts allow.

Rule: a text is written only if at least `--at-least` sessions had it after addresses, numbers and tokens were folded
away; ids, user agents and query strings are never looked at for it. A number ends at a third of its standard error.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from math import floor, isfinite, log10, nan, sqrt

EMAIL = re.compile(r"[\w.+%-]+(?:@|%40)[\w-]+(?:\.[\w-]+)*")
URL = re.compile(r"\bhttps?://\S+")
UUID = re.compile(r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b")
TOKEN = re.compile(r"\b(?=[\w+/=~.-]*\d)(?=[\w+/=~.-]*[A-Za-z])[\w+/=~.-]{16,}|\b[0-9a-fA-F]{12,}\b")
DIGITS = re.compile(r"\d{4,}|\d{2,}(?:[ ./-]\d{2,}){2,}|\b\d{1,3}(?:\.\d{1,3}){3}\b")
"""A long number, one in groups as of cards and telephones, an IP address."""

NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")

MOST_WORDS_TOLD = 200

NICE_SECONDS = (1.0, 5.0, 10.0, 15.0, 30.0, 60.0, 300.0, 600.0, 900.0, 1800.0, 3600.0)
LEAST_PART = 1e-4
"""Digits below this part of a number are never written."""


def fold_message(text: str) -> str:
    """A message without what differs from one to the next: addresses, URLs, ids, tokens, numbers."""
    for pattern, stand_in in ((EMAIL, "<email>"), (URL, "<url>"), (UUID, "<id>"), (TOKEN, "<token>"), (NUMBER, "<n>")):
        text = pattern.sub(stand_in, text)
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:MOST_WORDS_TOLD]


def holds_secret(text: str) -> bool:
    """Whether a text holds an address, an id, a token or a long number."""
    return any(pattern.search(text) for pattern in (EMAIL, UUID, TOKEN, DIGITS))


def drop_implausible(value: float, most: float) -> float:
    """A value from 0 to `most`; NaN in place of any other, as clocks that are set and numbers that overflow give."""
    return value if 0 <= value <= most else nan


def find_common(texts: Iterable[tuple[str, int]], at_least: int) -> dict[str, int]:
    """The texts that at least so many sessions had, each with how many; pairs of text and session are given."""
    sessions: dict[str, set[int]] = {}
    for text, session in texts:
        sessions.setdefault(text, set()).add(session)
    return {text: len(whose) for text, whose in sessions.items() if len(whose) >= at_least}


def round_to(value: float, error: float) -> float:
    """A value without the digits that a third of its standard error makes meaningless."""
    if not value or not isfinite(value):
        return 0.0
    unit = max(error / 3 if isfinite(error) else abs(value), abs(value) * LEAST_PART)
    digits = min(max(-floor(log10(unit)), -6), 6)
    rounded = round(value, digits)
    return float(rounded) if rounded else float(f"{value:.1g}")


def weigh(counts: Counter[str], at_least: int, most: int) -> dict[str, float]:
    """Weights in per cent, the heaviest first; what too few sessions had is left out."""
    kept = [(name, number) for name, number in counts.most_common() if number >= at_least]
    kept = sorted(kept, key=lambda item: (-item[1], item[0]))[:most]
    total = sum(number for _, number in kept)
    return {name: round_to(100 * number / total, 100 * sqrt(number) / total) for name, number in kept}


def round_rate(rate: float, count: int) -> float:
    """A rate to the digits that so many events support."""
    return round_to(rate, rate / sqrt(max(count, 1)))


def round_share(share: float, count: float) -> float:
    """A probability to the digits that so many observations support."""
    return min(round_to(share, sqrt(max(share * (1 - share), 1e-6) / max(count, 1))), 1.0)


def round_span(seconds: float, error: float) -> float:
    """A length of time, to a whole number of the largest usual unit that the error allows."""
    room = max(3 * error, 1.0)
    for unit in reversed(NICE_SECONDS):
        rounded = round(seconds / unit) * unit
        if rounded and abs(rounded - seconds) <= room:
            return float(rounded)
    return round(seconds, 1) or 1.0


def round_shares(shares: Mapping[str, float], count: float) -> dict[str, float]:
    """Probabilities that add up to 1, rounded so that they still do; what is below half a unit is left out."""
    total = sum(shares.values())
    if total <= 0:
        return {}
    digits = min(max(-floor(log10(1 / (6 * sqrt(max(count, 1))))), 2), 4)  # a third of the largest standard error
    units = 10**digits
    exact = {name: share / total * units for name, share in shares.items()}
    whole = {name: floor(value) for name, value in exact.items()}
    rest = units - sum(whole.values())
    for name in sorted(exact, key=lambda name: (whole[name] - exact[name], name))[:rest]:
        whole[name] += 1
    return {name: round(number / units, digits) for name, number in whole.items() if number}
