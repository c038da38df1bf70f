"""The text of an event's details: the web client's JSON as it stands inside a JSON string of a request's body.

Rule: numbers are written as JSON.stringify does, 37.0 as 37. Only this module knows how RUM's JSON is escaped.

Traffic writes details with these templates, a column of events at a time, and every later room passes the text on.
Handing on values and writing each event when it is sent costs more: a resource event, the most frequent one, takes
0.29 µs as text by the column, 1.30 µs as a struct of values that is written later (21 % of an event's whole cost of
4.8 µs more), and 0.50 µs as a tuple of pieces (4 % more).

Traffic does not know the Unix time at which a session starts. Details that contain times (X-Ray traces) hold them as
seconds from the session's start, between two marks, and `date_details` writes them when the batch is encoded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import repeat
from typing import Any, NamedTuple, TypeVar, get_args, get_origin

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
"""Placeholders for a number and for a text in a Template's model; valid JSON never contains this byte."""

MARK = "\1"
"""Encloses each time that `date_details` writes; valid JSON never contains this byte."""

_MARKED = re.compile(f"{MARK}([umt])([^{MARK}]*){MARK}")

T = TypeVar("T")


class Halves(NamedTuple):
    """A column of texts in two halves each. A template joins them with all else, which saves a quarter of a time."""

    first: list[str]
    second: list[str]

    def cut(self, begin: int, end: int) -> Halves:
        """The texts of some rows."""
        return Halves(self.first[begin:end], self.second[begin:end])


Texts = Iterable[str] | Halves


class Template:
    """The text of details, with placeholders for the values that differ from event to event."""

    def __init__(self, model: Any) -> None:
        self.pieces = write_details(model).split("\0")

    @classmethod
    def of(cls, kind: type[msgspec.Struct], **fixed: Any) -> Template:
        """Details of this kind with a placeholder for each member, in order, and in its parts; none for fixed ones."""
        return cls(_fill_with_placeholders(kind, fixed))

    def texts(self, *columns: Texts) -> list[str]:
        """One text for each row of values; a column for each placeholder."""
        return list(self.iterate(*columns))

    def iterate(self, *columns: Texts) -> Iterator[str]:
        """The same, a text at a time."""
        parts: list[Iterable[str]] = [repeat(self.pieces[0])]
        for column, piece in zip(columns, self.pieces[1:], strict=True):
            parts += [*column, repeat(piece)] if isinstance(column, Halves) else [column, repeat(piece)]
        return map("".join, zip(*parts, strict=False))


def _fill_with_placeholders(kind: Any, fixed: dict[str, Any]) -> Any:
    """What stands for a member of this type: a placeholder; or a struct whose members are placeholders but for some."""
    if not issubclass(get_origin(kind) or kind, msgspec.Struct):
        return TEXT_PLACEHOLDER if str in (kind, *get_args(kind)) else PLACEHOLDER
    own = {name: fixed[name] for name in kind.__struct_fields__ if name in fixed}
    free = [field for field in msgspec.structs.fields(kind) if field.name not in fixed]
    return kind(**own, **{field.name: _fill_with_placeholders(field.type, fixed) for field in free})


def write_details(details: Any) -> str:
    """Details (a struct of rum.events, or an object of plain JSON) as text, without the quotes around it."""
    return escape_json(_write_json(details))


def read_details(details: str, kind: type[T]) -> T:
    """Read details as a struct or a dict; times are those of a session that starts at Unix time 0."""
    text = date_details(details, 0.0) if MARK in details else details
    return msgspec.json.decode(msgspec.json.decode(f'"{text}"', type=str), type=kind)


def mark_time(seconds: float) -> Any:
    """A marked time, given as seconds from the session's start, for a struct's field of Unix seconds."""
    return msgspec.Raw(f"{MARK}u{seconds}{MARK}".encode())


def mark_milliseconds(seconds: float) -> Any:
    """A marked time, given as seconds from the session's start, for a field of Unix milliseconds."""
    return msgspec.Raw(f"{MARK}m{seconds}{MARK}".encode())


def mark_trace_id(seconds: float, random_hex: str, w3c: bool = False) -> Any:
    """A trace id with a marked time, given as seconds from the session's start; `random_hex` has 24 digits.

    X-Ray's form is 1-<8 digits>-<24 digits>, W3C's the digits alone.
    """
    before, between = ("", "") if w3c else ("1-", "-")
    return msgspec.Raw(f'"{before}{MARK}t{seconds}{MARK}{between}{random_hex}"'.encode())


def date_details(details: str, zero: float) -> str:
    """Write the marked times of details, for a session that starts at Unix time `zero`."""

    def write(found: re.Match[str]) -> str:
        kind, number = found.groups()
        if kind == "m":
            return str(int((zero + float(number)) * 1000))
        if kind == "t":
            return f"{int(zero + float(number)):08x}"
        return str(int((zero + float(number)) * 1000) / 1000).removesuffix(".0")

    return _MARKED.sub(write, details)


def read_vital(event: Event) -> tuple[str, float] | None:
    """The name and value (ms; CLS without unit) of the web vital that an event reports; None for other events."""
    if event.type not in VITALS:
        return None
    name, kind = VITALS[event.type]
    try:
        return name, read_details(event.details, kind).value
    except msgspec.ValidationError:  # a custom event that has the type of a vital
        return None


@lru_cache(maxsize=65536)
def escape(text: str) -> str:
    """A text as it stands in place of a TEXT_PLACEHOLDER."""
    return escape_json(_JSON.encode(text).decode()[1:-1])


def write_members(fields: dict[str, Any]) -> str:
    """What stands between the braces of an object inside a JSON string."""
    return escape_json(_write_json(fields))[1:-1]


def escape_json(json: str) -> str:
    """JSON as it stands inside a JSON string, without the quotes around it."""
    return json.replace("\\", "\\\\").replace('"', '\\"')


def _write_json(details: Any) -> str:
    json = _JSON.encode(details)
    return (_POINT_ZERO.sub(b"", json) if _MAYBE_WHOLE.search(json) else json).decode()
