"""Details as they stand in a request's body: the client's JSON, inside a JSON string.

Rule: numbers are written as JSON.stringify does, 37.0 as 37.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import repeat
from typing import Any, TypeVar

import msgspec

from loadgen.model import Event
from loadgen.rum.events import VITALS

_JSON = msgspec.json.Encoder()

_KEYED = "|".join(rf'(?<=\w":{sign}\d{{{digits}}}\.0)' for sign in ("", "-") for digits in range(1, 13))
_MAYBE_WHOLE = re.compile(rb"\.0[,}]")
_POINT_ZERO = re.compile(rf"\.0(?=[,}}])(?:{_KEYED})".encode())
"""The `.0` of an integral number that is the value of a key.

A quote behind a word character ends a key (one inside a string has a backslash before it, one that begins a string has
none of both), so text is never touched. The literal comes first because `re` then skips through the text quickly.
"""

PLACEHOLDER: Any = msgspec.Raw(b"\0")
TEXT_PLACEHOLDER: Any = msgspec.Raw(b'"\0"')
"""In place of a number, or of a text, that a Form leaves out: no JSON has this byte."""

T = TypeVar("T")


class Template:
    """Details of one shape as text, but for the values at the gaps of a model."""

    def __init__(self, model: Any) -> None:
        self.pieces = written(model).split("\0")

    def text(self, *values: str) -> str:
        """Details with these values in the gaps."""
        return self.texts(*([value] for value in values))[0] if values else self.pieces[0]

    def texts(self, *columns: Iterable[str]) -> list[str]:
        """One text for each row of the gaps' values."""
        parts: list[Iterable[str]] = [repeat(self.pieces[0])]
        for column, piece in zip(columns, self.pieces[1:], strict=True):
            parts += [column, repeat(piece)]
        return list(map("".join, zip(*parts, strict=False)))


def written(details: Any) -> str:
    """Details as text, without the quotes around it."""
    return escaped(_json(details))


def read(details: Any, kind: type[T]) -> T:
    """Details as the noun that they are, written or not yet."""
    if isinstance(details, str):
        return msgspec.json.decode(msgspec.json.decode(f'"{details}"', type=str), type=kind)
    assert isinstance(details, kind)
    return details


def read_vital(event: Event) -> tuple[str, float] | None:
    """The name and the value (ms; CLS without unit) of the vital that an event tells, if it is one."""
    if event.type not in VITALS or isinstance(event.details, dict):  # a custom event may be called so
        return None
    name, kind = VITALS[event.type]
    return name, read(event.details, kind).value


@lru_cache(maxsize=65536)
def escape(text: str) -> str:
    """Any text as it stands in a TEXT_GAP."""
    return escaped(_JSON.encode(text).decode()[1:-1])


def escaped(json: str) -> str:
    """JSON as it stands inside a JSON string, without the quotes around it."""
    return json.replace("\\", "\\\\").replace('"', '\\"')


def _json(details: Any) -> str:
    json = _JSON.encode(details)
    return (_POINT_ZERO.sub(b"", json) if _MAYBE_WHOLE.search(json) else json).decode()
