"""Several app monitors under one quota: run drives what plan foretells, each with figures and a ledger of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as parquet
import pytest

from loadgen.endpoint import Endpoint, EndpointSettings
from loadgen.jobs.run.preflight import find_free_port
from tests.jobs.run.test_end_to_end import (
    KEY,
    assert_accounted,
    clean_environment,
    created_monitor,
    environment_for,
)
from tests.jobs.run.test_interruptions import children, with_word
from tests.paths import LOCUSTFILE, QUICKSTART

pytestmark = pytest.mark.locust

NAMES = ["shop", "campaign", "blog"]
GIVEN = ("--duration", "12s", "--seed", "5")
QUOTA = "12"
KEPT_BACK = ("generated", "not_sampled", "over_session_limit", "dropped_by_client", "unsent")


def scenario_text() -> str:
    """The quickstart as a quiet shop, beside a campaign that is not and a blog with a client of its own."""
    return (
        'monitor.name = "shop"\n'
        + QUICKSTART.read_text()
        + (
            '\n[[neighbours]]\nmonitor.name = "campaign"\narrivals.rate = 25\n'
            '\n[[neighbours]]\nmonitor = { name = "blog", sample_rate = 0.5 }\narrivals.rate = 4\n'
            "client = { batchLimit = 6, sessionEventLimit = 40 }\n"
        )
    )


def started(
    folder: Path, command: str, *options: object, environment: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "loadgen", command, "site.toml", *map(str, options)],
        cwd=folder,
        env=environment or clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(process: subprocess.Popen[str], *codes: int) -> dict[str, Any]:
    out, errors = process.communicate(timeout=120)
    assert process.returncode in codes, errors
    return dict(json.loads(out))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("runs")
    (made / "site.toml").write_text(scenario_text())
    return made


@pytest.fixture(scope="module")
def told(folder: Path) -> dict[str, dict[str, Any]]:
    """What a throttled run, a run of two processes and the plan say; all at once.

    A run is idle most of the time; if one was late all the same (exit code 3), its counts are as true.
    """
    begun = {
        "run": started(folder, "run", *GIVEN, "--quota", QUOTA, "--out", "run", "--json"),
        "two": started(folder, "run", *GIVEN, "--quota", "off", "--processes", 2, "--out", "two", "--json"),
        "plan": started(folder, "plan", *GIVEN, "--quota", QUOTA, "--answer-time", "0.003", "--json"),
    }
    return {name: said(process, 0, 3) for name, process in begun.items()}


def test_a_plan_says_to_the_unit_what_a_run_sends_to_each_app_monitor(told: dict[str, dict[str, Any]]) -> None:
    ran, planned = told["run"]["monitors"], told["plan"]["monitors"]
    assert [each["name"] for each in ran] == [each["monitor"] for each in planned] == NAMES
    for its, foretold in zip(ran, (each["load"] for each in planned), strict=True):
        assert {name: foretold[name] for name in KEPT_BACK} == {name: its["events"][name] for name in KEPT_BACK}
        assert foretold["sessions"] == its["sessions"]
        assert foretold["events"] == its["events"]["sent"]
        assert foretold["requests"] == its["requests"]["offered"]
        assert foretold["requests"] == its["requests"]["sent"] - its["requests"]["retried"]


def test_the_quiet_neighbours_share_of_the_throttling_is_its_own_and_near_the_plans(
    told: dict[str, dict[str, Any]],
) -> None:
    shop, campaign, _ = told["run"]["monitors"]
    planned = [each["throttling"]["throttled_share"] for each in told["plan"]["monitors"]]
    assert shop["requests"]["sent"] < campaign["requests"]["sent"] / 4
    assert shop["throttled_share"] == shop["requests"]["throttled"] / shop["requests"]["sent"] > 0.1
    assert shop["throttled_share"] == pytest.approx(planned[0], abs=0.12)  # of some sixty requests
    assert campaign["throttled_share"] == pytest.approx(planned[1], abs=0.03)


@pytest.mark.parametrize("name", ["run", "two"])
def test_each_app_monitor_is_accounted_for_its_ledger_agrees_and_all_add_up(
    name: str, told: dict[str, dict[str, Any]]
) -> None:
    assert_monitors_accounted(told[name])
    for its in told[name]["monitors"]:
        assert its["ledger"] == {
            "agrees": True,
            "endpoint_requests": its["requests"]["accepted"],
            "endpoint_events": its["events"]["accepted"],
        }
    assert told[name]["ledger"]["agrees"] is True


def assert_monitors_accounted(summary: dict[str, Any]) -> None:
    assert_accounted(summary)
    for its in summary["monitors"]:
        assert_accounted(its)
    parts = {name: summary[name] for name in ("requests", "events")}
    for part, figures in parts.items():
        for figure, whole in figures.items():
            assert sum(its[part][figure] for its in summary["monitors"]) == whole, (part, figure)
    for outcome, volume in summary["outcomes"].items():
        for unit, whole in volume.items():
            assert sum(its["outcomes"][outcome][unit] for its in summary["monitors"]) == whole, (outcome, unit)
    assert sum(its["sessions"] for its in summary["monitors"]) == summary["sessions"]


def test_two_workers_send_to_each_app_monitor_the_sessions_of_one(told: dict[str, dict[str, Any]]) -> None:
    for one, two in zip(told["run"]["monitors"], told["two"]["monitors"], strict=True):
        assert two["sessions"] == one["sessions"]
        assert {name: two["events"][name] for name in (*KEPT_BACK, "sent")} == {
            name: one["events"][name] for name in (*KEPT_BACK, "sent")
        }
        assert two["requests"]["offered"] == one["requests"]["offered"]
    assert told["two"]["requests"]["retried"] == 0


def test_every_request_in_the_table_names_its_app_monitor(told: dict[str, dict[str, Any]], folder: Path) -> None:
    table = parquet.read_table(folder / "two" / "requests.parquet")
    counted = {each["values"]: each["counts"] for each in table["monitor"].value_counts().to_pylist()}
    assert counted == {its["name"]: its["requests"]["sent"] for its in told["two"]["monitors"]}


def test_a_killed_worker_and_a_killed_generator_leave_each_app_monitors_figures(folder: Path) -> None:
    options = ("--duration", "15s", "--rate", 6, "--json", "--quota", "off")
    runs = {
        "worker": started(folder, "run", *options, "--processes", 2, "--out", "worker"),
        "locust": started(folder, "run", *options, "--out", "locust"),
    }
    for which, process in runs.items():
        wait_for_requests(folder / which, process)
        locust = with_word(children(process.pid), "loadgen.swarm")
        (locust if which == "locust" else locust.children()[0]).kill()
    for process, code in zip(runs.values(), (3, 130), strict=True):
        summary = said(process, code)
        assert [its["name"] for its in summary["monitors"]] == NAMES
        assert_monitors_accounted(summary)
        assert [its["ledger"]["agrees"] for its in summary["monitors"]] == [True] * 3
        assert all(its["requests"]["accepted"] for its in summary["monitors"])
    unrun = [line.split(",")[-1] for line in (folder / "worker" / "sessions-not-run.csv").read_text().splitlines()]
    assert set(unrun) == {"monitor", *NAMES}


def wait_for_requests(folder: Path, process: subprocess.Popen[str]) -> None:
    """Until a second in which each app monitor had something accepted is on record."""
    while process.poll() is None:
        lines = (folder / "monitors.csv").read_text().splitlines() if (folder / "monitors.csv").is_file() else []
        rows = [line.split(",") for line in lines[1:] if line.count(",") == lines[0].count(",")]
        if {row[1] for row in rows if int(row[lines[0].split(",").index("accepted")])} == set(NAMES):
            return
        psutil.Process(process.pid).cpu_percent(interval=0.1)
    raise AssertionError("the run ended before it was killed")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    """With the three app monitors."""
    with Endpoint(EndpointSettings(credentials=(KEY,), quota=None)) as running:
        for name in NAMES:
            created_monitor(running, name)
        yield running


def test_a_master_hands_its_workers_all_app_monitors(
    folder: Path, endpoint: Endpoint, told: dict[str, dict[str, Any]]
) -> None:
    port, keys = str(find_free_port()), clean_environment() | environment_for(endpoint)
    conducting = ("--master", "--expect-workers", 2, "--bind-host", "127.0.0.1", "--bind-port", port)
    master = started(
        folder, "run", *GIVEN, "--target", endpoint.url, *conducting, "--out", "master", "--json", environment=keys
    )
    command = [sys.executable, "-m", "loadgen", "worker", "--master-host", "127.0.0.1", "--master-port", port]
    workers = [subprocess.Popen(command, cwd=folder, env=keys, stderr=subprocess.DEVNULL) for _ in range(2)]
    summary = said(master, 0, 3)
    assert [worker.wait(30) for worker in workers] == [0, 0]
    assert_monitors_accounted(summary)
    assert [its["ledger"]["agrees"] for its in summary["monitors"]] == [True] * 3
    for its, same in zip(summary["monitors"], told["two"]["monitors"], strict=True):
        assert (its["events"], its["sessions"]) == (same["events"], same["sessions"])


def test_an_app_monitor_that_is_missing_is_named_and_nothing_is_sent(folder: Path, endpoint: Endpoint) -> None:
    (folder / "more.toml").write_text(scenario_text() + '[[neighbours]]\nmonitor.name = "nobody"\narrivals.rate = 1\n')
    done = subprocess.run(
        [sys.executable, "-m", "loadgen", "run", "more.toml", "--target", endpoint.url, "--out", "none"],
        cwd=folder,
        env=clean_environment() | environment_for(endpoint),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "'nobody'" in done.stderr
    assert not (folder / "none").exists()


def test_locust_alone_takes_the_ids_of_all_app_monitors_in_order(folder: Path, endpoint: Endpoint) -> None:
    ids = [created_monitor(endpoint, name) for name in ("other-shop", "other-campaign", "other-blog")]
    assert locust(folder, endpoint, ids[:2]).returncode == 2
    done = locust(folder, endpoint, ids)
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads((folder / "alone" / "summary.json").read_text())
    assert [(its["name"], its["id"]) for its in summary["monitors"]] == list(zip(NAMES, ids, strict=True))
    assert_monitors_accounted(summary)
    assert all(its["requests"]["accepted"] for its in summary["monitors"])


def locust(folder: Path, endpoint: Endpoint, ids: list[str]) -> subprocess.CompletedProcess[str]:
    locustfile = LOCUSTFILE
    return subprocess.run(
        [
            *(sys.executable, "-m", "locust", "-f", str(locustfile), "--headless", "-u", "50", "-r", "50"),
            *("--host", endpoint.url, "--scenario", "site.toml", "--monitor-id", ",".join(ids)),
            *("--duration", "10", "--pace", "3x", "--seed", "5", "--out", "alone"),
        ],
        cwd=folder,
        env=clean_environment() | environment_for(endpoint),
        capture_output=True,
        text=True,
        timeout=60,
    )
