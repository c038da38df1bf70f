"""The endpoint in a process of its own: start, stop, and what happens when something dies."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from loadgen.endpoint import Endpoint, EndpointSettings
from loadgen.endpoint.faults import Faults, Latency
from loadgen.endpoint.settings import ServerArguments
from loadgen.errors import EndpointError
from tests.endpoint.conftest import KEYS, batch
from tests.endpoint.sockets import ask, dial, read_answer, signed
from tests.paths import ROOT

SETTINGS = EndpointSettings(credentials=(KEYS,), quota=None)


def test_its_process_imports_neither_scenarios_nor_what_draws_them_nor_the_cloud() -> None:
    script = "import sys, loadgen.endpoint.server; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not {"numpy", "pydantic", "boto3", "botocore", "duckdb", "loadgen.scenario"} & set(done.stdout.split())


def test_it_listens_on_a_free_port_and_stops() -> None:
    with Endpoint(SETTINGS) as endpoint:
        assert endpoint.is_alive()
        assert endpoint.url.startswith("http://127.0.0.1:")
        assert endpoint.region == "us-east-1"
        assert endpoint.credentials == KEYS
        assert ask(endpoint, "POST", "/appmonitors")[0] == 200
    assert not endpoint.is_alive()
    assert endpoint.process.returncode == 0
    endpoint.stop()


def test_a_port_in_use_is_told_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            EndpointError,
            match=rf"cannot listen on 127\.0\.0\.1 port {port}: Address already in use; give another --host or --port$",
        ):
            Endpoint(SETTINGS, port=port).start()


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1"])
def test_an_address_that_cannot_be_is_told(host: str) -> None:
    with pytest.raises(EndpointError, match=f"cannot listen on {host} port 0"):
        Endpoint(SETTINGS, host=host).start()


def test_a_port_that_cannot_be_is_told_as_an_option() -> None:
    with pytest.raises(EndpointError, match="port: 99999 is out of range; write a number of at most 65535"):
        Endpoint(SETTINGS, port=99999).start()


def test_a_store_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(EndpointError, match="cannot be opened"):
        Endpoint(SETTINGS, tmp_path / "missing" / "rum.sqlite").start()
    (tmp_path / "text").write_text("this is no database, and long enough to tell " * 100)
    with pytest.raises(EndpointError, match="not an SQLite file"):
        Endpoint(SETTINGS, tmp_path / "text").start()


def test_a_store_has_one_endpoint_at_a_time(tmp_path: Path) -> None:
    with Endpoint(SETTINGS, tmp_path / "rum.sqlite"), pytest.raises(EndpointError, match="in use by another endpoint"):
        Endpoint(SETTINGS, tmp_path / "rum.sqlite").start()


def test_no_secret_is_on_the_command_line_or_in_the_environment() -> None:
    with Endpoint(SETTINGS) as endpoint:
        process = Path(f"/proc/{endpoint.process.pid}")
        if not process.exists():
            pytest.skip("no /proc on this system")
        for name in ("cmdline", "environ"):
            assert KEYS.secret_access_key.encode() not in (process / name).read_bytes()


def test_a_stop_waits_for_what_is_in_flight(tmp_path: Path) -> None:
    slow = Faults(latency=Latency("constant", 300))
    with Endpoint(EndpointSettings(credentials=(KEYS,), quota=None, faults=slow), tmp_path / "rum.sqlite") as endpoint:
        _, body = ask(endpoint, "POST", "/appmonitor", {"Name": "shop", "Domain": "localhost"})
        path = f"/appmonitors/{json.loads(body)['Id']}"
        with dial(endpoint) as connection:
            connection.sendall(signed(endpoint, "POST", path, batch(1, at=time.time())))
            ask(endpoint, "GET", "/appmonitor/shop")  # the request before has been read by now
            endpoint.process.send_signal(signal.SIGTERM)
            assert read_answer(connection)[0] == 200
        assert endpoint.process.wait(10) == 0


def test_ctrl_c_in_the_terminal_does_not_reach_it() -> None:
    with Endpoint(SETTINGS) as endpoint:
        assert os.getsid(endpoint.process.pid) != os.getsid(0)
        assert os.getpgid(endpoint.process.pid) != os.getpgid(0)


PARENT = """
import sys
from loadgen.endpoint import EndpointSettings
from loadgen.endpoint import Endpoint
endpoint = Endpoint(EndpointSettings()).start()
print(endpoint.process.pid, flush=True)
sys.stdin.read()
"""


def test_it_dies_with_its_parent() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
    assert parent.stdin is not None and parent.stdout is not None
    child = os.pidfd_open(int(parent.stdout.readline()))
    parent.kill()
    parent.communicate()
    ready, _, _ = select.select([child], [], [], 10)  # a pidfd is readable once the process has ended
    os.close(child)
    assert ready


def test_the_admin_routes_answer_over_http() -> None:
    with Endpoint(SETTINGS) as endpoint:
        _, body = ask(endpoint, "GET", "/_loadgen/ledger")
        empty = {"accepted": 0, "throttled": 0, "refused": 0, "failed": 0}
        assert json.loads(body) == {"requests": empty, "events": {"accepted": 0, "dropped": 0}}
        status, body = ask(endpoint, "PUT", "/_loadgen/settings", {"quota": 7, "faults": {"errors": 0.5}})
        assert (status, json.loads(body)["quota"]) == (200, 7)
        assert json.loads(ask(endpoint, "GET", "/_loadgen/settings")[1])["faults"]["errors"] == 0.5


def test_an_endpoint_on_ipv6_has_a_good_url() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        with Endpoint(SETTINGS, host="::1") as endpoint:
            assert endpoint.url.startswith("http://[::1]:")
            assert ask(endpoint, "GET", "/_loadgen/ledger")[0] == 200
    except EndpointError as missing:
        pytest.skip(f"no IPv6 here: {missing}")


ARGUMENTS = msgspec.json.encode(ServerArguments(SETTINGS, None, "127.0.0.1", 0)) + b"\n"


@pytest.mark.parametrize("written", [ARGUMENTS, ARGUMENTS[:20], b""])
def test_a_parent_that_is_gone_before_the_endpoint_is_ready_costs_no_traceback(written: bytes) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "loadgen.endpoint.server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    assert child.stdin is not None and child.stdout is not None and child.stderr is not None
    child.stdout.close()
    child.stdin.write(written)
    child.stdin.close()
    with child.stderr:
        assert child.stderr.read() == b""
    assert child.wait(10) == 0
