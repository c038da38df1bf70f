"""The JavaScript errors in a site's code, worded as each browser engine words them. Made once for a site."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from itertools import cycle
from typing import NamedTuple

import numpy as np
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from loadgen.scenario import ThrownValue

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


FETCH_ABORTS = ("signal is aborted without reason", "The operation was aborted. ", "Fetch is aborted")
"""The message of an AbortError, in the order of BrowserEngine."""


class ErrorKind(NamedTuple):
    """One way to fail; {a} and {b} are names in the code. The wordings are in the order of BrowserEngine."""

    thrown: ThrownValue
    name: str  # "": the message, which is what the client makes of a thrown text or number
    messages: tuple[str, str, str]

    @property
    def rejected(self) -> bool:
        """Whether it comes as an unhandled promise rejection."""
        return self.thrown.startswith("rejected")


UNHANDLED = "unhandledrejection"
"""The type of a rejection without a name of its own (utils/js-error-utils.ts)."""

ERROR_KINDS = (
    ErrorKind("error", "TypeError", (
        "Cannot read properties of undefined (reading '{b}')",
        "can't access property \"{b}\", {a} is undefined",
        "undefined is not an object (evaluating '{a}.{b}')",
    )),
    ErrorKind("error", "TypeError", (
        "Cannot read properties of null (reading '{b}')",
        "can't access property \"{b}\", {a} is null",
        "null is not an object (evaluating '{a}.{b}')",
    )),
    ErrorKind("error", "TypeError", (
        "{a}.{b} is not a function",
        "{a}.{b} is not a function",
        "{a}.{b} is not a function. (In '{a}.{b}()', '{a}.{b}' is undefined)",
    )),
    ErrorKind("error", "ReferenceError", (
        "{a} is not defined", "{a} is not defined", "Can't find variable: {a}",
    )),
    ErrorKind("rejected_error", "Error", ("{a}: could not load {b}",) * 3),
    ErrorKind("rejected_error", "SyntaxError", (
        "Unexpected token '<', \"<!DOCTYPE \"... is not valid JSON",
        "JSON.parse: unexpected character at line 1 column 1 of the JSON data",
        "JSON Parse error: Unrecognized token '<'",
    )),
    ErrorKind("error", "RangeError", ("{a} out of range: {b}",) * 3),
    ErrorKind("foreign", "error", ("Script error.",) * 3),
    ErrorKind("rejected_text", UNHANDLED, ("{a}: {b} declined",) * 3),
    ErrorKind("text", "", ("no {b} for {a}",) * 3),
    ErrorKind("rejected_nothing", UNHANDLED, ("undefined",) * 3),
    ErrorKind("rejected_exception", "AbortError", FETCH_ABORTS),
    ErrorKind("rejected_object", UNHANDLED, ("{a} failed: {b}",) * 3),
    ErrorKind("object", "error", ("Uncaught [object Object]", "uncaught exception: Object", "[object Object]")),
    ErrorKind("exception", "SyntaxError", (
        "Failed to execute 'querySelector' on 'Document': '#{a}[' is not a valid selector.",
        "Document.querySelector: '#{a}[' is not a valid selector",
        "The string did not match the expected pattern.",
    )),
    ErrorKind("nothing", "error", ("Uncaught undefined", "uncaught exception: undefined", "undefined")),
    ErrorKind("rejected_number", UNHANDLED, ("404",) * 3),
    ErrorKind("number", "", ("500",) * 3),
    ErrorKind("rejected_object", "{A}Error", ("{b} is not available",) * 3),
)  # fmt: skip
"""The first of them are the most frequent ones. Of a rejected undefined, null or object without a message the client
tells "undefined"; of a thrown one what the browser makes of it."""


def deal_kinds(number: int, weights: Mapping[ThrownValue, float] | None) -> list[ErrorKind]:
    """The kinds of so many errors, the most frequent one first: all in turn, or by the weights of what is thrown."""
    if weights is None:
        return [ERROR_KINDS[index % len(ERROR_KINDS)] for index in range(number)]
    groups = {thrown: cycle([kind for kind in ERROR_KINDS if kind.thrown == thrown]) for thrown in weights}
    whole, dealt, found = sum(weights.values()), dict.fromkeys(weights, 0), []
    for count in range(1, number + 1):
        due = max(weights, key=lambda thrown: count * weights[thrown] / whole - dealt[thrown])
        dealt[due] += 1
        found.append(next(groups[due]))
    return found


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

    def describe(self, dialect: BrowserEngine) -> tuple[str, str, str]:
        """Name, message and stack in an engine's words; what is no Error has no stack."""
        message = self.kind.messages[dialect].format(a=self.first, b=self.second)
        name = self.kind.name.format(A=f"{self.first[:1].upper()}{self.first[1:]}") or message
        if not self.has_stack(dialect):
            return name, message, ""
        frames = [StackFrame(function, f"{self.url}:{line}:{column}") for function, line, column in self.frames]
        return name, message, write_stack(dialect, f"{name}: {message}", frames)

    def has_stack(self, dialect: BrowserEngine) -> bool:
        """Whether what is thrown knows where: an Error, or a DOMException but in WebKit."""
        thing = self.kind.thrown.removeprefix("rejected_")
        return thing == "error" or (thing == "exception" and dialect is not BrowserEngine.SAFARI)

    def find_place(self, dialect: BrowserEngine) -> tuple[str | UnsetType, int | UnsetType, int | UnsetType]:
        """File, line and column: of a rejection Gecko's errors alone tell them, and its exceptions without the file."""
        if self.kind.thrown == "foreign":
            return "", 0, 0
        if not self.kind.rejected:
            return self.url, self.line, self.column
        if dialect is not BrowserEngine.FIREFOX or not self.has_stack(dialect):
            return UNSET, UNSET, UNSET
        return self.url if self.kind.thrown == "rejected_error" else UNSET, self.line, self.column


def make_site_error(
    stream: np.random.Generator, names: list[str], scripts: list[str], pages: int, index: int, kind: ErrorKind
) -> SiteError:
    """Make a distinct error of a kind in one of these scripts, with these names in their code."""
    first, second, *callers = (names[int(pick)] for pick in stream.integers(0, len(names), 6))
    line, column = int(stream.integers(1, 900)), int(stream.integers(5, 140))
    depth = int(stream.integers(1, len(callers) + 1))
    frames = tuple(
        (f"{name}{place}", max(line - 7 * place, 1), column + 11 * place) for place, name in enumerate(callers)
    )
    own = f"{first}{index}" if index >= len(ERROR_KINDS) else first
    page = int(stream.integers(pages)) if stream.random() < LOCAL else None
    engine = BrowserEngine(int(stream.integers(len(BrowserEngine)))) if stream.random() < ONE_ENGINE else None
    script = scripts[index % len(scripts)]
    return SiteError(kind, own, second, script, line, column, frames[:depth], page, engine)


LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_$"
BUILT_LINES, BUILT_COLUMNS = (1, 3), (800, 180_000)
"""Where code stands in a built script: on the line behind a banner, far to the right; at least, and below."""


def minify_error(fault: SiteError, stream: np.random.Generator) -> SiteError:
    """The same error in built code: one line, large columns, short names; `stream` is the release's."""
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
