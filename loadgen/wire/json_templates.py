"""The text of an event's details: the web client's JSON, escaped to stand inside a JSON string of a request's body.

Rule: numbers are written as JSON.stringify does, 37.0 as 37. Only this module knows how RUM's JSON is escaped.

Traffic writes details with these templates, for a column of events at a time, and every later room passes the text on.
Values that are passed on and written when the event is sent cost more. A resource event, the most frequent one, takes
0.29 µs as text by the column; 1.30 µs as a struct that is written later, 21 % of an event's whole cost of 4.8 µs more;
and 0.50 µs as a tuple of pieces, 4 % more.

Traffic does not know the Unix time at which a session starts. Times in details (of X-Ray traces) are written as seconds
from the session's start, between two marks; `date_details` replaces them by Unix times when the batch is encoded.
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
"""The `.0` of a whole number that is the value of a key.

The number must follow a quote behind a word character: such a quote ends a key. A quote inside a string follows a
backslash, and a quote that begins a string follows neither, so no string is changed. The literal comes first in the
pattern because `re` then searches quickly.
"""

PLACEHOLDER: Any = msgspec.Raw(b"\0")
TEXT_PLACEHOLDER: Any = msgspec.Raw(b'"\0"')
"""Placeholders for a number and for a text in a Template's model; valid JSON never contains the null byte."""

MARK = "\1"
"""The mark before and behind each time that `date_details` replaces; valid JSON never contains this byte."""

_MARKED = re.compile(f"{MARK}([umt])([^{MARK}]*){MARK}")

T = TypeVar("T")


class Halves(NamedTuple):
    """A column of texts, each in two halves; a template joins them, which makes writing a time a quarter cheaper."""

    first: list[str]
    second: list[str]

    def cut(self, begin: int, end: int) -> Halves:
        """Return the texts of the rows from `begin` to before `end`."""
        return Halves(self.first[begin:end], self.second[begin:end])


TextColumn = Iterable[str] | Halves


class Template:
    """The text of details with placeholders for the values that differ from event to event."""

    def __init__(self, model: Any) -> None:
        self.pieces = write_details(model).split("\0")

    @classmethod
    def for_type(cls, kind: type[msgspec.Struct], **fixed: Any) -> Template:
        """Make the template of a struct of details: a placeholder for each member, in order, that is not `fixed`.

        A member that is a struct has a placeholder for each of its own members.
        """
        return cls(_fill_with_placeholders(kind, fixed))

    def write_all(self, *columns: TextColumn) -> list[str]:
        """Write the text of each row of values; there is a column of values for each placeholder."""
        return list(self.iterate(*columns))

    def iterate(self, *columns: TextColumn) -> Iterator[str]:
        """Yield the text of each row of values, as `write_all` does."""
        parts: list[Iterable[str]] = [repeat(self.pieces[0])]
        for column, piece in zip(columns, self.pieces[1:], strict=True):
            parts += [*column, repeat(piece)] if isinstance(column, Halves) else [column, repeat(piece)]
        return map("".join, zip(*parts, strict=False))


def _fill_with_placeholders(kind: Any, fixed: dict[str, Any]) -> Any:
    """Return a placeholder for a plain type; for a struct type, a struct with a placeholder for each free member."""
    if not issubclass(get_origin(kind) or kind, msgspec.Struct):
        return TEXT_PLACEHOLDER if str in (kind, *get_args(kind)) else PLACEHOLDER
    own = {name: fixed[name] for name in kind.__struct_fields__ if name in fixed}
    free = [field for field in msgspec.structs.fields(kind) if field.name not in fixed]
    return kind(**own, **{field.name: _fill_with_placeholders(field.type, fixed) for field in free})


def write_details(details: Any) -> str:
    """Write details (a struct of rum.events, or plain JSON data) as escaped text, without the quotes around it."""
    return escape_json(_write_json(details))


def read_details(details: str, kind: type[T]) -> T:
    """Read the text of details as a struct or a dict; marked times become those of a session that starts at Unix 0."""
    text = date_details(details, 0.0) if MARK in details else details
    return msgspec.json.decode(msgspec.json.decode(f'"{text}"', type=str), type=kind)


def mark_time(seconds: float) -> Any:
    """Mark a time, in seconds from the session's start, that a struct holds as Unix seconds."""
    return msgspec.Raw(f"{MARK}u{seconds}{MARK}".encode())


def mark_milliseconds(seconds: float) -> Any:
    """Mark a time, in seconds from the session's start, that a struct holds as Unix milliseconds."""
    return msgspec.Raw(f"{MARK}m{seconds}{MARK}".encode())


def mark_trace_id(seconds: float, random_hex: str, w3c: bool = False) -> Any:
    """Make a trace id with a marked time, in seconds from the session's start; `random_hex` has 24 digits.

    X-Ray's form is 1-<8 digits>-<24 digits>; W3C's form is the digits alone.
    """
    before, between = ("", "") if w3c else ("1-", "-")
    return msgspec.Raw(f'"{before}{MARK}t{seconds}{MARK}{between}{random_hex}"'.encode())


def date_details(details: str, zero: float) -> str:
    """Replace the marked times of details by Unix times, for a session that starts at Unix time `zero`."""

    def write(found: re.Match[str]) -> str:
        kind, number = found.groups()
        if kind == "m":
            return str(int((zero + float(number)) * 1000))
        if kind == "t":
            return f"{int(zero + float(number)):08x}"
        return str(int((zero + float(number)) * 1000) / 1000).removesuffix(".0")

    return _MARKED.sub(write, details)


def read_vital(event: Event) -> tuple[str, float] | None:
    """Return the name and value (ms; CLS has no unit) of the web vital that an event reports; None for other events."""
    if event.type not in VITALS:
        return None
    name, kind = VITALS[event.type]
    try:
        return name, read_details(event.details, kind).value
    except msgspec.ValidationError:  # a custom event that has the type of a vital
        return None


@lru_cache(maxsize=65536)
def escape(text: str) -> str:
    """Escape a text so that it can replace a TEXT_PLACEHOLDER."""
    return escape_json(_JSON.encode(text).decode()[1:-1])


def write_members(fields: dict[str, Any]) -> str:
    """Write the members of an object, without its braces, escaped to stand inside a JSON string."""
    return escape_json(_write_json(fields))[1:-1]


def escape_json(json: str) -> str:
    """Escape JSON so that it can stand inside a JSON string; without the quotes around the string."""
    return json.replace("\\", "\\\\").replace('"', '\\"')


def _write_json(details: Any) -> str:
    json = _JSON.encode(details)
    return (_POINT_ZERO.sub(b"", json) if _MAYBE_WHOLE.search(json) else json).decode()
