"""What a lost worker left undone is told to the batch, from its plan and from what it had tried."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from pathlib import Path

import pytest

from loadgen import client, traffic
from loadgen.jobs.run.finalize import LostShare, describe_count, find_incomplete_in_share
from loadgen.model import Batch, Result
from loadgen.results.records import Spool, pack_result
from loadgen.results.recovery import IncompleteSession, TriedBatches
from loadgen.scenario import Scenario
from tests.traffic.look import SMALL

SEED, SHARE, KILLED = 3, (1, 2), 6.0


@pytest.fixture
def scenario() -> Scenario:
    return Scenario.parse(SMALL, "small.toml").adjust(duration=20.0)


def batches(scenario: Scenario, until: float) -> Iterator[Batch]:
    for session in traffic.draw_sessions(scenario, SEED, SHARE):
        for batch in client.plan(session, scenario.client, scenario.monitor.sample_rate).batches:
            if batch.due < until:
                yield batch


def spooled(path: Path, sent: list[Batch], marks: bool = True) -> TriedBatches:
    """What a worker wrote that sent these batches and died before the last answer."""
    spool = Spool(path)
    for place, batch in enumerate(sent):
        if marks:
            spool.start(batch.session, len(batch.events), 1, batch.due)
        if place < len(sent) - 1:
            spool.finish(pack_result(Result(batch.due, batch.due, batch.due, 200, 1, 1, 1, session=batch.session), 1))
    spool.close()
    return TriedBatches(path)


def left(
    scenario: Scenario, tried: TriedBatches, factor: float = 1.0, stopped: float | None = None
) -> list[IncompleteSession]:
    return list(find_incomplete_in_share(LostShare(scenario, SEED, *SHARE), tried, factor, stopped))


def test_a_worker_that_died_at_its_start_leaves_its_whole_share(scenario: Scenario, tmp_path: Path) -> None:
    found = left(scenario, TriedBatches(tmp_path / "none"))
    assert {each.session for each in found} == {batch.session for batch in batches(scenario, 20.0)}
    assert sum(each.batches_due for each in found) == len(list(batches(scenario, 20.0)))
    assert all(each.batches_tried == 0 and each.session % 2 == 1 for each in found)


def test_what_was_sent_before_the_kill_is_not_missing(scenario: Scenario, tmp_path: Path) -> None:
    sent = list(batches(scenario, KILLED))
    found = left(scenario, spooled(tmp_path / "spool", sent))
    missing = sum(each.batches_due - each.batches_tried for each in found)
    assert missing == len(list(batches(scenario, 20.0))) - len(sent) > 0
    assert any(0 < each.batches_tried < each.batches_due for each in found)
    ids = {batch.session: batch.session_id for batch in batches(scenario, 20.0)}
    assert all(each.session_id == ids[each.session] for each in found)


def test_batches_that_a_switched_off_page_held_back_are_not_missing(scenario: Scenario, tmp_path: Path) -> None:
    sent = sorted(batches(scenario, 20.0), key=lambda batch: batch.due)
    held_back = sent[len(sent) // 2]
    assert left(scenario, spooled(tmp_path / "spool", [batch for batch in sent if batch is not held_back])) == []


def test_sessions_that_a_late_worker_had_not_drawn_yet_are_missing(scenario: Scenario, tmp_path: Path) -> None:
    """Its senders were at the last moment of the sessions that it had drawn, past the first moments of others."""
    drawn = sorted({batch.session for batch in batches(scenario, 20.0)})[:4]
    every = list(batches(scenario, 20.0))
    sent = [batch for batch in every if batch.session in drawn]
    assert any(batch.due < sent[-1].due for batch in every if batch.session > drawn[-1])
    found = left(scenario, spooled(tmp_path / "spool", sent))
    assert {each.session for each in found} == {batch.session for batch in every} - set(drawn)


def test_a_worker_elsewhere_is_known_by_its_records(scenario: Scenario, tmp_path: Path) -> None:
    sent = list(batches(scenario, KILLED))
    near = left(scenario, spooled(tmp_path / "near", sent))
    far = left(scenario, spooled(tmp_path / "far", [*sent, sent[-1]], marks=False))
    assert near == far


def test_a_run_that_was_stopped_misses_nothing_that_was_due_later(scenario: Scenario, tmp_path: Path) -> None:
    tried = spooled(tmp_path / "spool", list(batches(scenario, KILLED)))
    assert left(scenario, tried, stopped=KILLED) == []
    assert 0 < len(left(scenario, tried, stopped=9.0)) < len(left(scenario, tried))
    hurried = left(scenario, TriedBatches(tmp_path / "none"), factor=2.0, stopped=KILLED)
    assert {each.session for each in hurried} == {batch.session for batch in batches(scenario, 2 * KILLED)}
    assert max(each.start for each in hurried) < KILLED


def test_as_fast_as_possible_only_sessions_that_had_come_up_are_missing(scenario: Scenario, tmp_path: Path) -> None:
    sent = list(batches(scenario, KILLED))
    tried = spooled(tmp_path / "spool", sent)
    assert len(left(scenario, tried, factor=inf)) > len(left(scenario, tried, factor=inf, stopped=1.0)) > 0
    assert max(each.session for each in left(scenario, tried, factor=inf, stopped=1.0)) < tried.sessions


def test_the_sessions_of_two_app_monitors_are_told_apart(scenario: Scenario, tmp_path: Path) -> None:
    spool, sent = Spool(tmp_path / "spool"), list(batches(scenario, KILLED))
    for batch in sent:
        spool.start(batch.session, len(batch.events), 1, batch.due, monitor=1)
    spool.close()
    none, all_of_them = (TriedBatches(tmp_path / "spool", monitor) for monitor in (0, 1))
    assert none.until == all_of_them.until == max(batch.due for batch in sent)
    tried = [sum(counts.count(batch.session) > 0 for batch in sent) for counts in (none, all_of_them)]
    assert tried == [0, len(sent)]


def test_how_many_sessions_were_not_run_is_told_in_a_line() -> None:
    assert describe_count(1) == "1 session was not run, or only in part: sessions-not-run.csv names them"
    assert "1,200 sessions were not run" in describe_count(1200)
