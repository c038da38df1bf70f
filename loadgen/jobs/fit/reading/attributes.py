"""Find the attributes that a site adds to the metadata of its sessions, pages and custom events.

Rule: names that the web client and RUM write themselves are no attributes. Logs mix a page's attributes with the
session's: a name whose value changes within a session is the page's. A value is written if enough visitors had it. An
attribute is written if nearly all sessions (or views of the page, or events) have it, and most of them with values that
may be written; so a user's id never is.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from loadgen.jobs.fit.support import holds_secret
from loadgen.rum.events import RESERVED_NAMES

NAME = re.compile("(?!aws:)[A-Za-z0-9_:]{1,128}")
BUILT_IN = RESERVED_NAMES | {"localityName"}
"""Names that are no custom attributes: those that are reserved, and the one that RUM adds."""

MOST, LONGEST = 10, 256
"""Attributes of one event at most; characters of a value at most (from the same page of the user guide)."""

NEARLY_ALL, MOSTLY, ALIKE = 0.9, 0.8, 0.98
"""Share of the sessions that must have an attribute; share of these with values that may be written; share with the
same value that makes it an attribute of the application."""

PARTS, NEAR = 10, 0.025
"""About the most entries in a list of values, in which each value stands in proportion to its share; difference from
the shares up to which the shortest list is taken."""


@lru_cache(maxsize=4096)
def read_attributes(text: bytes | str) -> str | None:
    """Return the attributes in metadata as JSON; None if there are none."""
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    own = {
        name: value
        for name, value in (found.items() if isinstance(found, dict) else ())
        if NAME.fullmatch(name) and name not in BUILT_IN
        and isinstance(value, str | int | float) and len(str(value)) <= LONGEST
    }  # fmt: skip
    return msgspec.json.encode(own, order="sorted").decode() if own else None


@lru_cache(maxsize=4096)
def find_changed(one: str | None, other: str | None) -> frozenset[str]:
    """Return the names whose values differ between two texts of attributes."""
    first, second = (set(msgspec.json.decode(text or "{}").items()) for text in (one, other))
    return frozenset(name for name, _ in first ^ second)


def find_attributes(
    texts: Mapping[str, Collection[int]], sessions: int, changing: frozenset[str], at_least: int
) -> dict[str, dict[str, Any]]:
    """Return members of a scenario's client: sessionAttributes and applicationAttributes.

    Args:
        texts: The attributes of sessions as JSON, each with the visitors of its sessions.
        sessions: The number of all sessions.
        changing: Names whose values change within a session.
        at_least: Visitors who must have a value.
    """
    values: defaultdict[str, Counter[Any]] = defaultdict(Counter)
    whose: defaultdict[Any, set[int]] = defaultdict(set)
    for text, visitors in texts.items():
        for name, value in msgspec.json.decode(text).items():
            values[name][type(value), value] += len(visitors)
            whose[name, type(value), value].update(visitors)
    common: dict[str, Any] = {}
    varying: dict[str, Any] = {}
    for name, counts in sorted(values.items()):
        present = counts.total()
        ordered = sorted(counts.items(), key=lambda item: (-item[1], str(item)))
        allowed = [(value, number) for (kind, value), number in ordered
                if len(whose[name, kind, value]) >= at_least and not holds_secret(str(value))
                and str(value).isprintable()]  # fmt: skip
        known = sum(number for _, number in allowed)
        if name in changing or holds_secret(name) or present < NEARLY_ALL * sessions or known < MOSTLY * present:
            continue
        if len(common) + len(varying) < MOST:
            target = common if allowed[0][1] >= ALIKE * present else varying
            target[name] = allowed[0][0] if target is common else list_by_share(allowed, known)
    return {name: found for name, found in (("sessionAttributes", varying), ("applicationAttributes", common)) if found}


def find_usual_attributes(
    texts: Sequence[str], places: NDArray[np.int64], visitor: NDArray[np.int64], known: Collection[str], at_least: int
) -> dict[str, Any]:
    """Return the attributes that nearly all events of one page or type have with the same value.

    Args:
        texts: Attributes as JSON.
        places: [event] place of its attributes in `texts`; -1: it has none.
        visitor: [event] number of its visitor.
        known: Names that are written elsewhere.
        at_least: Visitors who must have a value.
    """
    number: Counter[tuple[str, str, Any]] = Counter()
    whose: defaultdict[tuple[str, str, Any], set[int]] = defaultdict(set)
    for place in np.unique(places[places >= 0]).tolist():
        own = visitor[places == place]
        for name, value in msgspec.json.decode(texts[place]).items():
            kind = name, type(value).__name__, value
            number[kind] += len(own)
            whose[kind].update(own.tolist())
    usual = {
        kind[0]: kind[2] for kind, count in sorted(number.items(), key=lambda item: item[0][:2])
        if count >= NEARLY_ALL * len(places) and len(whose[kind]) >= at_least and kind[0] not in known
        and not holds_secret(kind[0]) and not holds_secret(str(kind[2])) and str(kind[2]).isprintable()
    }  # fmt: skip
    return dict(list(usual.items())[:MOST])


def list_by_share(values: list[tuple[Any, int]], total: int) -> list[Any]:
    """Return a list of the values, each in proportion to its share."""
    shares = np.array([number / total for _, number in values[: 2 * PARTS]])
    for parts in range(1, PARTS + 1):
        numbers = np.maximum(np.rint(parts * shares), 1).astype(int)
        if np.abs(numbers / numbers.sum() - shares).max() <= NEAR:
            break
    return [value for (value, _), number in zip(values, numbers.tolist(), strict=False) for _ in range(number)]
