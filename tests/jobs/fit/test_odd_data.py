"""Data as nobody should write it: every fit ends with a scenario, or with one line that says what to give instead."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import loadgen
from loadgen.errors import LoadgenError
from tests.jobs.fit.forms import Event, log_events, write_lines

NUMBERS = (-1, 0, 86_000_000, 5e9, 1e300, -1e300)
TEXTS = ("", "x" * 3000, "a\nb\nc", "{x}", "}{", "?", "//", "\u65e5\u672c")
PATHS = ("", "?", "//", "/%zz", "http://a/b", "/{x}/{y}", "/" + "x/" * 300, "\n")
TYPES = ("", "a b", "com.amazon.rum.x\ny", "x" * 300)
OBJECTS = ({"a": {"b": {"c": {"d": {"e": 1}}}}}, {"": 1}, {"n": 10**30}, {"x": [{"y": None}]}, {"k\n": "v\t"})


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return log_events(loadgen.generate("quickstart", sessions=45, seed=4, start="2026-01-01"))


def write_odd(path: Path, events: list[Event], change: Callable[[Event, random.Random], dict[str, Any]]) -> Path:
    """The events with some members changed."""
    stream = random.Random(5)
    write_lines(path, [event | change(event, stream) for event in events])
    return path


def change_members(event: Event, odd: Callable[[Any], Any]) -> Event:
    return {"event_details": {name: odd(value) for name, value in event["event_details"].items()}}


CHANGES: dict[str, Callable[[Event, random.Random], dict[str, Any]]] = {
    "numbers": lambda event, stream: change_members(
        event, lambda value: stream.choice((value, *NUMBERS)) if isinstance(value, int | float) else value
    ),
    "texts": lambda event, stream: change_members(
        event, lambda value: stream.choice((value, *TEXTS)) if isinstance(value, str) else value
    ),
    "metadata": lambda event, stream: {
        "metadata": {name: stream.choice((value, None, 5, *TEXTS)) for name, value in event["metadata"].items()}
    },
    "paths": lambda event, stream: {"metadata": event["metadata"] | {"pageId": stream.choice(PATHS)}},
    "elements": lambda _, stream: {
        "event_type": "com.amazon.rum.dom_event", "event_details": {"elementId": stream.choice(TEXTS)}
    } if stream.random() < 0.1 else {},
    "types": lambda event, stream: {"event_type": stream.choice((*[event["event_type"]] * 9, *TYPES))},
    "objects": lambda _, stream: {
        "event_type": "saved", "event_details": stream.choice(OBJECTS)
    } if stream.random() < 0.1 else {},
    "moments": lambda event, stream: {"event_timestamp": event["event_timestamp"] + stream.choice((-1, 1)) * 36e6},
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_odd_members_end_no_fit(name: str, events: list[Event], tmp_path: Path) -> None:
    found = loadgen.fit(write_odd(tmp_path / "odd", events, CHANGES[name]))
    assert found.sessions == 45
    assert found.scenario.pages


def test_values_that_cannot_be_are_counted(events: list[Event], tmp_path: Path) -> None:
    def spoil(event: Event, _: random.Random) -> Event:
        return change_members(event, lambda value: -5 if isinstance(value, int | float) else value)

    said = " ".join(loadgen.fit(write_odd(tmp_path / "odd", events, spoil)).notes)
    assert "values that cannot be right" in said


VIEW, START = "com.amazon.rum.page_view_event", "com.amazon.rum.session_start_event"


@pytest.mark.parametrize("left_out", [{START}, {START, "com.amazon.rum.performance_navigation_event"}])
def test_an_export_without_some_types_is_fitted(left_out: set[str], events: list[Event], tmp_path: Path) -> None:
    write_lines(tmp_path / "some", [event for event in events if event["event_type"] not in left_out])
    assert loadgen.fit(tmp_path / "some").sessions == 45


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        (lambda event: event["event_type"] != VIEW, "without a page view; give all types of events"),
        (
            lambda event: event["metadata"]["interaction"] or event["event_type"] not in (START, VIEW),
            "none .* began in",
        ),
    ],
)
def test_what_nothing_can_be_fitted_to_is_told_in_one_line(
    kept: Callable[[Event], bool], said: str, events: list[Event], tmp_path: Path
) -> None:
    write_lines(tmp_path / "some", [event for event in events if kept(event)])
    with pytest.raises(LoadgenError, match=said) as error:
        loadgen.fit(tmp_path / "some", at_least=1)
    assert "\n" not in str(error.value)


def test_events_without_pages_are_told(events: list[Event], tmp_path: Path) -> None:
    """The page before, which is named, is no page view."""
    write_lines(tmp_path / "nameless", [event | {"metadata": event["metadata"] | {"pageId": None}} for event in events])
    with pytest.raises(LoadgenError, match="45 sessions whose events name no page; give events with their metadata"):
        loadgen.fit(tmp_path / "nameless")


def test_too_few_sessions_are_told_with_what_could_not_be_read(events: list[Event], tmp_path: Path) -> None:
    """The session ids of most events came to grief, a line is cut, and the file ends early."""
    write_lines(tmp_path / "events", [dict(event, event_id="1") for event in events])
    noise = random.Random(1).randbytes(99_000).replace(b"\n", b"")
    data = gzip.compress((tmp_path / "events").read_bytes() + b"{\n" + noise)
    (tmp_path / "cut.gz").write_bytes(data[:-50_000])
    with pytest.raises(LoadgenError) as error:
        loadgen.fit(tmp_path / "cut.gz")
    said = str(error.value)
    assert said.startswith(
        "only 1 session is recorded; a fit needs at least 30: give more data (read besides: cut.gz is"
    )
    assert f"{len(events) - 1:,} events that came twice; each counts once" in said
    assert "1 line without RUM events" in said


def test_events_whose_details_are_missing_are_told_with_the_missing_views(events: list[Event], tmp_path: Path) -> None:
    write_lines(tmp_path / "events", [event | {"event_details": None} for event in events])
    with pytest.raises(LoadgenError, match=rf"page view; .* {len(events) - 45:,} events without id"):
        loadgen.fit(tmp_path / "events")
