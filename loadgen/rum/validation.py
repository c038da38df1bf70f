"""Shapes of the service model → checks of plain JSON values, and → msgspec types for the one hot operation.

Rule: a check never stops at the first problem; it names every member that is wrong, as AWS does ("Value 'x' at
'rumEvents.1.member.id' failed to satisfy constraint: Member must have length ..."). The msgspec type holds the same
constraints and only says yes or no; who hears no asks the check for the words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any

import msgspec

Check = Callable[[Any, str, list[str]], None]
"""check(value, path, problems) adds one line per problem."""

SHOWN = 10
"""Problems spelled out in one message; more are only counted."""

_INTEGERS = {"integer": 2**31, "long": 2**63}
_KINDS = {
    "string": "a string",
    "boolean": "a boolean",
    "structure": "an object",
    "map": "an object",
    "list": "an array",
    "integer": "an integer",
    "long": "an integer",
    "double": "a number",
    "timestamp": "a number of seconds",
}


def message_of(problems: list[str]) -> str:
    """The message of a ValidationException in the words of AWS."""
    many = "1 validation error" if len(problems) == 1 else f"{len(problems)} validation errors"
    more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    return f"{many} detected: {'; '.join(problems[:SHOWN])}{more}"


def problem(value: Any, path: str, constraint: str) -> str:
    """One line of the message; long values are cut."""
    if value is None:
        shown = "null"
    else:
        text = value if isinstance(value, str) else repr(value)
        shown = f"'{text[:100]}…'" if len(text) > 100 else f"'{text}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: Member must {constraint}"


def camel(name: str) -> str:
    """A member's name as AWS writes it in messages."""
    return name[:1].lower() + name[1:]


def anchored(pattern: str) -> str:
    """The model's pattern, which must match the whole value as in Java, for an engine that searches."""
    return rf"\A(?:{pattern})\Z"


def checker(shapes: dict[str, Any], name: str) -> Check:
    """Compile one shape, with all that it holds, into a check."""
    shape = shapes[name]
    return _COMPILERS.get(shape["type"], _number)(shapes, shape)


def _typed(value: Any, path: str, problems: list[str], fits: bool, kind: str) -> bool:
    if not fits:
        problems.append(problem(value, path, f"be {_KINDS[kind]}"))
    return fits


def _string(shapes: dict[str, Any], shape: dict[str, Any]) -> Check:
    low, high = shape.get("min", 0), shape.get("max")
    allowed = shape.get("enum")
    enum_words = f"satisfy enum value set: [{', '.join(allowed)}]" if allowed else ""
    pattern = shape.get("pattern")
    regex = re.compile(anchored(pattern)) if pattern else None

    def check(value: Any, path: str, problems: list[str]) -> None:
        if not _typed(value, path, problems, isinstance(value, str), "string"):
            return
        if len(value) < low:
            problems.append(problem(value, path, f"have length greater than or equal to {low}"))
        elif high is not None and len(value) > high:
            # A pattern is not tried on a value that is too long: its time can grow faster than the length.
            problems.append(problem(value, path, f"have length less than or equal to {high}"))
        elif regex and not regex.search(value):
            problems.append(problem(value, path, f"satisfy regular expression pattern: {pattern}"))
        if allowed and value not in allowed:
            problems.append(problem(value, path, enum_words))

    return check


def _number(shapes: dict[str, Any], shape: dict[str, Any]) -> Check:
    kind = shape["type"]
    whole = _INTEGERS.get(kind)
    low, high = shape.get("min"), shape.get("max")

    def check(value: Any, path: str, problems: list[str]) -> None:
        fits = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
        if not _typed(value, path, problems, fits, kind):
            return
        if whole and not -whole <= value < whole:
            problems.append(problem(value, path, f"fit a {kind}"))
        if low is not None and value < low:
            problems.append(problem(value, path, f"have value greater than or equal to {low}"))
        if high is not None and value > high:
            problems.append(problem(value, path, f"have value less than or equal to {high}"))

    return check


def _boolean(shapes: dict[str, Any], shape: dict[str, Any]) -> Check:
    def check(value: Any, path: str, problems: list[str]) -> None:
        _typed(value, path, problems, isinstance(value, bool), "boolean")

    return check


def _sized(value: Any, path: str, problems: list[str], shape: dict[str, Any]) -> None:
    if len(value) < shape.get("min", 0):
        problems.append(problem(value, path, f"have length greater than or equal to {shape['min']}"))
    if "max" in shape and len(value) > shape["max"]:
        problems.append(problem(value, path, f"have length less than or equal to {shape['max']}"))


def _list(shapes: dict[str, Any], shape: dict[str, Any]) -> Check:
    member = checker(shapes, shape["member"]["shape"])

    def check(value: Any, path: str, problems: list[str]) -> None:
        if not _typed(value, path, problems, isinstance(value, list), "list"):
            return
        _sized(value, path, problems, shape)
        for number, item in enumerate(value, 1):
            member(item, f"{path}.{number}.member", problems)

    return check


def _map(shapes: dict[str, Any], shape: dict[str, Any]) -> Check:
    of_key = checker(shapes, shape["key"]["shape"])
    of_value = checker(shapes, shape["value"]["shape"])

    def check(value: Any, path: str, problems: list[str]) -> None:
        if not _typed(value, path, problems, isinstance(value, dict), "map"):
            return
        _sized(value, path, problems, shape)
        for key, item in value.items():
            of_key(key, f"{path}.key", problems)
            of_value(item, f"{path}.{key[:128]}.value", problems)

    return check


def _structure(shapes: dict[str, Any], shape: dict[str, Any]) -> Check:
    members = {name: (camel(name), checker(shapes, ref["shape"])) for name, ref in shape["members"].items()}
    required = shape.get("required", ())

    def check(value: Any, path: str, problems: list[str]) -> None:
        if not _typed(value, path, problems, isinstance(value, dict), "structure"):
            return
        prefix = f"{path}." if path else ""
        for name in required:
            if value.get(name) is None:
                problems.append(problem(None, prefix + camel(name), "not be null"))
        for name, (shown, member) in members.items():
            if (item := value.get(name)) is not None:
                member(item, prefix + shown, problems)

    return check


_COMPILERS = {"string": _string, "boolean": _boolean, "list": _list, "map": _map, "structure": _structure}


def typed(shapes: dict[str, Any], name: str, without: frozenset[str] = frozenset()) -> Any:
    """Compile one shape into a msgspec type with the same constraints; `without` leaves out members of the top."""
    shape = shapes[name]
    match shape["type"]:
        case "structure":
            return _typed_structure(shapes, name, without)
        case "list":
            return Annotated[list[typed(shapes, shape["member"]["shape"])], _length(shape)]  # type: ignore[misc]  # built at run time
        case "string":
            pattern = anchored(shape["pattern"]) if "pattern" in shape else None
            return Annotated[str, _length(shape, pattern)]
        case kind:
            plain = {"boolean": bool, "integer": int, "long": int, "double": float, "timestamp": float}
            return plain[kind]


def _length(shape: dict[str, Any], pattern: str | None = None) -> msgspec.Meta:
    return msgspec.Meta(min_length=shape.get("min"), max_length=shape.get("max"), pattern=pattern)


def _typed_structure(shapes: dict[str, Any], name: str, without: frozenset[str]) -> type[msgspec.Struct]:
    shape = shapes[name]
    required = set(shape.get("required", ()))
    fields: list[Any] = []
    for member, ref in shape["members"].items():
        if member in without:
            continue
        kind = typed(shapes, ref["shape"])
        fields.append((member, kind) if member in required else (member, kind | None, None))
    return msgspec.defstruct(name, fields, kw_only=True, gc=False, frozen=True)
