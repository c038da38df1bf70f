"""How fast is the generator: `python -m tests.benchmarks.generator` (`make bench`).

Six contestants in one run, each alone on one core, send to the same nginx on the other, which reads a request and
answers 200: (a) Locust with boto3, (b) Locust's FastHttpUser, (c) loadgen with fresh, signed, gzipped storefront
sessions, (d) loadgen's signing and sending with a ready-made body, (e) bare sockets, (f) wrk. Then the parts of (c) on
their own. Writes results/benchmarks/generator.json and generator.md.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import psutil

from tests.benchmarks.machine import described
from tests.benchmarks.parts import Parts, parts
from tests.benchmarks.ready import EVENTS, MONITOR_ID, STOREFRONT, ready_body
from tests.paths import ROOT

CONTESTANTS = Path(__file__).parent / "contestants"
LOCUSTFILE = ROOT / "loadgen" / "swarm" / "locustfile.py"
KEY = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
GENERATOR_CORE, SINK_CORE = "0", "1"

NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log stderr crit;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 1000000000; client_body_buffer_size 256k; client_max_body_size 4m;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 200; }} }}
}}
"""

WRK = """
wrk.method = "POST"; wrk.headers["content-type"] = "application/json"; wrk.body = [==[{body}]==]
"""


class Rate(msgspec.Struct):
    """One contestant: what it reached in a second of its core's time."""

    name: str
    requests: float
    events: float
    body_bytes: float  # before gzip
    busy: float = 1.0  # share of the core that it took; its rates by the clock are so many times as high


@contextmanager
def sink(port: int) -> Iterator[str]:
    """nginx on its own core."""
    with tempfile.TemporaryDirectory(prefix="loadgen-bench-") as folder:
        conf = Path(folder) / "nginx.conf"
        conf.write_text(NGINX.format(folder=folder, port=port))
        running = subprocess.Popen(["taskset", "-c", SINK_CORE, "nginx", "-c", str(conf), "-e", "stderr"])
        try:
            wait_for(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            running.terminate()
            running.wait(10)


def wait_for(port: int) -> None:
    """Wait until somebody listens."""
    import socket

    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on port {port}")


def pinned(*command: str, **options: Any) -> subprocess.Popen[str]:
    """A contestant on the generator's core."""
    environment = os.environ | KEY | {"PYTHONPATH": str(ROOT)} | options.pop("env", {})
    return subprocess.Popen(
        ["taskset", "-c", GENERATOR_CORE, *command], text=True, env=environment, stderr=subprocess.DEVNULL, **options
    )


class Watch:
    """How busy a process is while it sends: its processor time, looked at until it ends."""

    def __init__(self, process: subprocess.Popen[str], seconds: float) -> None:
        self._seconds = seconds
        self._seen: list[tuple[float, float]] = []  # clock and processor time
        self._thread = threading.Thread(target=self._look, args=(psutil.Process(process.pid),))
        self._thread.start()

    def _look(self, process: psutil.Process) -> None:
        try:
            while process.status() != psutil.STATUS_ZOMBIE:
                times = process.cpu_times()
                self._seen.append((time.monotonic(), times.user + times.system))
                time.sleep(0.1)
        except psutil.NoSuchProcess:
            return

    def per_second_of_cpu(self, rate: Rate) -> Rate:
        """The rate by the clock as one by processor time, by the middle half of the time of sending."""
        self._thread.join()
        end = self._seen[-1][0]
        inside = [each for each in self._seen if 0.25 * self._seconds < end - each[0] < 0.75 * self._seconds]
        (began, before), (ended, after) = inside[0], inside[-1]
        busy = min((after - before) / (ended - began), 1.0)
        return Rate(rate.name, rate.requests / busy, rate.events / busy, rate.body_bytes / busy, busy)


def locust_rate(name: str, file: str, url: str, seconds: float, users: int) -> Rate:
    """Locust on a file of ours; its own count of requests."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "locust", "--headless", "-f", str(CONTESTANTS / file), "--host", url]
        command += ["-u", str(users), "-r", str(users), "-t", f"{seconds:g}s", "--only-summary", "--csv", f"{folder}/c"]
        running = pinned(*command, stdout=subprocess.DEVNULL, env={"SINK": url})
        watch = Watch(running, seconds)
        running.wait(seconds + 60)
        rows = {row["Name"]: row for row in csv.DictReader((Path(folder) / "c_stats.csv").open())}
    if int(rows["Aggregated"]["Failure Count"]):
        raise RuntimeError(f"{name}: {rows['Aggregated']['Failure Count']} requests failed")
    return watch.per_second_of_cpu(ready_rate(name, float(rows["Aggregated"]["Requests/s"])))


def ready_rate(name: str, requests: float) -> Rate:
    """The rate of a contestant whose every request is the ready-made one."""
    return Rate(name, requests, requests * EVENTS, requests * len(ready_body()))


def loadgen_rate(name: str, url: str, seconds: float, processes: int = 1) -> Rate:
    """loadgen at full speed; the storefront's batches have about 9 events."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "locust", "--headless", "--only-summary", "-f", str(LOCUSTFILE)]
        command += ["-u", str(50 * processes), "-r", str(50 * processes), "--host", url, "--scenario", str(STOREFRONT)]
        command += ["--monitor-id", MONITOR_ID, "--pace", "max", "--seed", "1", "--out", f"{folder}/run"]
        command += ["--duration", "3600"]
        command += [f"--processes={processes}"] if processes > 1 else []
        start = pinned if processes == 1 else free
        running = start(*command, stdout=subprocess.DEVNULL)
        watch = Watch(running, seconds)
        while not (Path(folder) / "run" / "timeline.csv").exists():
            time.sleep(0.05)
        time.sleep(seconds)
        running.send_signal(signal.SIGINT)
        running.wait(60)
        summary = json.loads((Path(folder) / "run" / "summary.json").read_text())
    if summary["requests"]["accepted"] != summary["requests"]["sent"]:
        raise RuntimeError(f"{name}: {summary['errors']}")
    rates = summary["rates"]
    found = Rate(
        name, rates["requests"], rates["events"], summary["outcomes"]["sent"]["raw_bytes"] / summary["seconds"]
    )
    return watch.per_second_of_cpu(found) if processes == 1 else found


class Two(msgspec.Struct):
    """Two processes beside one."""

    times: float  # one's rate by the clock
    cores: float  # what the sink left them of the machine's two


def two_processes(url: str, seconds: float) -> tuple[float, float]:
    """Requests a second of two processes, and the cores that the sink left them meanwhile."""
    before, began = sink_time(), time.monotonic()
    rate = loadgen_rate("two processes", url, seconds, 2).requests
    # the sink's work was done in the time of sending, which is shorter than that of starting and ending too
    return rate, 2 - (sink_time() - before) / min(seconds, time.monotonic() - began)


def sink_time() -> float:
    """The processor time that nginx has taken."""
    times = [each.cpu_times() for each in psutil.process_iter(["name"]) if each.info["name"] == "nginx"]
    return float(sum(each.user + each.system for each in times))


def free(*command: str, **options: Any) -> subprocess.Popen[str]:
    """A contestant on all cores."""
    return subprocess.Popen(command, text=True, env=os.environ | KEY, stderr=subprocess.DEVNULL, **options)


def ready_made_rate(name: str, url: str, seconds: float, *flags: str) -> Rate:
    """Our sender, or bare sockets."""
    command = (sys.executable, "-m", "tests.benchmarks.contestants.ready_made", url, f"{seconds:g}", *flags)
    running = pinned(*command, stdout=subprocess.PIPE)
    watch = Watch(running, seconds)
    said, _ = running.communicate(timeout=seconds + 60)
    return watch.per_second_of_cpu(ready_rate(name, int(said) / seconds))


def wrk_rate(name: str, url: str, seconds: float) -> Rate:
    """wrk with the ready-made body."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(WRK.format(body=ready_body().decode()))
        script.flush()
        command = ("wrk", "-t1", "-c50", f"-d{seconds:g}s", "-s", script.name, f"{url}/appmonitors/{MONITOR_ID}")
        running = pinned(*command, stdout=subprocess.PIPE)
        watch = Watch(running, seconds)
        said, _ = running.communicate(timeout=seconds + 60)
    [line] = [line for line in said.splitlines() if line.startswith("Requests/sec")]
    return watch.per_second_of_cpu(ready_rate(name, float(line.split()[1])))


def contest(url: str, seconds: float, rounds: int) -> list[Rate]:
    """All contestants, one after the other, round after round; of each its median round.

    On a machine that others share a single round can be wrong by a tenth.
    """
    found = zip(*(one_round(url, seconds) for _ in range(rounds)), strict=True)
    return [sorted(rates, key=lambda rate: rate.requests)[rounds // 2] for rates in found]


def one_round(url: str, seconds: float) -> list[Rate]:
    """Each contestant once."""
    contestants: list[Callable[[], Rate]] = [
        lambda: locust_rate("(a) Locust + boto3, ready-made", "boto3_user.py", url, seconds, 20),
        lambda: locust_rate("(b) Locust FastHttpUser, ready-made, unsigned", "fast_http_user.py", url, seconds, 50),
        lambda: loadgen_rate("(c) loadgen, fresh storefront, signed, gzip", url, seconds),
        lambda: ready_made_rate("(d) loadgen's sender, ready-made, signed", url, seconds),
        lambda: ready_made_rate("(e) bare sockets, ready-made", url, seconds, "--bare"),
        lambda: wrk_rate("(f) wrk, ready-made", url, seconds),
    ]
    return [contestant() for contestant in contestants]


def text(rates: list[Rate], measured: Parts, two: Two) -> str:
    """The table for people."""
    first, second, ours = rates[0].requests, rates[1].requests, rates[2].requests
    rows = [
        f"| {rate.name} | {rate.requests:,.0f} | {rate.events:,.0f} | {rate.body_bytes / 1e6:,.1f} | {rate.busy:.0%} |"
        for rate in rates
    ]
    return "\n".join(
        [
            "# Speed of the generator",
            "",
            "In a second of processor time; each contestant alone on one core, nginx on the other, the median of its "
            f"rounds; {described()}.",
            "",
            "| contestant | requests | events | body MB | busy |",
            "|---|---|---|---|---|",
            *rows,
            "",
            f"(c) is {ours / first:.1f} times (a) and {ours / second:.2f} times (b).",
            f"Two processes reach {two.times:.2f} times one, on {two.cores:.2f} cores: nginx takes the rest of two.",
            "",
            "## Where a request's time goes",
            "",
            *measured.table(rates[4].requests, ours),
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--port", type=int, default=18080)
    options = parser.parse_args()
    with sink(options.port) as url:
        rates = contest(url, options.seconds, options.rounds)
        twos = sorted(two_processes(url, options.seconds) for _ in range(options.rounds))
    reached, left = twos[options.rounds // 2]
    two = Two(reached / (rates[2].requests * rates[2].busy), left)
    measured = parts()
    folder = ROOT / "results" / "benchmarks"
    report = {"machine": described(), "rates": rates, "two_processes": two, "parts": measured}
    (folder / "generator.json").write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    (folder / "generator.md").write_text(text(rates, measured, two))
    print(text(rates, measured, two))


if __name__ == "__main__":
    main()
