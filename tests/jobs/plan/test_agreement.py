"""A plan against real runs: the same scenario and seed through Locust and the local endpoint, at three quotas."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb
import numpy as np
import pytest

from loadgen import wire
from loadgen.jobs.plan import batch_profile
from loadgen.jobs.plan.batch_profile import FirstAttempts, profile_batches
from loadgen.jobs.plan.demand import measure_demand
from loadgen.jobs.plan.discrete_event import AccountQuota, MonitorOutcome, simulate_requests
from loadgen.planned import planned
from loadgen.scenario import Scenario
from tests.paths import FIXTURES, QUICKSTART

pytestmark = pytest.mark.locust

SECONDS, RATE, SEED = 12, 16, 5
QUOTAS = (9, 16, 200)  # far below the need, below it, above it
ANSWER_SECONDS = (0.001, 0.003, 0.005, 0.01)
GIVEN = (str(QUICKSTART), "--duration", f"{SECONDS}s", "--rate", str(RATE), "--seed", str(SEED))


NEIGHBOUR = """
[[neighbours]]
monitor = { name = "blog" }
arrivals = { rate = 1 }
"""


def start(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "LOCUST_"))}
    command = [sys.executable, "-m", "loadgen", *arguments]
    return subprocess.Popen(command, cwd=cwd, env=kept, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def json_of(process: subprocess.Popen[str], *also: int) -> dict[str, Any]:
    """What a command printed; it ended with 0, or with another code that is allowed."""
    out, errors = process.communicate(timeout=120)
    assert process.returncode in {0, *also}, errors
    return dict(json.loads(out))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def runs(folder: Path) -> dict[int, dict[str, Any]]:
    """All at once: each is idle most of the time."""
    started = {
        quota: start("run", *GIVEN, "--quota", str(quota), "--out", f"at-{quota}", "--json", cwd=folder)
        for quota in QUOTAS
    }
    return {quota: json_of(process) for quota, process in started.items()}


@pytest.fixture(scope="module")
def plans(folder: Path) -> dict[int, dict[str, Any]]:
    return {
        quota: json_of(start("plan", *GIVEN, "--quota", str(quota), "--answer-time", "0.003", "--json", cwd=folder))
        for quota in QUOTAS
    }


@pytest.mark.parametrize("quota", QUOTAS)
def test_a_plan_says_to_the_unit_what_a_run_sends(
    quota: int, runs: dict[int, dict[str, Any]], plans: dict[int, dict[str, Any]]
) -> None:
    ran, load = runs[quota], plans[quota]["load"]
    kept_back = ("generated", "not_sampled", "over_session_limit", "dropped_by_client", "unsent")
    assert {name: load[name] for name in kept_back} == {name: ran["events"][name] for name in kept_back}
    assert load["sessions"] == ran["sessions"]
    assert load["events"] == ran["events"]["sent"]
    assert load["requests"] == ran["requests"]["sent"] - ran["requests"]["retried"]
    assert load["preflights"] == ran["preflights"]["sent"] == ran["preflights"]["allowed"] > 0


def test_bytes_are_those_of_the_run(
    folder: Path, runs: dict[int, dict[str, Any]], plans: dict[int, dict[str, Any]]
) -> None:
    ran, planned = runs[QUOTAS[-1]], plans[QUOTAS[-1]]["load"]
    assert ran["requests"]["retried"] == 0
    assert planned["raw_bytes"] == ran["outcomes"]["sent"]["raw_bytes"]
    assert planned["wire_bytes"] == pytest.approx(ran["outcomes"]["sent"]["wire_bytes"], rel=0.01)
    assert bytes_with_the_clock_of(ran, folder) == pytest.approx(ran["outcomes"]["sent"]["wire_bytes"], rel=0.0005)


def bytes_with_the_clock_of(ran: dict[str, Any], folder: Path) -> int:
    """Bytes after gzip, with the run's monitor and clock; the run tells its clock to the millisecond alone."""
    from datetime import datetime

    monitor = json.loads((folder / f"at-{QUOTAS[-1]}" / "run.json").read_text())["monitors"][0]["id"]
    epoch = datetime.fromisoformat(ran["started_at"]).timestamp()
    scenario = Scenario.load(QUICKSTART).adjust(duration=SECONDS, rate=RATE)
    with patch.multiple(batch_profile, UNSENT_MONITOR_ID=monitor, CLOCK=wire.Clock(epoch)):
        rehearsed = profile_batches(planned(scenario, SEED), scenario)
    return measure_demand(scenario, rehearsed).totals.wire_bytes


@pytest.mark.parametrize("quota", QUOTAS)
def test_throttling_comes_out_as_planned(
    quota: int, folder: Path, runs: dict[int, dict[str, Any]], plans: dict[int, dict[str, Any]]
) -> None:
    """The events lost depend on which batch meets an empty bucket: on milliseconds, so on how busy the machine is.

    So they are held against the plan's range: for several answer times, and for the moments at which the run sent.
    """
    requests, events = runs[quota]["requests"], runs[quota]["events"]
    planned = plans[quota]["throttling"]
    assert planned["exact"]
    assert planned["throttled_share"] == pytest.approx(requests["throttled"] / requests["sent"], abs=0.02)
    simulated = simulate_throttling(quota, folder / f"at-{quota}" / "requests.parquet")
    lost = [each.events_lost for each in simulated]
    slack = 0.001 * events["sent"]
    assert 0.9 * min(lost) - slack <= events["lost"] <= 1.1 * max(lost) + slack
    assert min(lost) <= planned["events_lost"] <= max(lost)
    given_up = [each.given_up for each in simulated]
    assert 0.9 * min(given_up) <= requests["given_up"] <= 1.1 * max(given_up)


def simulate_throttling(quota: int, requests: Path) -> list[MonitorOutcome]:
    """The plan's outcomes, for due moments and for those at which the run's first attempts began, by answer time."""
    scenario = Scenario.load(QUICKSTART).adjust(duration=SECONDS, rate=RATE)
    profile = profile_batches(planned(scenario, SEED), scenario)
    due = measure_demand(scenario, profile)
    assert due.attempts is not None
    sent = duckdb.execute(
        f"SELECT started, events, beacon FROM '{requests}' WHERE attempt = 1 ORDER BY started"
    ).fetchnumpy()
    no_bytes, no_preflights = np.zeros(len(sent["events"]), dtype=np.int64), np.zeros(len(sent["events"]), dtype=bool)
    first = FirstAttempts(
        sent["started"], sent["events"].astype(np.int64), no_bytes, no_bytes, sent["beacon"], no_preflights
    )
    begun = due._replace(attempts=first)
    return [
        simulate_requests([demand], AccountQuota(quota, None, answer_seconds)).outcomes[0]
        for demand in (due, begun)
        for answer_seconds in ANSWER_SECONDS
    ]


def test_the_quotas_lie_below_and_above_the_need(plans: dict[int, dict[str, Any]]) -> None:
    far, near, above = (plans[quota]["throttling"] for quota in QUOTAS)
    assert far["lost_share"] > 0.3 > near["lost_share"] > 0.01 > above["lost_share"] == 0


def test_a_plan_is_the_run_with_everything_switched_on(tmp_path: Path) -> None:
    """Replay, preflights, attributes, tabs, XHR, apps' browsers, two monitors, two processes: to the unit.

    What is counted depends on what is due, not on when it was sent: 3, too late for its figures, is as good as 0.
    """
    scenario = tmp_path / "everything.toml"
    scenario.write_text((FIXTURES / "everything.toml").read_text() + NEIGHBOUR)
    given = (scenario.name, "--duration", "20s", "--seed", str(SEED), "--json")
    planned_load = json_of(start("plan", *given, "--quota", "500", cwd=tmp_path))["load"]
    fast = ("--pace", "5x", "--quota", "off", "--processes", "2", "--out", "run")
    ran = json_of(start("run", *given, *fast, cwd=tmp_path), 3)
    assert not ran["lost_workers"]
    kept_back = ("generated", "not_sampled", "over_session_limit", "dropped_by_client", "unsent")
    assert {name: planned_load[name] for name in kept_back} == {name: ran["events"][name] for name in kept_back}
    assert planned_load["sessions"] == ran["sessions"] == sum(each["sessions"] for each in ran["monitors"])
    assert planned_load["events"] == ran["events"]["sent"] == ran["events"]["accepted"]
    assert planned_load["requests"] == ran["requests"]["sent"] > 100
    assert planned_load["preflights"] == ran["preflights"]["sent"] == ran["preflights"]["allowed"] > 50
    assert planned_load["raw_bytes"] == pytest.approx(ran["outcomes"]["sent"]["raw_bytes"], rel=1e-4)  # traces' times
    assert ran["event_mix"]["rrweb_event"] > 0
