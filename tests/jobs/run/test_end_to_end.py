"""The main job through the command line, with a real Locust and a real endpoint, each run a few seconds long."""

from __future__ import annotations

import csv
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loadgen.endpoint import Endpoint, EndpointSettings
from loadgen.wire.sigv4 import Credentials
from tests.paths import LOCUSTFILE, QUICKSTART

pytestmark = pytest.mark.locust

SHORT = ("--duration", "7s", "--rate", "4", "--pace", "3x")
"""Two seconds. A visitor's first request comes after five of the scenario, which nobody needs to wait for."""

KEY = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")


def loadgen(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "loadgen", *map(str, arguments)],
        cwd=cwd,
        env=clean_environment() | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def clean_environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "LOCUST_"))}


def assert_accounted(summary: dict[str, Any]) -> None:
    events, requests = summary["events"], summary["requests"]
    kept_back = sum(events[name] for name in ("not_sampled", "over_session_limit", "dropped_by_client", "unsent"))
    assert events["generated"] == kept_back + events["sent"]
    assert events["sent"] == events["accepted"] + events["lost"]
    assert requests["sent"] == requests["accepted"] + requests["throttled"] + requests["failed"]


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint(EndpointSettings(credentials=(KEY,), quota=None)) as running:
        yield running


@pytest.mark.parametrize("processes", [None, 2])
def test_a_run_is_accepted_whole_and_both_ledgers_agree(tmp_path: Path, processes: int | None) -> None:
    shared = [] if processes is None else ["--processes", processes]
    done = loadgen("run", QUICKSTART, "--duration", "6s", "--rate", 4, "--out", "run", *shared, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert_accounted(summary)
    assert summary["verdict"] == "passed"
    assert summary["generator"]["workers"] == (processes or 1)
    assert summary["requests"]["failed"] == 0 < summary["requests"]["accepted"]
    assert summary["ledger"] == {
        "agrees": True,
        "endpoint_requests": summary["requests"]["accepted"],
        "endpoint_events": summary["events"]["accepted"],
    }
    rows = list(csv.DictReader((tmp_path / "run" / "timeline.csv").open()))
    assert sum(int(row["accepted"]) for row in rows) == summary["requests"]["accepted"]
    assert sum(int(row["accepted_events"]) for row in rows) == summary["events"]["accepted"]


def test_two_workers_send_the_sessions_of_one(tmp_path: Path) -> None:
    for name, shared in (("one", []), ("two", ["--processes", 2])):
        options = ("--duration", "6s", "--rate", 4, "--seed", 11, "--pace", "2x", "--out", name)
        assert loadgen("run", QUICKSTART, *options, *shared, cwd=tmp_path).returncode == 0
    one, two = (json.loads((tmp_path / name / "summary.json").read_text()) for name in ("one", "two"))
    assert one["events"] == two["events"]
    assert one["sessions"] == two["sessions"]
    assert one["outcomes"]["sent"]["raw_bytes"] == two["outcomes"]["sent"]["raw_bytes"]


def test_throttling_retries_and_losses_are_separate_figures_that_add_up(tmp_path: Path) -> None:
    done = loadgen(*("run", QUICKSTART, *SHORT, "--rate", 8, "--quota", 2, "--json", "--out", "run"), cwd=tmp_path)
    summary = json.loads(done.stdout)
    assert_accounted(summary)
    requests, events = summary["requests"], summary["events"]
    assert min(requests["throttled"], requests["retried"], requests["given_up"], events["lost"]) > 0
    assert requests["failed"] == 0
    assert summary["ledger"]["agrees"] is True


def environment_for(endpoint: Endpoint, key: Credentials = KEY) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": key.access_key_id,
        "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
        "AWS_REGION": endpoint.region,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def created_monitor(endpoint: Endpoint, name: str = "shop") -> str:
    import boto3
    from botocore.config import Config

    rum = boto3.client(
        "rum",
        region_name=endpoint.region,
        endpoint_url=endpoint.url,
        aws_access_key_id=KEY.access_key_id,
        aws_secret_access_key=KEY.secret_access_key,
        config=Config(inject_host_prefix=False),
    )
    return str(rum.create_app_monitor(Name=name, Domain="shop.example.com")["Id"])


def test_a_url_is_a_target_with_credentials_from_the_usual_chain(tmp_path: Path, endpoint: Endpoint) -> None:
    created_monitor(endpoint)
    target = ("--target", endpoint.url, "--monitor", "shop", *SHORT, "--out", "run")
    done = loadgen("run", QUICKSTART, *target, cwd=tmp_path, **environment_for(endpoint))
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["ledger"]["agrees"] is True
    assert summary["requests"]["accepted"] > 0


def test_no_credential_appears_in_results(tmp_path: Path, endpoint: Endpoint) -> None:
    created_monitor(endpoint)
    target = ("--target", endpoint.url, "--monitor", "shop", *SHORT, "--out", "run")
    done = loadgen("run", QUICKSTART, *target, cwd=tmp_path, **environment_for(endpoint))
    said = [done.stdout.encode(), done.stderr.encode()]
    written = [path.read_bytes() for path in (tmp_path / "run").iterdir()]
    assert len(written) >= 6
    for secret in (KEY.secret_access_key.encode(), KEY.access_key_id.encode()):
        assert not [text for text in said + written if secret in text]


WRONG_KEY = Credentials("AKIDEXAMPLE", "not-the-secret")
UNKNOWN_KEY = Credentials("AKIDNOBODY", "not-the-secret")


@pytest.mark.parametrize(
    ("monitor", "key", "said"),
    [
        ("shop", WRONG_KEY, "the secret access key does not match"),
        ("shop", UNKNOWN_KEY, "the access key id"),
        ("nowhere", KEY, "there is none of that name"),
    ],
)
def test_what_the_control_plane_refuses_is_one_line_and_nothing_is_written(
    tmp_path: Path, endpoint: Endpoint, monitor: str, key: Credentials, said: str
) -> None:
    created_monitor(endpoint)
    done = loadgen(
        *("run", QUICKSTART, "--target", endpoint.url, "--monitor", monitor),
        cwd=tmp_path,
        **environment_for(endpoint, key),
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert len(done.stderr) < 250
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_locust_runs_our_locustfile_by_itself(tmp_path: Path, endpoint: Endpoint) -> None:
    monitor_id = created_monitor(endpoint)
    locustfile = LOCUSTFILE
    done = subprocess.run(
        [
            *(sys.executable, "-m", "locust", "-f", str(locustfile), "--headless", "-u", "20", "-r", "20"),
            *("--host", endpoint.url, "--scenario", str(QUICKSTART), "--monitor-id", monitor_id),
            *("--duration", "7", "--rate", "4", "--pace", "3x", "--seed", "3", "--out", "run"),
        ],
        cwd=tmp_path,
        env=clean_environment() | environment_for(endpoint),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert_accounted(summary)
    assert summary["requests"]["accepted"] > 0 == summary["requests"]["failed"]


PORTS = {
    "--web-port": ("--web-host", "127.0.0.1"),
    "--prometheus": ("--headless",),
    "--master-bind-port": ("--headless", "--master", "--master-bind-host", "127.0.0.1"),
}


@pytest.mark.parametrize("option", PORTS)
def test_locust_on_its_own_refuses_a_port_that_is_taken(option: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = (
            sys.executable,
            "-m",
            "locust",
            "-f",
            str(LOCUSTFILE),
            "--host",
            "http://127.0.0.1:9",
            *PORTS[option],
        )
        done = subprocess.run([*command, option, port], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert f"{option} {port}: address already in use; give another" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_run_spec_is_one_line_of_locusts_log(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"seed": "\\u001b[2J"}')
    command = (sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--run-spec", "run.json")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stderr
    assert (
        len([line for line in done.stderr.splitlines() if "run.json: cannot be read as a run's run.json" in line]) == 1
    )


def test_aws_is_never_sent_to_without_a_yes(tmp_path: Path, endpoint: Endpoint) -> None:
    """An endpoint override stands in for AWS."""
    created_monitor(endpoint)
    environment = environment_for(endpoint) | {
        "AWS_ENDPOINT_URL_RUM": endpoint.url,
        "AWS_ENDPOINT_URL_STS": endpoint.url,
    }
    done = loadgen("run", QUICKSTART, "--target", "aws", "--monitor", "shop", cwd=tmp_path, **environment)
    assert done.returncode == 2
    assert list(tmp_path.iterdir()) == []


def test_a_missed_threshold_ends_the_run_when_it_is_told_to(tmp_path: Path) -> None:
    hasty = tmp_path / "hasty.toml"
    hasty.write_text(QUICKSTART.read_text() + '\n[thresholds]\nthrottled_share = 0.01\nabort_after = "4s"\n')
    done = loadgen("run", hasty, "--rate", 10, "--quota", 1, "--json", "--out", "run", cwd=tmp_path)
    summary = json.loads(done.stdout)
    assert (done.returncode, summary["verdict"]) == (1, "failed")
    assert summary["seconds"] < 25 < 30  # of the scenario's 30
    assert any("aborted after" in reason for reason in summary["reasons"])
    assert_accounted(summary)


def test_the_quota_behind_the_throttling_is_found(tmp_path: Path) -> None:
    options = ("--duration", "12s", "--rate", 20, "--seed", 3, "--quota", 5, "--json", "--out", "run")
    summary = json.loads(loadgen("run", QUICKSTART, *options, cwd=tmp_path).stdout)
    assert summary["quota"]["rate"] == pytest.approx(5, rel=0.05)
    assert summary["quota"]["low"] <= 5 <= summary["quota"]["high"]
