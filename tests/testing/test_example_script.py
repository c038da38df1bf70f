"""An example suite: a program that sends with boto3, as a process that knows nothing of tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from loadgen.testing.rum_endpoint import RumEndpoint

SCRIPT = Path(__file__).with_name("report_order.py")


def execute(monitor_id: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), monitor_id, "3"], capture_output=True, text=True)


def test_an_order_arrives_once(rum_endpoint: RumEndpoint, rum_env: dict[str, str]) -> None:
    assert execute(rum_endpoint.create_monitor("shop")).returncode == 0
    (order,) = rum_endpoint.events(type="order", monitor="shop", wait=2)
    assert order["event_details"] == {"version": "1.0.0", "items": 3}
    rum_endpoint.assert_no_refusals()


def test_a_failure_of_rum_is_tried_again(rum_endpoint: RumEndpoint, rum_env: dict[str, str]) -> None:
    monitor = rum_endpoint.create_monitor("shop")
    rum_endpoint.set_faults("errors=0.5,seed=7")
    assert execute(monitor).returncode == 0
    assert [call.status for call in rum_endpoint.calls()] == [500, 500, 200]
    assert len(rum_endpoint.events(type="order")) == 1


def test_an_app_monitor_that_is_not_there_is_told(rum_endpoint: RumEndpoint, rum_env: dict[str, str]) -> None:
    assert "ResourceNotFoundException" in execute("00000000-0000-4000-8000-000000000000").stderr
    (refusal,) = rum_endpoint.refusals()
    assert "404 ResourceNotFoundException" in refusal
