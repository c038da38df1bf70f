"""The JavaScript errors that a site has in it, worded as each browser engine words them. Made once for a site."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np


class Dialect(IntEnum):
    """Browser engines by how they word errors and stacks."""

    CHROMIUM = 0
    FIREFOX = 1
    SAFARI = 2


class Kind(NamedTuple):
    """One way to fail; {a} and {b} are names in the code. Wordings by Dialect."""

    name: str
    messages: tuple[str, str, str]
    rejected: bool = False


KINDS = (
    Kind("TypeError", (
        "Cannot read properties of undefined (reading '{b}')",
        "can't access property \"{b}\", {a} is undefined",
        "undefined is not an object (evaluating '{a}.{b}')",
    )),
    Kind("TypeError", (
        "Cannot read properties of null (reading '{b}')",
        "can't access property \"{b}\", {a} is null",
        "null is not an object (evaluating '{a}.{b}')",
    )),
    Kind("TypeError", (
        "{a}.{b} is not a function",
        "{a}.{b} is not a function",
        "{a}.{b} is not a function. (In '{a}.{b}()', '{a}.{b}' is undefined)",
    )),
    Kind("ReferenceError", ("{a} is not defined", "{a} is not defined", "Can't find variable: {a}")),
    Kind("Error", ("{a}: could not load {b}",) * 3, rejected=True),
    Kind("SyntaxError", (
        "Unexpected token '<', \"<!DOCTYPE \"... is not valid JSON",
        "JSON.parse: unexpected character at line 1 column 1 of the JSON data",
        "JSON Parse error: Unrecognized token '<'",
    ), rejected=True),
    Kind("RangeError", ("{a} out of range: {b}",) * 3),
)  # fmt: skip


class Fault(NamedTuple):
    """One error of the site: where it is thrown and through which functions."""

    kind: Kind
    first: str
    second: str
    url: str
    line: int
    column: int
    frames: tuple[tuple[str, int, int], ...]  # function, line, column, innermost first

    @property
    def rejected(self) -> bool:
        """Whether it comes as an unhandled promise rejection, without file and line."""
        return self.kind.rejected

    def told(self, dialect: Dialect) -> tuple[str, str, str]:
        """Name, message and stack in an engine's words."""
        message = self.kind.messages[dialect].format(a=self.first, b=self.second)
        if dialect is Dialect.CHROMIUM:
            lines = [f"    at {name} ({self.url}:{line}:{column})" for name, line, column in self.frames]
            return self.kind.name, message, "\n".join([f"{self.kind.name}: {message}", *lines])
        return (
            self.kind.name,
            message,
            "\n".join(f"{name}@{self.url}:{line}:{column}" for name, line, column in self.frames),
        )


def faults(stream: np.random.Generator, names: list[str], scripts: list[str], number: int) -> list[Fault]:
    """So many distinct errors in these scripts, with these names in the code."""
    return [_fault(stream, names, scripts, index) for index in range(number)]


def _fault(stream: np.random.Generator, names: list[str], scripts: list[str], index: int) -> Fault:
    first, second, *callers = (names[int(pick)] for pick in stream.integers(0, len(names), 6))
    line, column = int(stream.integers(1, 900)), int(stream.integers(5, 140))
    depth = int(stream.integers(1, len(callers) + 1))
    frames = [
        (f"{caller}{place}", max(line - 7 * place, 1), column + 11 * place) for place, caller in enumerate(callers)
    ]
    own = f"{first}{index}" if index >= len(KINDS) else first
    return Fault(
        KINDS[index % len(KINDS)], own, second, scripts[index % len(scripts)], line, column, tuple(frames[:depth])
    )
