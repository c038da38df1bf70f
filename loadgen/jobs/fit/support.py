"""Write only what the data support: texts that enough sessions had, and digits that enough observations allow.

Rule: a text is written only if at least `--at-least` visitors had it, after addresses, numbers and tokens were replaced
by placeholders; ids, user agents and query strings are never used. A number is rounded to a third of its error.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from math import floor, isfinite, log10, nan, sqrt
from typing import TypeVar

Thing = TypeVar("Thing", bound=Hashable)
Value = TypeVar("Value")

EMAIL = re.compile(r"[\w.+%-]+(?:@|%40)[\w-]+(?:\.[\w-]+)*")
URL = re.compile(r"\bhttps?://\S+")
UUID = re.compile(r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b")
TOKEN = re.compile(r"\b(?=[\w+/=~.-]*\d)(?=[\w+/=~.-]*[A-Za-z])[\w+/=~.-]{16,}|\b[0-9a-fA-F]{12,}\b")
DIGITS = re.compile(r"\d{4,}|\d{2,}(?:[ ./-]\d{2,}){2,}|\b\d{1,3}(?:\.\d{1,3}){3}\b")
"""A long number, a number in groups as of cards and telephones, or an IP address."""

NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")

MOST_WORDS_TOLD = 200

NICE_SECONDS = (1.0, 5.0, 10.0, 15.0, 30.0, 60.0, 300.0, 600.0, 900.0, 1800.0, 3600.0)
DEVICES = (("desktop", False), ("mobile", True))
"""The kinds of devices for which a scenario has values, each with whether it is small: tablets count as mobiles."""

LEAST_PART = 1e-4
"""Digits below this share of a number are never written."""


def fold_message(text: str) -> str:
    """Replace the variable parts of a message (addresses, URLs, ids, tokens, numbers) by placeholders."""
    for pattern, stand_in in ((EMAIL, "<email>"), (URL, "<url>"), (UUID, "<id>"), (TOKEN, "<token>"), (NUMBER, "<n>")):
        text = pattern.sub(stand_in, text)
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:MOST_WORDS_TOLD]


def holds_secret(text: str) -> bool:
    """Whether a text holds an address, an id, a token or a long number."""
    return any(pattern.search(text) for pattern in (EMAIL, UUID, TOKEN, DIGITS))


def drop_implausible(value: float, most: float) -> float:
    """Return a value from 0 to `most` as it is, and NaN for any other: clocks are set, and numbers overflow."""
    return value if 0 <= value <= most else nan


def may_be_told(text: str) -> bool:
    """Whether a text that enough visitors had may be written: it holds no secret, and no control characters."""
    return text.isprintable() and not holds_secret(text)


def group(pairs: Iterable[tuple[Thing, Value]]) -> dict[Thing, list[Value]]:
    """Return the values of pairs (thing, value) by thing, both in their order."""
    found: dict[Thing, list[Value]] = {}
    for thing, value in pairs:
        found.setdefault(thing, []).append(value)
    return found


def tally(pairs: Iterable[tuple[Thing, int]]) -> dict[Thing, tuple[int, int]]:
    """Count pairs (thing, visitor): return how often each thing came, and how many visitors had it."""
    return {thing: (len(visitors), len(set(visitors))) for thing, visitors in group(pairs).items()}


def find_common(texts: Iterable[tuple[str, int]], at_least: int) -> dict[str, int]:
    """Return the texts of pairs (text, visitor) that at least `at_least` visitors had, each with its visitors."""
    return {text: visitors for text, (_, visitors) in tally(texts).items() if visitors >= at_least}


def round_to(value: float, error: float) -> float:
    """Round a value to a third of its standard error."""
    if not value or not isfinite(value):
        return 0.0
    unit = max(error / 3 if isfinite(error) else abs(value), abs(value) * LEAST_PART)
    digits = min(max(-floor(log10(unit)), -6), 6)
    rounded = round(value, digits)
    return float(rounded) if rounded else float(f"{value:.1g}")


def weigh(counts: Counter[str], at_least: int, most: int) -> dict[str, float]:
    """Turn counts of sessions into weights in per cent, the largest first; counts below `at_least` are left out."""
    kept = [(name, number) for name, number in counts.items() if number >= at_least]
    kept = sorted(kept, key=lambda item: (-item[1], item[0]))[:most]
    total = sum(number for _, number in kept)
    return {name: round_to(100 * number / total, 100 * sqrt(number) / total) for name, number in kept}


def round_rate(rate: float, count: int) -> float:
    """Round a rate to the digits that `count` events support."""
    return round_to(rate, rate / sqrt(max(count, 1)))


def round_share(share: float, count: float) -> float:
    """Round a probability to the digits that `count` observations support."""
    return min(round_to(share, sqrt(max(share * (1 - share), 1e-6) / max(count, 1))), 1.0)


def round_span(seconds: float, error: float) -> float:
    """Round a length of time to a multiple of the largest usual unit that its error allows."""
    room = max(3 * error, 1.0)
    for unit in reversed(NICE_SECONDS):
        rounded = round(seconds / unit) * unit
        if rounded and abs(rounded - seconds) <= room:
            return float(rounded)
    return round(seconds, 1) or 1.0


def round_shares(shares: Mapping[str, float], count: float) -> dict[str, float]:
    """Round probabilities so that they still add up to 1; shares that round to 0 are left out."""
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
