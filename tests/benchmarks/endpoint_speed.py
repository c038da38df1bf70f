"""How fast is the local endpoint: `python -m tests.benchmarks.endpoint_speed`.

Two servers in the same run, each alone on one core, answer the same small client on the other core: ours takes signed
PutRumEvents requests with 10 events, verifies, checks and keeps them in an SQLite file; moto's takes its nearest thing,
logs.put_log_events with 10 events, verifies nothing and keeps them in memory. Requests are made before the clock runs.
Writes results/benchmarks/endpoint.json and endpoint.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import selectors
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from loadgen.endpoint import Endpoint, EndpointSettings
from loadgen.model import Request
from loadgen.wire.sigv4 import Credentials, Signer

KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
CONNECTIONS = 16
VARIANTS = 512
EVENTS = 10


class Connection:
    """A keep-alive connection with one request in flight."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self.socket = self._opened()
        self.received = b""

    def _opened(self) -> socket.socket:
        opened = socket.create_connection(self.address)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return opened

    def answered(self) -> int | None:
        """The status once a whole answer is there."""
        data = self.socket.recv(65536)
        self.received += data
        head, found, body = self.received.partition(b"\r\n\r\n")
        if not found:
            if not data:
                raise ConnectionError("closed without an answer")
            return None
        lower = head.lower()
        length = int(lower.partition(b"content-length:")[2].split(b"\r\n")[0])
        if len(body) < length:
            return None
        self.received = b""
        if b"connection: close" in lower:
            self.socket.close()
            self.socket = self._opened()
        return int(head.split(b" ", 2)[1])


def drive(url: str, requests: Sequence[bytes], seconds: float) -> tuple[int, float]:
    """Send requests over and over on CONNECTIONS connections; answers with 200, and seconds taken."""
    address = (urlsplit(url).hostname or "", urlsplit(url).port or 80)
    selector = selectors.DefaultSelector()
    sent = done = 0
    began = time.perf_counter()
    for _ in range(CONNECTIONS):
        connection = Connection(address)
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        connection.socket.sendall(requests[sent % len(requests)])
        sent += 1
    while (now := time.perf_counter()) < began + seconds:
        for key, _ in selector.select(1.0):
            connection, watched = key.data, key.data.socket
            status = connection.answered()
            if status is None:
                continue
            if status != 200:
                raise RuntimeError(f"{url} answered {status}")
            done += 1
            if connection.socket is not watched:
                selector.unregister(watched)
                selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.socket.sendall(requests[sent % len(requests)])
            sent += 1
    for key in list(selector.get_map().values()):
        key.data.socket.close()
    return done, now - began


def raw(request: Request) -> bytes:
    """A request as bytes."""
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers)
    line = f"{request.method} {request.target} HTTP/1.1\r\n{head}content-length: {len(request.body)}\r\n\r\n"
    return line.encode() + request.body


def put_rum_events(url: str, monitor_id: str) -> list[bytes]:
    """Signed batches of 10 events of about 500 bytes each, as the web client's SDK dialect sends them."""
    signer = Signer(KEYS, "us-east-1")
    headers = (("host", urlsplit(url).netloc), ("content-type", "application/json"))
    signed = []
    for _ in range(VARIANTS):
        body = json.dumps(_batch(monitor_id), separators=(",", ":")).encode()
        signed.append(raw(signer.sign(Request("POST", f"/appmonitors/{monitor_id}", headers, body), time.time())))
    return signed


def _batch(monitor_id: str) -> dict[str, Any]:
    session = {"browserLanguage": "en-US", "browserName": "Chrome", "browserVersion": "149", "osName": "Windows"}
    session |= {"deviceType": "desktop", "platformType": "web", "domain": "localhost", "version": "1.0.0"}
    return {
        "BatchId": str(uuid.uuid4()),
        "AppMonitorDetails": {"id": monitor_id, "version": "1.0.0"},
        "UserDetails": {"userId": str(uuid.uuid4()), "sessionId": str(uuid.uuid4())},
        "RumEvents": [_event(number) for number in range(EVENTS)],
        "SessionMetadata": json.dumps(session),
    }


def _event(number: int) -> dict[str, Any]:
    target = f"https://shop.example.com/assets/images/products/{uuid.uuid4()}.png"
    details = {"version": "1.0.0", "initiatorType": "img", "startTime": 83.2 + number, "duration": 93.8}
    details |= {"fileType": "image", "transferSize": 714 + number, "targetUrl": target}
    return {
        "id": str(uuid.uuid4()),
        "timestamp": int(time.time()),
        "type": "com.amazon.rum.performance_resource_event",
        "metadata": json.dumps({"title": "Shop - product", "pageId": "/product/17", "interaction": 2}),
        "details": json.dumps(details),
    }


def put_log_events(url: str) -> list[bytes]:
    """The same number of log events with messages of the same size, as boto3 writes them."""
    message = json.dumps(_event(0))
    now = int(time.time() * 1000)
    body = json.dumps(
        {
            "logGroupName": "group",
            "logStreamName": "stream",
            "logEvents": [{"timestamp": now, "message": message} for _ in range(EVENTS)],
        }
    ).encode()
    headers = (
        ("host", urlsplit(url).netloc),
        ("content-type", "application/x-amz-json-1.1"),
        ("x-amz-target", "Logs_20140328.PutLogEvents"),
    )
    signer = Signer(KEYS, "us-east-1", service="logs")
    return [raw(signer.sign(Request("POST", "/", headers, body), time.time()))]


def client(service: str, url: str) -> Any:
    """A boto3 client for the set-up."""
    return boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id=KEYS.access_key_id,
        aws_secret_access_key=KEYS.secret_access_key,
        config=Config(inject_host_prefix=False),
    )


def cpu_seconds(pid: int) -> float:
    """CPU time of a process so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measured(url: str, pid: int, requests: Sequence[bytes], seconds: float) -> dict[str, float]:
    """Rates of one server, after a short warm-up."""
    drive(url, requests, min(1.0, seconds))
    before = cpu_seconds(pid)
    done, took = drive(url, requests, seconds)
    cpu = cpu_seconds(pid) - before
    return {
        "requests_per_second": round(done / took, 1),
        "events_per_second": round(done * EVENTS / took, 1),
        "cpu_us_per_request": round(cpu / done * 1e6, 1),
        "cores": round(cpu / took, 2),
    }


def pin(pid: int, cores: set[int]) -> None:
    """Server and client on cores of their own, where there are two."""
    if hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(pid, cores)


def ours(seconds: float, core: int) -> dict[str, float]:
    """Our endpoint with an SQLite file."""
    settings = EndpointSettings(credentials=(KEYS,), quota=None)
    with tempfile.TemporaryDirectory() as folder, Endpoint(settings, Path(folder) / "rum.sqlite") as endpoint:
        pin(endpoint.process.pid, {core})
        monitor_id = client("rum", endpoint.url).create_app_monitor(Name="shop", Domain="localhost")["Id"]
        return measured(endpoint.url, endpoint.process.pid, put_rum_events(endpoint.url, monitor_id), seconds)


@contextmanager
def moto() -> Iterator[tuple[str, int]]:
    """moto's server on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        logs = client("logs", url)
        deadline = time.monotonic() + 60
        while True:
            try:
                logs.create_log_group(logGroupName="group")
                break
            except Exception:  # not listening yet
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
        logs.create_log_stream(logGroupName="group", logStreamName="stream")
        yield url, process.pid
    finally:
        process.terminate()
        process.wait()


def theirs(seconds: float, core: int) -> dict[str, float]:
    """moto's server."""
    with moto() as (url, pid):
        pin(pid, {core})
        return measured(url, pid, put_log_events(url), seconds)


def machine() -> dict[str, str]:
    """Where it was measured."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    return {
        "cpu": f"{cpu}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "moto": version("moto"),
        "utc": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def report(figures: dict[str, Any]) -> str:
    """A table."""
    rows = "\n".join(
        f"| {name} | {row['requests_per_second']:,.0f} | {row['events_per_second']:,.0f} "
        f"| {row['cpu_us_per_request']:,.0f} |"
        for name, row in figures["servers"].items()
    )
    where = figures["machine"]
    return (
        "# Speed of the local endpoint\n\n"
        f"{EVENTS} events a request, {CONNECTIONS} connections, each server alone on one core, in the same run; "
        f"{where['cpu']}, Python {where['python']}, moto {where['moto']}, {where['utc']}.\n\n"
        "| server | requests/s | events/s | CPU µs a request |\n|---|---|---|---|\n"
        f"{rows}\n\n"
        f"loadgen verifies signatures, checks every member and commits to SQLite; it is "
        f"{figures['times_faster']} times faster than moto, "
        f"with {figures['times_less_cpu']} times less CPU a request.\n"
    )


def main() -> None:
    """Measure both and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each server is measured")
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks"), help="folder for the figures")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    pin(0, {cores[0]})
    servers = {
        "loadgen, PutRumEvents": ours(options.seconds, cores[-1]),
        "moto, logs.put_log_events": theirs(options.seconds, cores[-1]),
    }
    first, second = servers.values()
    figures = {
        "servers": servers,
        "times_faster": round(first["requests_per_second"] / second["requests_per_second"], 1),
        "times_less_cpu": round(second["cpu_us_per_request"] / first["cpu_us_per_request"], 1),
        "machine": machine(),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "endpoint.json").write_text(json.dumps(figures, indent=2) + "\n")
    (options.out / "endpoint.md").write_text(report(figures))
    print(report(figures))


if __name__ == "__main__":
    main()
