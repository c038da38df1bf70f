"""The AWS CLI makes a monitor, sends to it, reads back, and deletes it.

It needs the `aws` command (`pip install awscli`), in this environment or at the path in LOADGEN_AWS_CLI.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from loadgen.endpoint import Endpoint
from tests.endpoint.conftest import KEYS, batch

BESIDE = Path(sys.executable).with_name("aws")
AWS = os.environ.get("LOADGEN_AWS_CLI") or (str(BESIDE) if BESIDE.exists() else shutil.which("aws"))


@pytest.fixture(autouse=True)
def cli() -> None:
    """Without the command the test is skipped, but never in CI."""
    if AWS is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("THE AWS CLI TEST DID NOT RUN: pip install awscli")


def aws(endpoint: Endpoint, operation: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run `aws rum OPERATION --OPTION VALUE ...`; values that are no strings are given as JSON."""
    arguments = [
        part
        for name, value in options.items()
        for part in (f"--{name.replace('_', '-')}", value if isinstance(value, str) else json.dumps(value))
    ]
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_ACCESS_KEY_ID": KEYS.access_key_id,
        "AWS_SECRET_ACCESS_KEY": KEYS.secret_access_key,
        "AWS_DEFAULT_REGION": endpoint.region,
        "AWS_ENDPOINT_URL": endpoint.url,
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",  # else PutRumEvents goes to dataplane.127.0.0.1
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_PAGER": "",
        "AWS_CONFIG_FILE": os.devnull,
    }
    command = [str(AWS), "rum", operation, *arguments, "--output", "json"]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)


def answer(endpoint: Endpoint, operation: str, **options: Any) -> Any:
    """The JSON that a command printed."""
    done = aws(endpoint, operation, **options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout else None


def test_the_cli_creates_puts_reads_and_deletes(running: Endpoint) -> None:
    shop = f"shop-{uuid.uuid4()}"
    monitor_id = answer(running, "create-app-monitor", name=shop, domain="localhost", tags={"team": "shop"})["Id"]
    assert answer(running, "get-app-monitor", name=shop)["AppMonitor"]["Tags"] == {"team": "shop"}
    body = batch(3, at=int(time.time()))
    answer(
        running,
        "put-rum-events",
        id=monitor_id,
        batch_id=body["BatchId"],
        app_monitor_details=body["AppMonitorDetails"],
        user_details=body["UserDetails"],
        rum_events=body["RumEvents"],
    )
    window = {"After": int(time.time() * 1000) - 60_000}
    events = answer(running, "get-app-monitor-data", name=shop, time_range=window)["Events"]
    assert [json.loads(event)["event_id"] for event in events] == [event["id"] for event in body["RumEvents"]][::-1]
    assert shop in [one["Name"] for one in answer(running, "list-app-monitors")["AppMonitorSummaries"]]
    answer(running, "delete-app-monitor", name=shop)
    gone = aws(running, "get-app-monitor", name=shop)
    assert gone.returncode != 0
    assert "ResourceNotFoundException" in gone.stderr
