"""What must not reach a scenario is folded away: addresses, numbers, tokens, and whatever few sessions had.

Rule: a text is written only if at least `--at-least` sessions had it after folding; ids, user agents and query strings
are never looked at for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

EMAIL = re.compile(r"[\w.+%-]+(?:@|%40)[\w-]+(?:\.[\w-]+)*")
URL = re.compile(r"\bhttps?://\S+")
UUID = re.compile(r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b")
TOKEN = re.compile(r"\b(?=[\w+/=~.-]*\d)(?=[\w+/=~.-]*[A-Za-z])[\w+/=~.-]{16,}|\b[0-9a-fA-F]{12,}\b")
NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")

MOST_WORDS_TOLD = 200


def fold_message(text: str) -> str:
    """A message without what differs from one to the next: addresses, URLs, ids, tokens, numbers."""
    for pattern, stand_in in ((EMAIL, "<email>"), (URL, "<url>"), (UUID, "<id>"), (TOKEN, "<token>"), (NUMBER, "<n>")):
        text = pattern.sub(stand_in, text)
    return " ".join(text.split())[:MOST_WORDS_TOLD]


def holds_secret(text: str) -> bool:
    """Whether a text holds an address, an id, a token or a long number."""
    return any(pattern.search(text) for pattern in (EMAIL, UUID, TOKEN)) or bool(re.search(r"\d{4,}", text))


def find_common(texts: Iterable[tuple[str, int]], at_least: int) -> dict[str, int]:
    """The texts that at least so many sessions had, each with how many; pairs of text and session are given."""
    sessions: dict[str, set[int]] = {}
    for text, session in texts:
        sessions.setdefault(text, set()).add(session)
    return {text: len(whose) for text, whose in sessions.items() if len(whose) >= at_least}
