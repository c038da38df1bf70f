"""Errors, failed fetches and stacks are worded as the visitor's browser words them."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import get_args

import pytest
from msgspec import UNSET

from loadgen.model import Visitor
from loadgen.rum.events import HTTP, JS_ERROR, XRAY, JsError
from loadgen.scenario import ThrownValue
from loadgen.scenario.population import Browser
from loadgen.traffic.js_errors import BrowserEngine, StackFrame, deal_kinds, write_stack
from tests.traffic.conftest import SEED
from tests.traffic.look import SeenSession, events, seen, small

FAILURES = {
    "Chromium": "Failed to fetch",
    "Firefox": "NetworkError when attempting to fetch resource.",
    "Safari": "Load failed",
}
V8_FRAME = re.compile(r"    at (async )?(\S+ \(\S+:\d+:\d+\)|\S+:\d+:\d+)")
OTHER_FRAME = re.compile(r"(async\*)?[^@\s]*@\S+:\d+:\d+")


def name_engine(visitor: Visitor) -> str:
    """By the user agent alone: whatever its name, a browser on iOS is WebKit."""
    agent = visitor.user_agent
    return "Chromium" if "Chrome/" in agent else "Firefox" if "Gecko/" in agent else "Safari"


@pytest.fixture(scope="module")
def failing() -> list[SeenSession]:
    """Sessions with errors and calls without answers in every browser."""
    more = "[telemetry.errors]\nsessions = 0.9\n[telemetry.api]\nnetwork = 0.4\n[population]\n"
    mix = ", ".join(f'"{browser}" = 1' for browser in get_args(Browser))
    return list(seen(small(f"{more}browsers = {{ {mix} }}\n", enableXRay=True, stackTraceLength=5000), SEED))


def test_a_failed_fetch_is_told_in_the_engine_s_words(failing: list[SeenSession]) -> None:
    told: dict[str, set[str]] = defaultdict(set)
    for session in failing:
        engine = name_engine(session.visitor)
        failed = [event.details.error for event in events([session], HTTP) if event.details.error is not UNSET]
        causes = [event.details.subsegments[0].cause for event in events([session], XRAY)]
        told[engine] |= {error.message for error in failed}
        told[engine] |= {cause.exceptions[0].message for cause in causes if cause is not UNSET}
    assert told == {engine: {message} for engine, message in FAILURES.items()}


def test_stacks_have_the_engine_s_form(failing: list[SeenSession]) -> None:
    """V8's begin with name and message, and say `at f (place)`; the others' have frames alone, `f@place`."""
    stacks: dict[str, list[tuple[str, list[str]]]] = defaultdict(list)
    for session in failing:
        for event in events([session], JS_ERROR):
            details = event.details
            if details.stack is UNSET:
                continue
            headline = f"{details.type}: {details.message}"
            stacks[name_engine(session.visitor)].append((headline, details.stack.split("\n")))
    assert set(stacks) == set(FAILURES)
    for headline, lines in stacks.pop("Chromium"):
        assert lines[0] == headline
        assert all(V8_FRAME.fullmatch(line) for line in lines[1:])
    for found in stacks.values():
        assert all(OTHER_FRAME.fullmatch(line) for _, lines in found for line in lines)


def test_what_is_no_error_has_no_stack(failing: list[SeenSession]) -> None:
    """A thrown text is type and message; a rejected one says unhandledrejection; a foreign script says nothing."""
    plain = [event.details for event in events(failing, JS_ERROR) if event.details.stack is UNSET]
    foreign = [each for each in plain if each.message == "Script error."]
    rejected = [each for each in plain if each.filename is UNSET]
    thrown = [each for each in plain if each.filename is not UNSET and each.lineno]
    assert foreign and rejected and thrown and len(plain) == len(foreign) + len(rejected) + len(thrown)
    assert all((each.type, each.filename, each.lineno, each.colno) == ("error", "", 0, 0) for each in foreign)
    assert "unhandledrejection" in {each.type for each in rejected}
    assert all(each.filename.endswith(".js") for each in thrown)


TOLD = {
    "error": "(Type|Reference|Range)Error .+ file stack",
    "rejected_error": "(Syntax)?Error [^/]+ stack",
    "exception": "SyntaxError Failed to execute 'querySelector' .+ file stack",
    "rejected_exception": "AbortError signal is aborted without reason stack",
    "object": "error Uncaught \\[object Object\\] file",
    "rejected_object": r"(unhandledrejection|[A-Z]\w+Error) \w+ (failed: \w+|is not available)",
    "text": r"(no \w+ for \w+) \1 file",
    "rejected_text": r"unhandledrejection \w+: \w+ declined",
    "number": "500 500 file",
    "rejected_number": "unhandledrejection 404",
    "nothing": "error Uncaught undefined file",
    "rejected_nothing": "unhandledrejection undefined",
    "foreign": "error Script error[.]",
}
"""What aws-rum-web 3.2.1 told of each in Chromium 156: type, message, and whether there is a file and a stack."""


def describe(details: JsError) -> str:
    """Type, message, and whether there is a file and a stack."""
    parts = {"file": details.filename, "stack": details.stack}
    return " ".join([details.type, details.message, *(name for name, each in parts.items() if each not in (UNSET, ""))])


def throw(values: str, browser: str) -> list[JsError]:
    """What visitors with a browser meet on a site that throws these."""
    more = f"thrown = {{ {values} }}\nsessions = 1\nper_session = 4\n[population]\nbrowsers = {{ {browser} = 1 }}"
    scenario = small(f"[telemetry.errors]\n{more}").adjust(duration=4)
    return [event.details for event in events(seen(scenario, SEED), JS_ERROR)]


@pytest.mark.parametrize("value", get_args(ThrownValue))
def test_what_is_thrown_or_rejected_is_told_as_by_the_client(value: str) -> None:
    told = [describe(each) for each in throw(f"{value} = 1", "Chrome")]
    assert told and all(re.fullmatch(TOLD[value], each, re.DOTALL) for each in told)


def test_gecko_tells_where_a_rejected_error_was_made_and_webkit_gives_exceptions_no_stack() -> None:
    rejected = throw("rejected_error = 1", "Firefox")
    assert rejected and all(str(each.filename).endswith(".js") and each.lineno for each in rejected)
    exceptions = throw("exception = 1", "Safari")
    assert exceptions and all(each.stack is UNSET and str(each.filename).endswith(".js") for each in exceptions)


def test_weights_say_how_many_of_the_distinct_errors_are_what() -> None:
    kinds = deal_kinds(100, {"error": 6.0, "rejected_object": 3.0, "foreign": 1.0, "text": 0.0})
    assert Counter(kind.thrown for kind in kinds) == {"error": 60, "rejected_object": 30, "foreign": 10}
    assert {kind.thrown for kind in deal_kinds(100, None)} == set(get_args(ThrownValue))


def stacks_of(more: str, **client: str) -> dict[str, set[str]]:
    """The stacks by message in Chromium."""
    scenario = small(f"{more}\n[population]\nbrowsers = {{ Chrome = 1 }}", stackTraceLength=5000, **client)
    found: dict[str, set[str]] = defaultdict(set)
    for event in events(seen(scenario, SEED), JS_ERROR):
        if event.details.stack is not UNSET:
            found[event.details.message].add(event.details.stack)
    return found


def test_stacks_of_built_code_are_one_line_and_the_same_for_a_fault_of_a_release() -> None:
    many = "[telemetry.errors]\nsessions = 0.9\nper_session = 4\n"
    built, again, later = stacks_of(many), stacks_of(many), stacks_of(many, releaseId="2")
    assert built == again and built != later
    for stacks in built.values():
        places = [re.findall(r"(\S+) \(\S+:(\d+):(\d+)\)", stack) for stack in stacks]
        assert all(len(name) <= 2 and int(line) <= 2 and int(column) >= 800 for found in places
                   for name, line, column in found)  # fmt: skip
    assert any(
        len(stack.split()[3]) > 2 for stacks in stacks_of(f"{many}minified = false").values() for stack in stacks
    )


@pytest.mark.parametrize(
    ("engine", "stack"),
    [
        (BrowserEngine.CHROMIUM, "E: no\n    at f (u:1:2)\n    at u:3:4\n    at async g (u:5:6)"),
        (BrowserEngine.FIREFOX, "f@u:1:2\n@u:3:4\nasync*g@u:5:6"),
        (BrowserEngine.SAFARI, "f@u:1:2\n@u:3:4\ng@u:5:6"),
    ],
)
def test_a_stack_has_named_nameless_and_awaited_frames(engine: BrowserEngine, stack: str) -> None:
    frames = [StackFrame("f", "u:1:2"), StackFrame("", "u:3:4"), StackFrame("g", "u:5:6", awaited=True)]
    assert write_stack(engine, "E: no", frames) == stack
