"""Everything that a client can make grow has a bound: the table "Bounds" of the endpoint's README, row by row."""

from __future__ import annotations

import gzip
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from loadgen.endpoint import Endpoint, EndpointSettings, store
from loadgen.endpoint import settings as endpoint_settings
from loadgen.endpoint.operations import metrics
from loadgen.rum import service_model
from loadgen.rum.service_model import find_operation, load_service_model
from loadgen.rum.validation import MOST_PROBLEMS
from loadgen.wire.sigv4.canonical import canonicalize_path
from tests.endpoint.conftest import KEYS, Caller, batch, event
from tests.endpoint.sockets import ask, dial, read_all, read_answer, signed

HEAD = b"POST /appmonitors/x HTTP/1.1\r\nhost: 127.0.0.1\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with Endpoint(EndpointSettings(credentials=(KEYS,), quota=None)) as endpoint:
        yield endpoint


def memory(endpoint: Endpoint) -> int:
    """Bytes that the endpoint's process has in memory."""
    status = Path(f"/proc/{endpoint.process.pid}/status")
    if not status.exists():
        pytest.skip("no /proc on this system")
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def flood(endpoint: Endpoint, start: bytes, piece: bytes, pieces: int) -> bytes:
    """Send a piece over and over until the endpoint answers or cuts the connection; what it answered."""
    with dial(endpoint) as connection:
        connection.sendall(start)
        for _ in range(pieces):
            try:
                connection.sendall(piece)
            except OSError:
                break
        connection.settimeout(10)
        return read_all(connection)


FLOODS = {
    "headers": (HEAD, b"x-filler: " + b"a" * 1000 + b"\r\n"),
    "one header without an end": (HEAD + b"x-filler: ", b"a" * 1000),
    "a request line without an end": (b"POST /", b"a" * 1000),
    "trailers": (CHUNKED + b"5\r\nhello\r\n0\r\n", b"x-filler: " + b"a" * 1000 + b"\r\n"),
    "one trailer without an end": (CHUNKED + b"0\r\nx-filler: ", b"a" * 1000),
    "the name of a trailer without an end": (CHUNKED + b"0\r\n", b"a" * 1000),
    "the extension of a chunk without an end": (CHUNKED + b"5;x=", b"a" * 1000),
    "chunks with long extensions": (CHUNKED, b"1;x=" + b"a" * 1000 + b"\r\nb\r\n"),
    "a chunked body": (CHUNKED, b"3e8\r\n" + b"a" * 1000 + b"\r\n"),
}


@pytest.mark.parametrize("name", FLOODS)
def test_no_request_without_an_end_fills_the_memory(endpoint: Endpoint, name: str) -> None:
    start, piece = FLOODS[name]
    before = memory(endpoint)
    answer = flood(endpoint, start, piece * 64, 400)  # 25 MB
    assert answer == b"" or answer.split(b" ")[1] in (b"400", b"413", b"431"), answer[:200]
    assert memory(endpoint) - before < 8 * MEBIBYTE


def test_a_chunked_body_in_single_bytes_is_taken_with_its_trailers(endpoint: Endpoint) -> None:
    monitor = json.loads(ask(endpoint, "POST", "/appmonitor", {"Name": "small", "Domain": "localhost"})[1])["Id"]
    head, _, body = signed(endpoint, "POST", f"/appmonitors/{monitor}", batch(80, at=time.time())).partition(
        b"\r\n\r\n"
    )
    lines = [line for line in head.split(b"\r\n") if not line.startswith(b"content-length")]
    assert len(body) > 10_000
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    trailers = b"0\r\nauthorization: Basic YTpi\r\nx-checksum: 1\r\n\r\n"
    with dial(endpoint) as connection:
        connection.sendall(b"\r\n".join([*lines, b"transfer-encoding: chunked", b"", b""]) + chunks + trailers)
        assert read_answer(connection)[0] == 200


def test_more_connections_than_the_limit_are_told_and_closed() -> None:
    with Endpoint(credentials=(KEYS,), quota=None, max_connections=3) as endpoint, ExitStack() as opened:
        held = [opened.enter_context(dial(endpoint)) for _ in range(3)]
        for connection in held:
            connection.sendall(signed(endpoint, "POST", "/appmonitors"))
            assert read_answer(connection)[0] == 200
        with dial(endpoint) as more:
            assert read_answer(more)[0] == 503
        held.pop().close()
        deadline = time.monotonic() + 10
        while ask(endpoint, "POST", "/appmonitors")[0] == 503 and time.monotonic() < deadline:
            pass
        assert ask(endpoint, "POST", "/appmonitors")[0] == 200


def test_bodies_that_never_end_are_bounded_together() -> None:
    part = HEAD + b"content-length: 1000000\r\n\r\n" + b"a" * 400_000
    with Endpoint(credentials=(KEYS,), quota=None, max_unfinished_bytes=MEBIBYTE) as endpoint, ExitStack() as opened:
        held = [opened.enter_context(dial(endpoint)) for _ in range(3)]
        for connection in held:
            connection.sendall(part)
        statuses = []
        for connection in held:
            connection.settimeout(3)
            try:
                statuses.append(read_answer(connection)[0])
            except TimeoutError:
                statuses.append(0)  # it waits for the rest
        assert sorted(statuses) == [0, 0, 503]
        opened.close()
        assert ask(endpoint, "POST", "/appmonitors")[0] == 200


def test_a_client_that_reads_nothing_is_cut_in_the_end() -> None:
    with Endpoint(credentials=(KEYS,), quota=None, idle_seconds=1.0, body_seconds=1.0) as endpoint:
        request = signed(endpoint, "GET", "/appmonitor/" + "x" * 200)
        before = memory(endpoint)
        with dial(endpoint) as silent:
            silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            silent.settimeout(30)
            with pytest.raises(OSError):  # reset, in less than the 30 s of a time-out
                while True:
                    silent.sendall(request * 100)
        assert memory(endpoint) - before < 32 * MEBIBYTE
        assert ask(endpoint, "POST", "/appmonitors")[0] == 200


def test_what_unpacks_to_too_much_is_refused(caller: Caller) -> None:
    bomb = gzip.compress(bytes(50 * MEBIBYTE))
    assert len(bomb) < MEBIBYTE
    assert caller.put(caller.monitor(), bomb, headers=(("content-encoding", "gzip"),)).status == 413


def test_long_paths_of_strangers_are_not_remembered() -> None:
    path = "/appmonitors/" + "x" * 5000
    before = service_model._find_known_operation.cache_info().currsize
    for number in range(10):
        find_operation("POST", f"{path}{number}")
        canonicalize_path(f"{path}{number}")
    assert service_model._find_known_operation.cache_info().currsize == before


def test_batches_in_memory_leave_when_there_are_too_many_and_stay_counted() -> None:
    caller = Caller(max_memory_bytes=200_000)
    monitor, other = caller.monitor(), caller.monitor("other")
    caller.put(other, batch(1))
    for _ in range(200):
        assert caller.put(monitor, batch(10)).status == 200
    kept = caller.store.read("SELECT count(*), sum(length(body)) FROM batches")[0]
    assert kept[1] <= 200_000
    assert kept[0] < 200
    assert caller.store.kept_bytes == kept[1]
    assert caller.store.count_accepted(None) == (201, 2001, 0)
    assert caller.store.count_accepted(caller.store.find_active(other)) == (1, 1, 0)
    assert len(caller.events()) == 100


def test_a_store_in_a_file_drops_nothing_for_memory(tmp_path: Path) -> None:
    with Endpoint(credentials=(KEYS,), quota=None, max_memory_bytes=1000, store=tmp_path / "rum.sqlite") as endpoint:
        monitor = json.loads(ask(endpoint, "POST", "/appmonitor", {"Name": "shop", "Domain": "localhost"})[1])["Id"]
        for _ in range(5):
            ask(endpoint, "POST", f"/appmonitors/{monitor}", batch(10, at=time.time()))
        assert len(endpoint.events()) == 50


def test_deleted_monitors_are_forgotten_in_the_end(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "DELETED_MONITORS", 3)
    first = caller.monitor()
    caller.put(first, batch(2))
    for number in range(6):
        caller.json("DELETE", "/appmonitor/shop")
        caller.clock.now += 1
        if number < 5:
            caller.monitor()
    assert len(caller.store.list_all_monitors()) == 3
    assert caller.store.find_ever(first) is None
    assert caller.store.read("SELECT count(*) FROM batches") == [(0,)]
    assert caller.monitor()


def test_a_monitor_deleted_before_the_retention_is_forgotten_at_the_next_start(caller: Caller) -> None:
    caller.monitor()
    caller.json("DELETE", "/appmonitor/shop")
    store.expire(caller.store, caller.clock.now + 10, caller.settings.retention)
    assert len(caller.store.list_all_monitors()) == 1
    store.expire(caller.store, caller.clock.now + 31 * 86_400, caller.settings.retention)
    assert caller.store.list_all_monitors() == []


def test_a_monitor_has_a_bounded_number_of_destinations(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "DESTINATIONS_PER_MONITOR", 2)
    caller.monitor()
    role = "arn:aws:iam::123456789012:role/rum"

    def put(number: int, status: int) -> None:
        arn = f"arn:aws:evidently:us-east-1:123456789012:project/shop/experiment/{number}"
        body = {"Destination": "Evidently", "DestinationArn": arn, "IamRoleArn": role}
        caller.json("POST", "/rummetrics/shop/metricsdestination", body, status)

    put(1, 200)
    put(2, 200)
    put(3, 409)
    put(2, 200)


def test_calls_that_are_remembered_hold_little_of_what_a_client_names(callers: Callable[..., Caller]) -> None:
    caller = callers(quota=1.0, burst=1.0)
    caller.put("first", batch())
    for status, name in ((429, "x" * 50_000), (400, "y" * 50_000)):
        caller.put(name, batch(), headers=(("x-more", "z" * 10_000),))
        call = caller.endpoint.calls.calls[-1]
        assert call.status == status
        assert max(len(call.target), len(call.monitor)) <= 200
        caller.clock.now += 5


def test_errors_are_counted_for_a_bounded_number_of_monitors(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_settings, "MOST_COUNTED", 5)
    state = caller.endpoint.state
    for number in range(100):
        state.count_error(f"monitor {number}", 400)
        state.count_error("steady", 400)
    assert state.read_counts(None).refused == 200
    assert state.read_counts("steady").refused == 100
    assert sum(state.read_counts(f"monitor {number}").refused for number in range(100)) == 3


def test_a_check_gives_up_after_many_problems() -> None:
    given = {"Id": "x", "RumEvents": [{}] * 100_000}
    problems = load_service_model().operations["PutRumEvents"].find_problems(given)
    assert MOST_PROBLEMS < len(problems) < MOST_PROBLEMS + 50


DEEP = "[" * 5000 + "]" * 5000
LONG = "9" * 5000


@pytest.mark.parametrize(
    "value", [DEEP, LONG, f"-{LONG}", f"1.{LONG}", f"1e{LONG}", f'"{"x" * 100_000}"', '{"a":' * 5000]
)
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/appmonitor", '{"Name":"new","Domain":%s}'),
        ("POST", "/appmonitor", '{"Name":"new","Domain":"localhost","Unknown":%s}'),
        ("PATCH", "/appmonitor/shop", '{"AppMonitorConfiguration":{"SessionSampleRate":%s}}'),
        ("POST", "/appmonitor/shop/data", '{"TimeRange":{"After":%s}}'),
        ("POST", "/appmonitor/shop/data", '{"TimeRange":{"After":0},"MaxResults":%s}'),
        ("PUT", "/_loadgen/settings", '{"quota":%s}'),
        ("PUT", "/appmonitor/shop/policy", '{"PolicyDocument":%s}'),
    ],
)
def test_deep_and_long_values_are_answered_in_one_line(
    caller: Caller, method: str, path: str, body: str, value: str
) -> None:
    caller.monitor()
    response = caller.send(method, path, (body % value).encode())
    assert response.status in (200, 400)
    assert len(response.body) < 3000


@pytest.mark.parametrize("value", [DEEP, LONG, f"1e{LONG}"])
@pytest.mark.parametrize("member", ["details", "metadata", "timestamp", "unknown"])
def test_deep_and_long_values_in_a_batch_are_kept_or_refused(caller: Caller, member: str, value: str) -> None:
    monitor = caller.monitor()
    text: Any = f'{{"a":{value}}}'
    body = json.dumps(batch(RumEvents=[event(**{member: text if member in ("details", "metadata") else "@"})]))
    response = caller.put(monitor, body.replace('"@"', value).encode())
    assert response.status in (200, 400)
    assert len(response.body) < 3000
    seen = caller.json("POST", "/appmonitor/shop/data", {"TimeRange": {"After": 0}})["Events"]
    assert len(seen) <= 1
