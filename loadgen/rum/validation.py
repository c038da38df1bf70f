"""Checks of plain JSON values against shapes of the service model, and msgspec types for the one hot operation.

Rule: a check does not stop at the first problem; it names every member that is wrong, as AWS does ("Value 'x' at
'rumEvents.1.member.id' failed to satisfy constraint: Member must have length ..."). A compiled msgspec type has the
same constraints and is faster, but does not name members: when it refuses a value, the caller runs the check.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

import msgspec

SHOWN = 10
"""How many problems a message spells out; it only counts the others."""

MOST_PROBLEMS = 1000
"""After so many problems a check skips the other items of a list or map: each problem costs time and memory."""

_INTEGERS = {"integer": 2**31, "long": 2**63}
_KINDS: dict[str, tuple[Any, str]] = {
    "string": (str, "a string"),
    "boolean": (bool, "a boolean"),
    "structure": (dict, "an object"),
    "map": (dict, "an object"),
    "list": (list, "an array"),
    "integer": (int, "an integer"),
    "long": (int, "an integer"),
    "double": (int | float, "a number"),
    "timestamp": (int | float, "a number of seconds"),
}
"""By the type of a shape: the Python type that its JSON value must have, and that type in words."""


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
    """Anchor a pattern of the model at both ends: Java matches the whole value, Python and msgspec search in it."""
    return rf"\A(?:{pattern})\Z"


def find_problems(shapes: dict[str, Any], name: str, value: Any, path: str = "") -> list[str]:
    """Check a plain JSON value, and all its members, against the shape of a name; return a line for each problem."""
    checker = _Checker(shapes)
    checker.check(name, value, path)
    return checker.problems


class _Checker:
    """Collects the problems of one value."""

    def __init__(self, shapes: dict[str, Any]) -> None:
        self.problems: list[str] = []
        self._shapes = shapes

    def _report(self, value: Any, path: str, constraint: str) -> None:
        self.problems.append(format_problem(value, path, constraint))

    def check(self, name: str, value: Any, path: str) -> None:
        """Check the value at a path against the shape of a name."""
        shape = self._shapes[name]
        kind = shape["type"]
        types, words = _KINDS[kind]
        if not isinstance(value, types) or (isinstance(value, bool) and kind != "boolean"):
            self._report(value, path, f"be {words}")
        elif kind == "structure":
            self._check_structure(shape, value, path)
        elif kind in ("list", "map"):
            self._check_items(shape, value, path)
        elif kind == "string":
            self._check_string(shape, value, path)
        elif kind != "boolean":
            self._check_number(shape, value, path)

    def _check_string(self, shape: dict[str, Any], value: str, path: str) -> None:
        low, high = shape.get("min", 0), shape.get("max")
        pattern, allowed = shape.get("pattern"), shape.get("enum")
        if len(value) < low:
            self._report(value, path, f"have length greater than or equal to {low}")
        elif high is not None and len(value) > high:
            # A pattern is not tried on a value that is too long: its time can grow faster than the length.
            self._report(value, path, f"have length less than or equal to {high}")
        elif pattern and not re.search(anchor_pattern(pattern), value):
            self._report(value, path, f"satisfy regular expression pattern: {pattern}")
        if allowed and value not in allowed:
            self._report(value, path, f"satisfy enum value set: [{', '.join(allowed)}]")

    def _check_number(self, shape: dict[str, Any], value: float, path: str) -> None:
        bound = _INTEGERS.get(shape["type"])
        if bound and not -bound <= value < bound:
            self._report(value, path, f"fit a {shape['type']}")
        if "min" in shape and value < shape["min"]:
            self._report(value, path, f"have value greater than or equal to {shape['min']}")
        if "max" in shape and value > shape["max"]:
            self._report(value, path, f"have value less than or equal to {shape['max']}")

    def _check_items(self, shape: dict[str, Any], value: list[Any] | dict[str, Any], path: str) -> None:
        """Check the items of a list, or the keys and values of a map."""
        if len(value) < shape.get("min", 0):
            self._report(value, path, f"have length greater than or equal to {shape['min']}")
        if "max" in shape and len(value) > shape["max"]:
            self._report(value, path, f"have length less than or equal to {shape['max']}")
        for number, item in enumerate(value, 1):
            if len(self.problems) > MOST_PROBLEMS:
                return
            if isinstance(value, list):
                self.check(shape["member"]["shape"], item, f"{path}.{number}.member")
            else:
                self.check(shape["key"]["shape"], item, f"{path}.key")
                self.check(shape["value"]["shape"], value[item], f"{path}.{item[:128]}.value")

    def _check_structure(self, shape: dict[str, Any], value: dict[str, Any], path: str) -> None:
        prefix = f"{path}." if path else ""
        for name in shape.get("required", ()):
            if value.get(name) is None:
                self._report(None, prefix + lower_first(name), "not be null")
        for name, ref in shape["members"].items():
            if (item := value.get(name)) is not None:
                self.check(ref["shape"], item, prefix + lower_first(name))


def compile_type(shapes: dict[str, Any], name: str, patterns: bool = True) -> Any:
    """Compile one shape into a msgspec type with the same constraints, without members outside the JSON body.

    Without `patterns` the type does not check regular expressions, and the caller must: msgspec calls `re` for each
    text, which takes half a microsecond.
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
