"""Shapes of the service model → checks of plain JSON values, and → msgspec types for the one hot operation.

Rule: a check does not stop at the first problem; it names every member that is wrong, as AWS does ("Value 'x' at
'rumEvents.1.member.id' failed to satisfy constraint: Member must have length ..."). A compiled msgspec type has the
same constraints and is faster, but does not name members: when it refuses a value, the caller runs the check.
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

MOST_PROBLEMS = 1000
"""A check looks at no more items of a list or a map after so many problems: each costs time and memory."""

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


def format_message(problems: list[str]) -> str:
    """Write the message of a ValidationException in AWS's words."""
    many = "1 validation error" if len(problems) == 1 else f"{len(problems)} validation errors"
    more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    return f"{many} detected: {'; '.join(problems[:SHOWN])}{more}"


def format_problem(value: Any, path: str, constraint: str) -> str:
    """Write one problem of the message; a long value is cut after 100 characters."""
    if value is None:
        shown = "null"
    else:
        text = value if isinstance(value, str) else repr(value)
        shown = f"'{text[:100]}…'" if len(text) > 100 else f"'{text}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: Member must {constraint}"


def lower_first(name: str) -> str:
    """Write a member's name as AWS does in messages: `RumEvents` → `rumEvents`."""
    return name[:1].lower() + name[1:]


def anchor_pattern(pattern: str) -> str:
    """Make a pattern of the model match the whole value in an engine that searches; in Java it always does."""
    return rf"\A(?:{pattern})\Z"


def compile_check(shapes: dict[str, Any], name: str) -> Check:
    """Compile one shape, with the shapes of its members, into a check."""
    shape = shapes[name]
    return _COMPILERS.get(shape["type"], _compile_number)(shapes, shape)


def _check_type(value: Any, path: str, problems: list[str], fits: bool, kind: str) -> bool:
    if not fits:
        problems.append(format_problem(value, path, f"be {_KINDS[kind]}"))
    return fits


def _compile_string(shapes: dict[str, Any], shape: dict[str, Any]) -> Check:
    low, high = shape.get("min", 0), shape.get("max")
    allowed = shape.get("enum")
    enum_words = f"satisfy enum value set: [{', '.join(allowed)}]" if allowed else ""
    pattern = shape.get("pattern")
    regex = re.compile(anchor_pattern(pattern)) if pattern else None

    def check(value: Any, path: str, problems: list[str]) -> None:
        if not _check_type(value, path, problems, isinstance(value, str), "string"):
            return
        if len(value) < low:
            problems.append(format_problem(value, path, f"have length greater than or equal to {low}"))
        elif high is not None and len(value) > high:
            # A pattern is not tried on a value that is too long: its time can grow faster than the length.
            problems.append(format_problem(value, path, f"have length less than or equal to {high}"))
        elif regex and not regex.search(value):
            problems.append(format_problem(value, path, f"satisfy regular expression pattern: {pattern}"))
        if allowed and value not in allowed:
            problems.append(format_problem(value, path, enum_words))

    return check


def _compile_number(shapes: dict[str, Any], shape: dict[str, Any]) -> Check:
    kind = shape["type"]
    whole = _INTEGERS.get(kind)
    low, high = shape.get("min"), shape.get("max")

    def check(value: Any, path: str, problems: list[str]) -> None:
        fits = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
        if not _check_type(value, path, problems, fits, kind):
            return
        if whole and not -whole <= value < whole:
            problems.append(format_problem(value, path, f"fit a {kind}"))
        if low is not None and value < low:
            problems.append(format_problem(value, path, f"have value greater than or equal to {low}"))
        if high is not None and value > high:
            problems.append(format_problem(value, path, f"have value less than or equal to {high}"))

    return check


def _compile_boolean(shapes: dict[str, Any], shape: dict[str, Any]) -> Check:
    def check(value: Any, path: str, problems: list[str]) -> None:
        _check_type(value, path, problems, isinstance(value, bool), "boolean")

    return check


def _check_size(value: Any, path: str, problems: list[str], shape: dict[str, Any]) -> None:
    if len(value) < shape.get("min", 0):
        problems.append(format_problem(value, path, f"have length greater than or equal to {shape['min']}"))
    if "max" in shape and len(value) > shape["max"]:
        problems.append(format_problem(value, path, f"have length less than or equal to {shape['max']}"))


def _compile_list(shapes: dict[str, Any], shape: dict[str, Any]) -> Check:
    member = compile_check(shapes, shape["member"]["shape"])

    def check(value: Any, path: str, problems: list[str]) -> None:
        if not _check_type(value, path, problems, isinstance(value, list), "list"):
            return
        _check_size(value, path, problems, shape)
        for number, item in enumerate(value, 1):
            if len(problems) > MOST_PROBLEMS:
                return
            member(item, f"{path}.{number}.member", problems)

    return check


def _compile_map(shapes: dict[str, Any], shape: dict[str, Any]) -> Check:
    check_key = compile_check(shapes, shape["key"]["shape"])
    check_value = compile_check(shapes, shape["value"]["shape"])

    def check(value: Any, path: str, problems: list[str]) -> None:
        if not _check_type(value, path, problems, isinstance(value, dict), "map"):
            return
        _check_size(value, path, problems, shape)
        for key, item in value.items():
            if len(problems) > MOST_PROBLEMS:
                return
            check_key(key, f"{path}.key", problems)
            check_value(item, f"{path}.{key[:128]}.value", problems)

    return check


def _compile_structure(shapes: dict[str, Any], shape: dict[str, Any]) -> Check:
    members = {name: (lower_first(name), compile_check(shapes, ref["shape"])) for name, ref in shape["members"].items()}
    required = shape.get("required", ())

    def check(value: Any, path: str, problems: list[str]) -> None:
        if not _check_type(value, path, problems, isinstance(value, dict), "structure"):
            return
        prefix = f"{path}." if path else ""
        for name in required:
            if value.get(name) is None:
                problems.append(format_problem(None, prefix + lower_first(name), "not be null"))
        for name, (shown, member) in members.items():
            if (item := value.get(name)) is not None:
                member(item, prefix + shown, problems)

    return check


_COMPILERS = {
    "string": _compile_string,
    "boolean": _compile_boolean,
    "list": _compile_list,
    "map": _compile_map,
    "structure": _compile_structure,
}


def compile_type(shapes: dict[str, Any], name: str, patterns: bool = True) -> Any:
    """Compile one shape into a msgspec type with the same constraints, without members that travel outside the body.

    Without `patterns` the caller checks those: msgspec calls `re` for each text, which takes half a microsecond.
    """
    shape = shapes[name]
    match shape["type"]:
        case "structure":
            return _compile_struct(shapes, name, patterns)
        case "list":
            member = compile_type(shapes, shape["member"]["shape"], patterns)
            return Annotated[list[member], _limit_length(shape)]  # type: ignore[valid-type]  # built at run time
        case "string":
            pattern = anchor_pattern(shape["pattern"]) if patterns and "pattern" in shape else None
            return Annotated[str, _limit_length(shape, pattern)]
        case kind:
            plain = {"boolean": bool, "integer": int, "long": int, "double": float, "timestamp": float}
            return plain[kind]


def _limit_length(shape: dict[str, Any], pattern: str | None = None) -> msgspec.Meta:
    return msgspec.Meta(min_length=shape.get("min"), max_length=shape.get("max"), pattern=pattern)


def _compile_struct(shapes: dict[str, Any], name: str, patterns: bool) -> type[msgspec.Struct]:
    shape = shapes[name]
    required = set(shape.get("required", ()))
    fields: list[Any] = []
    for member, ref in shape["members"].items():
        if "location" in ref:
            continue
        kind = compile_type(shapes, ref["shape"], patterns)
        fields.append((member, kind) if member in required else (member, kind | None, None))
    return msgspec.defstruct(name, fields, kw_only=True, gc=False, frozen=True)
