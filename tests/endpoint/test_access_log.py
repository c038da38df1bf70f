"""The access log, health, and the list of calls: what a developer asks when events do not show up."""

from __future__ import annotations

import http.client
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from loadgen.endpoint import Endpoint
from loadgen.errors import EndpointError
from loadgen.model import Request
from tests.endpoint.conftest import Caller, batch
from tests.endpoint.test_endpoint import put

FIELDS = ("time", "method", "path", "status", "error", "monitor", "events", "milliseconds")


def read_lines(log: Path) -> list[dict[str, str]]:
    return [dict(zip(FIELDS, line.split(" "), strict=True)) for line in log.read_text().splitlines()]


def ask(endpoint: Endpoint, method: str, target: str, body: bytes = b"") -> int:
    """The status of an unsigned request; 0 where the connection ends without an answer."""
    connection = http.client.HTTPConnection(urlsplit(endpoint.url).netloc, timeout=20)
    try:
        connection.request(method, target, body)
        return connection.getresponse().status
    except (ConnectionError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def test_each_request_is_a_line_with_what_became_of_it(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    with Endpoint(access_log=str(log), faults="latency=constant:30") as endpoint:
        monitor = endpoint.client().create_app_monitor(Name="shop", Domain="localhost")["Id"]
        put(endpoint.client(), monitor, 3)
        assert ask(endpoint, "POST", f"/appmonitors/{monitor}?X-Amz-Signature=secret", b"{}") == 403
        assert ask(endpoint, "GET", "/no such\r\n".strip().replace(" ", "%20")) == 404
        assert ask(endpoint, "GET", "/_loadgen/health") == 200
    created, accepted, unsigned, lost, health = read_lines(log)
    assert (created["method"], created["path"], created["status"]) == ("POST", "/appmonitor", "200")
    assert (accepted["status"], accepted["error"], accepted["monitor"], accepted["events"]) == ("200", "-", "shop", "3")
    assert float(accepted["milliseconds"]) >= 30
    assert (unsigned["status"], unsigned["monitor"], unsigned["events"]) == ("403", "shop", "-")
    assert unsigned["error"].endswith("Exception")
    assert (lost["path"], lost["error"]) == ("/no%20such", "UnknownOperationException")
    assert (health["method"], health["status"]) == ("GET", "200")
    assert "secret" not in log.read_text()


def test_a_dropped_connection_and_a_hostile_path_keep_their_fields(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text("an older line\n")
    with Endpoint(access_log=str(log), faults="drops=1,operations=all") as endpoint:
        assert ask(endpoint, "GET", "/appmonitor/a%0Ab%20c") == 0
    older, line = log.read_text().splitlines()
    assert older == "an older line"
    dropped = dict(zip(FIELDS, line.split(" "), strict=True))
    assert (dropped["status"], dropped["error"]) == ("-", "ConnectionDropped")
    assert (dropped["path"], dropped["monitor"]) == ("/appmonitor/a%0Ab%20c", "a%0Ab%20c")


def test_a_log_that_cannot_be_written_is_told_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(EndpointError, match=r"--log .*: cannot be written \(no such file or directory\)"):
        Endpoint(access_log=str(tmp_path / "no" / "log")).start()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux alone has a device that is always full")
def test_a_full_disk_behind_the_log_costs_no_answer() -> None:
    with Endpoint(access_log="/dev/full") as endpoint:
        assert endpoint.client().list_app_monitors()["AppMonitorSummaries"] == []
        assert ask(endpoint, "GET", "/_loadgen/health") == 200


def test_health_is_told_to_everybody_and_nothing_else_is(caller: Caller) -> None:
    def answer(target: str) -> int:
        request = Request("GET", target, (("host", "192.0.2.1:8000"), ("origin", "http://example.com")))
        return caller.endpoint.reply(request, peer="192.0.2.7").response.status

    assert [answer(f"/_loadgen/{name}") for name in ("health", "ledger", "calls", "settings")] == [200, 403, 403, 403]


def test_the_calls_after_a_number_are_told_with_their_refusals(caller: Caller) -> None:
    monitor = caller.monitor()
    bodies: list[dict[str, Any]] = [batch(), {"RumEvents": []}, batch()]
    for body in bodies:
        caller.put(monitor, body)
    told = caller.json("GET", "/_loadgen/calls?after=1")
    assert (told["number"], [call["status"] for call in told["calls"]]) == (3, [400, 200])
    assert "batchId" in told["calls"][0]["message"]
    assert caller.json("GET", "/_loadgen/calls?after=3")["calls"] == []
    assert "after" in caller.json("GET", "/_loadgen/calls?after=x", status=400)["message"]


def test_quota_and_faults_change_by_a_call() -> None:
    with Endpoint(quota=None) as endpoint:
        monitor = endpoint.client().create_app_monitor(Name="shop", Domain="localhost")["Id"]
        endpoint.change(faults="404=0-60")
        with pytest.raises(Exception, match="Not found by an injected fault"):
            put(endpoint.client(), monitor)
        endpoint.change(faults="", quota=1.0)
        put(endpoint.client(), monitor)
        with pytest.raises(EndpointError, match="faults: 'errors=2' does not fit"):
            endpoint.change(faults="errors=2")
        assert [call.code for call in endpoint.calls().calls] == ["ResourceNotFoundException", ""]
