"""How long work shows itself: not too often, a bar on a terminal, plain lines elsewhere, within 80 columns."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

import loadgen
from loadgen.jobs import progress
from loadgen.jobs.progress import ProgressView, Ticker, Told, WorkProgress, track
from tests.paths import QUICKSTART


class Clock:
    """A monotonic clock that tests move."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("time.monotonic", made)
    return made


def test_work_is_told_ten_times_a_second_however_fast_its_steps_are(clock: Clock) -> None:
    told: list[WorkProgress] = []
    for step in track(range(1000), Ticker(told.append, "drawing", 1000, "visits")):
        assert step < 1000
        clock.now += 0.001
    assert 9 <= len(told) <= 11
    assert [each.done for each in told] == sorted(each.done for each in told)
    assert {(each.what, each.total, each.unit) for each in told} == {("drawing", 1000, "visits")}


def test_steps_may_weigh_differently(clock: Clock) -> None:
    told: list[WorkProgress] = []
    for _ in track([2.0, 3.0, 5.0], Ticker(told.append, "placing", 10.0, "places"), float):
        clock.now += 1
    assert [each.done for each in told] == [2.0, 5.0, 10.0]


def show(clock: Clock, told: list[Told], seconds: float, *, terminal: bool) -> str:
    """What a view of 80 columns prints of reports that come so many seconds apart."""
    file = StringIO()
    console = Console(file=file, width=80, force_terminal=terminal, highlight=False, color_system=None)
    with ProgressView(console) as view:
        for each in told:
            view(each)
            clock.now += seconds
    return file.getvalue()


HALF = [WorkProgress("drawing visits", done, 10_000, "visits") for done in range(0, 6000, 1000)]


def test_where_nobody_looks_work_is_a_plain_line_every_few_seconds(clock: Clock) -> None:
    lines = show(clock, ["note: as it is", *HALF], 2.0, terminal=False).splitlines()
    assert lines == ["note: as it is", "drawing visits: 30%, 500 visits/s, 14 s left"]


def test_short_work_prints_nothing_where_nobody_looks(clock: Clock) -> None:
    assert show(clock, list(HALF), 0.1, terminal=False) == ""


def test_a_terminal_shows_a_bar_with_rate_and_time_left_and_clears_it(clock: Clock) -> None:
    shown = show(clock, ["a line above it", *HALF], 2.0, terminal=True)
    assert "drawing visits" in shown and "500 visits/s, 10 s left" in shown
    assert re.search(r"\n?a line above it\n", shown)
    assert shown.rstrip().endswith("\x1b[2K") or "\x1b[2K" in shown[-20:]


def test_a_bar_of_work_that_is_over_does_not_stand_under_the_next_stage(clock: Clock) -> None:
    shown = show(clock, [*HALF, "the next stage", "and the one after it"], 2.0, terminal=True)
    assert "drawing visits" not in shown.partition("and the one after it")[2]
    again = show(clock, [*HALF, "a line above it", *HALF], 2.0, terminal=True)
    assert "drawing visits" in again.partition("a line above it")[2]


@pytest.mark.parametrize("terminal", [True, False])
def test_nothing_is_wider_than_80_columns(clock: Clock, terminal: bool) -> None:
    long = [
        WorkProgress("rehearsing " + "x" * 64, done * 1e8, 1e12, "sessions that somebody named at great length"[:8])
        for done in range(10)
    ]
    waits: list[Told] = [WorkProgress("waiting for a target whose name is very long indeed to answer", 0.0)] * 5
    shown = show(clock, [*long, *waits, "word " * 40], 5.0, terminal=terminal)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    lines = [line for part in plain.splitlines() for line in part.split("\r")]
    assert lines
    if terminal:
        assert max(map(len, lines)) <= 80
    else:
        assert max(len(line) for line in lines if "word" not in line) <= 80


def test_a_wait_without_an_end_says_how_long_it_lasts(clock: Clock) -> None:
    waits: list[Told] = [WorkProgress("waiting for 127.0.0.1:8000")] * 4
    assert show(clock, waits, 5.0, terminal=False).splitlines()[0] == "waiting for 127.0.0.1:8000, 5 s"


def test_no_text_of_a_file_s_name_controls_the_terminal(clock: Clock) -> None:
    shown = show(clock, [WorkProgress("reading \x1b[2Jx.toml", 1.0, 2.0, "bytes"), "a\x1b[2Jb"], 1.0, terminal=True)
    assert "\x1b[2J" not in shown


@pytest.mark.parametrize("job", ["generate", "plan", "preview", "sampling", "check"])
def test_each_long_job_tells_its_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, job: str) -> None:
    monkeypatch.setattr(progress, "TELL_SECONDS", 0.0)
    told: list[Told] = []
    if job == "generate":
        from loadgen.jobs.generate import write_bodies

        write_bodies(QUICKSTART, tmp_path / "bodies", sessions=20, on_progress=told.append)
    else:
        getattr(loadgen, job)(QUICKSTART, on_progress=told.append)
    work = [each for each in told if isinstance(each, WorkProgress)]
    assert work
    if job != "check":
        assert all(each.total and 0 <= each.done <= each.total * 1.5 for each in work)
        assert work[-1].done > 0.8 * (work[-1].total or 0)
