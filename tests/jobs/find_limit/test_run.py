"""loadgen find-limit against the local endpoint, with a real Locust: windows of two seconds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from loadgen.planned import UNSENT_MONITOR_ID
from tests.jobs.find_limit.workers import serving
from tests.paths import QUICKSTART

pytestmark = pytest.mark.locust


def start(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "LOCUST_"))}
    command = [
        sys.executable,
        "-m",
        "loadgen",
        "find-limit",
        str(QUICKSTART),
        "--hold",
        "2s",
        "--out",
        "run",
        *arguments,
    ]
    key = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "made-up", "AWS_DEFAULT_REGION": "us-east-1"}
    return subprocess.Popen(command, cwd=cwd, env=kept | key, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_quota_of_the_endpoint_is_found_and_kept_as_a_run(tmp_path: Path) -> None:
    out, errors = (process := start("--quota", "50", "--start", "35", "--json", cwd=tmp_path)).communicate(timeout=150)
    assert process.returncode == 0, errors
    found = json.loads(out)
    assert found["rate"] == pytest.approx(50, rel=0.06)
    assert (found["cause"], found["confirmed"]) == ("throttled", True)
    assert len(errors.splitlines()) == len(found["steps"])
    assert json.loads((tmp_path / "run" / "limit.json").read_text()) == found
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["ledger"]["agrees"]
    assert summary["preflights"]["sent"] == 0
    events = summary["events"]
    kept_back = sum(events[name] for name in ("not_sampled", "over_session_limit", "dropped_by_client", "unsent"))
    assert events["generated"] == kept_back + events["sent"]
    assert events["sent"] == events["accepted"] + events["lost"] > 0


def test_a_search_that_is_stopped_keeps_what_it_knows_as_a_run(tmp_path: Path) -> None:
    process = start("--quota", "50", cwd=tmp_path)
    assert process.stderr is not None
    assert "kept" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "not confirmed: it was interrupted" in out
    found = json.loads((tmp_path / "run" / "limit.json").read_text())
    assert (found["rate"], found["confirmed"], found["interrupted"]) == (10, False, True)
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["verdict"] == "interrupted"
    events = summary["events"]
    kept_back = sum(events[name] for name in ("not_sampled", "over_session_limit", "dropped_by_client", "unsent"))
    assert events["generated"] == kept_back + events["sent"]


def test_the_limit_of_workers_with_a_service_time_is_found_within_10_percent(tmp_path: Path) -> None:
    with serving(workers=3, service_seconds=0.06) as url:
        process = start(
            *("--target", url, "--monitor", UNSENT_MONITOR_ID, "--start", "40", "--max-p99", "300", "--json"),
            cwd=tmp_path,
        )
        out, errors = process.communicate(timeout=150)
    assert process.returncode == 0, errors
    found = json.loads(out)
    assert found["rate"] == pytest.approx(3 / 0.06, rel=0.1), errors
    assert found["cause"] in ("slow", "behind")


def test_conditions_that_no_rate_keeps_are_refused(tmp_path: Path) -> None:
    process = start("--max-p99", "0.001", "--start", "1.5", cwd=tmp_path)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "no rate keeps the conditions" in errors.splitlines()[-1]
