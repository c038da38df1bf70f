"""The JavaScript errors in a site's code, worded as each browser engine words them. Made once for a site."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LOCAL, ONE_ENGINE, ELSEWHERE = 0.6, 0.3, 0.02
"""Shares of errors that mostly happen on one page and in one browser engine, and their weight elsewhere; estimates."""


class BrowserEngine(IntEnum):
    """Browser engines by how they word errors and stacks."""

    CHROMIUM = 0
    FIREFOX = 1
    SAFARI = 2


class StackFrame(NamedTuple):
    """One line of a stack, innermost first."""

    function: str  # "" for one without a name
    place: str  # URL:line:column
    awaited: bool = False  # an async function that goes on after an await


def write_stack(engine: BrowserEngine, headline: str, frames: list[StackFrame]) -> str:
    """A stack as an engine writes it.

    V8 begins with the error's name and message; SpiderMonkey and JavaScriptCore have frames alone, and only the former
    marks what an await separates.
    """
    if engine is BrowserEngine.CHROMIUM:
        return "\n".join([headline, *(f"    at {_write_v8_frame(frame)}" for frame in frames)])
    mark = "async*" if engine is BrowserEngine.FIREFOX else ""
    return "\n".join(f"{mark if frame.awaited else ''}{frame.function}@{frame.place}" for frame in frames)


def _write_v8_frame(frame: StackFrame) -> str:
    if not frame.function:
        return frame.place
    return f"{'async ' if frame.awaited else ''}{frame.function} ({frame.place})"


FETCH_FAILURES = ("Failed to fetch", "NetworkError when attempting to fetch resource.", "Load failed")
"""The message of the TypeError of a fetch without an answer, in the order of BrowserEngine."""


class ErrorKind(NamedTuple):
    """One way to fail; {a} and {b} are names in the code. The wordings are in the order of BrowserEngine."""

    name: str
    messages: tuple[str, str, str]
    rejected: bool = False
    has_stack: bool = True  # False: what is thrown is no Error
    foreign: bool = False  # in a script of another origin, of which the browser tells nothing


ERROR_KINDS = (
    ErrorKind("TypeError", (
        "Cannot read properties of undefined (reading '{b}')",
        "can't access property \"{b}\", {a} is undefined",
        "undefined is not an object (evaluating '{a}.{b}')",
    )),
    ErrorKind("TypeError", (
        "Cannot read properties of null (reading '{b}')",
        "can't access property \"{b}\", {a} is null",
        "null is not an object (evaluating '{a}.{b}')",
    )),
    ErrorKind("TypeError", (
        "{a}.{b} is not a function",
        "{a}.{b} is not a function",
        "{a}.{b} is not a function. (In '{a}.{b}()', '{a}.{b}' is undefined)",
    )),
    ErrorKind("ReferenceError", ("{a} is not defined", "{a} is not defined", "Can't find variable: {a}")),
    ErrorKind("Error", ("{a}: could not load {b}",) * 3, rejected=True),
    ErrorKind("SyntaxError", (
        "Unexpected token '<', \"<!DOCTYPE \"... is not valid JSON",
        "JSON.parse: unexpected character at line 1 column 1 of the JSON data",
        "JSON Parse error: Unrecognized token '<'",
    ), rejected=True),
    ErrorKind("RangeError", ("{a} out of range: {b}",) * 3),
    ErrorKind("error", ("Script error.",) * 3, has_stack=False, foreign=True),
    ErrorKind("unhandledrejection", ("{a}: {b} declined",) * 3, rejected=True, has_stack=False),
    ErrorKind("", ("no {b} for {a}",) * 3, has_stack=False),
)  # fmt: skip


class SiteError(NamedTuple):
    """One error of the site: where it is thrown and through which functions."""

    kind: ErrorKind
    first: str
    second: str
    url: str
    line: int
    column: int
    frames: tuple[tuple[str, int, int], ...]  # function, line, column, innermost first
    page: int | None  # where it mostly happens; None: anywhere
    engine: BrowserEngine | None  # the only engine that stumbles over it; None: all

    @property
    def rejected(self) -> bool:
        """Whether it comes as an unhandled promise rejection, without file and line."""
        return self.kind.rejected

    def describe(self, dialect: BrowserEngine) -> tuple[str, str, str]:
        """Name, message and stack in an engine's words; a thrown text is name and message, and has no stack."""
        message = self.kind.messages[dialect].format(a=self.first, b=self.second)
        name = self.kind.name or message
        if not self.kind.has_stack:
            return name, message, ""
        frames = [StackFrame(function, f"{self.url}:{line}:{column}") for function, line, column in self.frames]
        return name, message, write_stack(dialect, f"{name}: {message}", frames)


def make_site_errors(
    stream: np.random.Generator, names: list[str], scripts: list[str], pages: int, number: int
) -> list[SiteError]:
    """Make `number` distinct errors in these scripts, with these names in their code."""
    return [_make_site_error(stream, names, scripts, pages, index) for index in range(number)]


def _make_site_error(
    stream: np.random.Generator, names: list[str], scripts: list[str], pages: int, index: int
) -> SiteError:
    first, second, *callers = (names[int(pick)] for pick in stream.integers(0, len(names), 6))
    line, column = int(stream.integers(1, 900)), int(stream.integers(5, 140))
    depth = int(stream.integers(1, len(callers) + 1))
    frames = tuple(
        (f"{name}{place}", max(line - 7 * place, 1), column + 11 * place) for place, name in enumerate(callers)
    )
    own = f"{first}{index}" if index >= len(ERROR_KINDS) else first
    page = int(stream.integers(pages)) if stream.random() < LOCAL else None
    engine = BrowserEngine(int(stream.integers(len(BrowserEngine)))) if stream.random() < ONE_ENGINE else None
    kind, script = ERROR_KINDS[index % len(ERROR_KINDS)], scripts[index % len(scripts)]
    return SiteError(kind, own, second, script, line, column, frames[:depth], page, engine)


LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_$"
BUILT_LINES, BUILT_COLUMNS = (1, 3), (800, 180_000)
"""Where code stands in a built script: on the line behind a banner, far to the right; at least, and below."""


def minify(found: list[SiteError], stream: np.random.Generator) -> list[SiteError]:
    """The same errors in built code: one line, large columns, short names; `stream` is the release's."""
    return [_minify_error(fault, stream) for fault in found]


def _minify_error(fault: SiteError, stream: np.random.Generator) -> SiteError:
    line = int(stream.integers(*BUILT_LINES))
    frames = tuple((_make_short_name(stream), line, int(stream.integers(*BUILT_COLUMNS))) for _ in fault.frames)
    first = _make_short_name(stream) if fault.kind.name == "TypeError" else fault.first
    return fault._replace(first=first, line=line, column=frames[0][2], frames=frames)


def _make_short_name(stream: np.random.Generator) -> str:
    picks = stream.integers(0, len(LETTERS), 2)
    return "".join(LETTERS[int(pick)] for pick in picks[: 1 + int(stream.integers(2))])


def weigh_errors(found: list[SiteError], pages: int) -> NDArray[np.float64]:
    """Weight of each error (column) on a page in an engine (row: page × number of engines + engine)."""
    table = np.ones((pages, len(BrowserEngine), len(found)))
    for column, fault in enumerate(found):
        if fault.page is not None:
            table[np.arange(pages) != fault.page, :, column] = ELSEWHERE
        if fault.engine is not None:
            table[:, [engine for engine in BrowserEngine if engine != fault.engine], column] = ELSEWHERE
    return table.reshape(pages * len(BrowserEngine), len(found))
