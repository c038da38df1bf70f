"""The ground truth names visits as RUM sees them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from loadgen import client, traffic
from loadgen.cli import commands
from loadgen.jobs import ground_truth
from loadgen.jobs.generate import write_bodies
from loadgen.model import Result
from loadgen.results import RunFolder
from loadgen.results.records import Spool, pack_result
from loadgen.scenario import Scenario
from loadgen.wire import Clock
from tests.traffic.look import SMALL

RELEASE = """
[[incidents]]
kind = "error"
name = "release 2"
at = 2
length = 10
message = "it broke"
"""


@pytest.fixture
def scenario() -> Scenario:
    return Scenario.parse(SMALL + RELEASE, "small.toml").adjust(sample_rate=0.5)


def test_sampled_visits_bear_the_session_id_of_their_batches(scenario: Scenario, tmp_path: Path) -> None:
    out = tmp_path / "truth.ndjson"
    lines = ground_truth.write_truths(ground_truth.find_truths(scenario, 3, Clock(1_800_000_000.0)), out)
    told = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(told) == lines > 20
    sent = {}
    for session in traffic.draw_sessions(scenario, 3):
        batches = client.plan(session, scenario.client, scenario.monitor.sample_rate).batches
        sent[session.index] = batches[0].session_id if batches else None
    assert {each["session"]: each["session_id"] if each["sampled"] else None for each in told}.items() <= sent.items()
    assert {each["first"][:18] for each in told} <= {"2027-01-15T08:00:0", "2027-01-15T08:00:1"}


def test_without_incidents_there_is_no_truth_to_tell(tmp_path: Path) -> None:
    file, out = tmp_path / "small.toml", tmp_path / "bodies.ndjson"
    file.write_text(SMALL)
    assert write_bodies(file, out, sessions=5).ground_truth is None
    assert sorted(tmp_path.iterdir()) == [out, file]


def test_what_came_after_a_stop_is_not_told(scenario: Scenario) -> None:
    whole = list(traffic.find_hits(scenario, 3))
    cut = list(traffic.find_hits(scenario, 3, until=6.0))
    assert 0 < len(cut) < len(whole)
    assert {hit.session for hit in cut} == {hit.session for hit in whole if hit.first < 6.0}
    assert max(hit.last for hit in cut) < 6.0
    ends = {hit.session: hit for hit in whole}
    assert all(hit.views <= ends[hit.session].views and hit.last <= ends[hit.session].last for hit in cut)


def test_a_stopped_run_tells_which_visits_were_sent(scenario: Scenario, tmp_path: Path) -> None:
    """Every second batch that was due in the first nine seconds has been sent."""
    folder, sent = RunFolder.ensure(tmp_path), []
    spool = Spool(folder.locate_spool(0))
    batches = [
        batch
        for session in traffic.draw_sessions(scenario, 3)
        for batch in client.plan(session, scenario.client, scenario.monitor.sample_rate).batches
        if batch.due < 9.0
    ]
    for batch in batches[::2]:
        sent.append(batch)
        spool.finish(pack_result(Result(batch.due, batch.due, batch.due, 200, 1, 1, 1, session=batch.session), 0))
    spool.close()
    truths = ground_truth.find_truths(scenario, 3, Clock(0.0), 9.0, ground_truth.LastSent(folder))
    lines = ground_truth.write_truths(truths, tmp_path / "truth.ndjson")
    told = [json.loads(line) for line in (tmp_path / "truth.ndjson").read_text().splitlines()]
    hits = {hit.session: hit for hit in traffic.find_hits(scenario, 3, until=9.0)}
    seen = {batch.session for batch in sent if batch.session in hits and batch.due >= hits[batch.session].first}
    assert lines == len(hits)
    assert {each["session"] for each in told if each["sent"]} == seen
    assert 0 < len(seen) < len(hits)
    assert not any(each["sent"] for each in told if not each["sampled"])


def test_generate_tells_the_truth_of_its_sessions(tmp_path: Path) -> None:
    file, out = tmp_path / "small.toml", tmp_path / "bodies.ndjson"
    file.write_text(SMALL + RELEASE)
    result = CliRunner().invoke(commands, ["generate", str(file), "--sessions", "60", "--out", str(out)])
    assert result.exit_code == 0, result.output
    told = [json.loads(line) for line in (tmp_path / f"bodies.{ground_truth.FILE}").read_text().splitlines()]
    assert told and max(each["session"] for each in told) < 60
    thrown = [
        body["UserDetails"]["sessionId"]
        for body in map(json.loads, out.read_text().splitlines())
        for event in body["RumEvents"]
        if "it broke" in event["details"]
    ]
    assert {each["session_id"] for each in told} == set(thrown)
