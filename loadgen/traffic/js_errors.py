"""The JavaScript errors in a site's code, in the words of each browser engine. They are made once for a site."""

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
"""Share of errors that mostly happen on one page, share that mostly happen in one browser engine, and the weight of an
error elsewhere; estimates."""


class BrowserEngine(IntEnum):
    """A browser engine, which decides the words of errors and stacks."""

    CHROMIUM = 0
    FIREFOX = 1
    SAFARI = 2


class StackFrame(NamedTuple):
    """One line of a stack trace."""

    function: str  # "" for an anonymous function
    place: str  # URL:line:column
    awaited: bool = False  # whether an async function continues here after an await


def write_stack(engine: BrowserEngine, headline: str, frames: list[StackFrame]) -> str:
    """Write a stack trace as an engine does; the innermost frame comes first.

    V8 begins with `headline`, the error's name and message. SpiderMonkey and JavaScriptCore write frames alone, and of
    these two only SpiderMonkey marks a frame behind an await.
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
    """One kind of JavaScript error; {a} and {b} stand for names in the code."""

    thrown: ThrownValue
    name: str  # "": the client reports the message as the name, as of a thrown text or number
    messages: tuple[str, str, str]  # in the order of BrowserEngine

    @property
    def rejected(self) -> bool:
        """Whether the error comes as an unhandled promise rejection."""
        return self.thrown.startswith("rejected")


UNHANDLED = "unhandledrejection"
"""The type that the client reports for a rejection without a name (utils/js-error-utils.ts)."""

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
"""The kinds of errors, the most frequent first. For a rejected undefined, null or object without a message the client
reports "undefined"; for a thrown one it reports the browser's message."""


def deal_kinds(number: int, weights: Mapping[ThrownValue, float] | None) -> list[ErrorKind]:
    """Choose the kinds of `number` errors, the most frequent error first.

    Without weights all kinds come in turn; with weights, as often as the weight of their thrown value says.
    """
    if weights is None:
        return [ERROR_KINDS[index % len(ERROR_KINDS)] for index in range(number)]
    groups = {thrown: cycle([kind for kind in ERROR_KINDS if kind.thrown == thrown]) for thrown in weights}
    total, dealt, kinds = sum(weights.values()), dict.fromkeys(weights, 0), []
    for count in range(1, number + 1):
        due = max(weights, key=lambda thrown: count * weights[thrown] / total - dealt[thrown])
        dealt[due] += 1
        kinds.append(next(groups[due]))
    return kinds


class SiteError(NamedTuple):
    """One error in the site's code: what is thrown, where, and through which functions."""

    kind: ErrorKind
    first: str  # the name for {a}
    second: str  # the name for {b}
    url: str
    line: int
    column: int
    frames: tuple[tuple[str, int, int], ...]  # function, line, column, innermost first
    page: int | None  # the page on which the error mostly happens; None: any page
    engine: BrowserEngine | None  # the engine in which the error mostly happens; None: any engine

    def describe(self, dialect: BrowserEngine) -> tuple[str, str, str]:
        """Return name, message and stack in an engine's words; the stack is "" for a value that has none."""
        message = self.kind.messages[dialect].format(a=self.first, b=self.second)
        name = self.kind.name.format(A=f"{self.first[:1].upper()}{self.first[1:]}") or message
        if not self.has_stack(dialect):
            return name, message, ""
        frames = [StackFrame(function, f"{self.url}:{line}:{column}") for function, line, column in self.frames]
        return name, message, write_stack(dialect, f"{name}: {message}", frames)

    def has_stack(self, dialect: BrowserEngine) -> bool:
        """Whether the thrown value has a stack: an Error has one, a DOMException has one except in WebKit."""
        value = self.kind.thrown.removeprefix("rejected_")
        return value == "error" or (value == "exception" and dialect is not BrowserEngine.SAFARI)

    def find_place(self, dialect: BrowserEngine) -> tuple[str | UnsetType, int | UnsetType, int | UnsetType]:
        """Return file, line and column as the client reports them, UNSET where it reports none.

        Of rejections only Gecko's errors have them, and Gecko's DOMExceptions have them without the file.
        """
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
    """Make a distinct error of a kind, the `index`-th of the site, in one of its scripts, with names of its code."""
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
"""Bounds of an error's line and column in minified code, least and above all: a banner line, then one long line."""


def minify_error(fault: SiteError, stream: np.random.Generator) -> SiteError:
    """Return an error as it is in minified code: one line, large columns, short names; `stream` is the release's."""
    line = int(stream.integers(*BUILT_LINES))
    frames = tuple((_make_short_name(stream), line, int(stream.integers(*BUILT_COLUMNS))) for _ in fault.frames)
    first = _make_short_name(stream) if fault.kind.name == "TypeError" else fault.first
    return fault._replace(first=first, line=line, column=frames[0][2], frames=frames)


def _make_short_name(stream: np.random.Generator) -> str:
    picks = stream.integers(0, len(LETTERS), 2)
    return "".join(LETTERS[int(pick)] for pick in picks[: 1 + int(stream.integers(2))])


def weigh_errors(errors: list[SiteError], pages: int) -> NDArray[np.float64]:
    """Return the weight of each error (column) on a page in an engine (row: page × number of engines + engine)."""
    table = np.ones((pages, len(BrowserEngine), len(errors)))
    for column, fault in enumerate(errors):
        if fault.page is not None:
            table[np.arange(pages) != fault.page, :, column] = ELSEWHERE
        if fault.engine is not None:
            table[:, [engine for engine in BrowserEngine if engine != fault.engine], column] = ELSEWHERE
    return table.reshape(pages * len(BrowserEngine), len(errors))
