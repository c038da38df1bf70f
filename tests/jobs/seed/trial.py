"""A seeding under kill -9, bursts of 500s, dropped answers and restarts of the endpoint, for real.

`python -m tests.seed.trial 0.0015 6000 50` runs it over a week of the storefront, at 0.0015 sessions a second, with the
blows spread over 6,000 requests, under a quota of 50 a second (five minutes); the tests run a small one.
"""

from __future__ import annotations

import json
import os
import random
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from loadgen.endpoint import Endpoint, EndpointSettings, Faults
from loadgen.wire.sigv4 import Credentials
from tests.paths import SCENARIOS

KEY = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
TRIAL_SECONDS = 7200.0  # far more than any trial takes


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def settings(**more: Any) -> EndpointSettings:
    return EndpointSettings(**{"credentials": (KEY,), "quota": None, **more})


def environment() -> dict[str, str]:
    """Ours without what belongs to Locust and AWS, and with the endpoint's key."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "LOCUST_"))}
    return kept | {
        "AWS_ACCESS_KEY_ID": KEY.access_key_id,
        "AWS_SECRET_ACCESS_KEY": KEY.secret_access_key,
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def loadgen(*arguments: object, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "loadgen", *map(str, arguments)],
        cwd=cwd,
        env=environment() | more,
        capture_output=True,
        text=True,
        timeout=TRIAL_SECONDS,
    )


@contextmanager
def begun(*arguments: object, cwd: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The same, running; killed at the end if it still does."""
    with (cwd / "said").open("ab") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "loadgen", *map(str, arguments)],
            cwd=cwd,
            env=environment(),
            stdout=said,
            stderr=said,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def accepted(folder: Path) -> int:
    """Requests that the ledger knows to be accepted, read beside its writer."""
    try:
        with sqlite3.connect(f"file:{folder}/ledger.sqlite?mode=ro", uri=True) as db:
            return int(db.execute("SELECT count(accepted) FROM batches").fetchone()[0])
    except sqlite3.OperationalError:  # not made yet
        return 0


def waited(process: subprocess.Popen[bytes], until: Callable[[], bool]) -> bool:
    """Wait until something holds; False when the process has ended before."""
    end = time.monotonic() + TRIAL_SECONDS
    while time.monotonic() < end:
        if until():
            return True
        try:
            process.wait(0.01)
        except subprocess.TimeoutExpired:
            continue
        return False
    raise AssertionError("it never came about")


def trial(
    folder: Path, command: list[object], requests: int, faults: Faults, quota: float, seed: int
) -> dict[str, Any]:
    """Seed with 5 kills and 2 restarts spread over so many requests, and verify; the verification."""
    source = random.Random(seed)
    port, store, run = free_port(), folder / "store.sqlite", folder / "run"
    target = ["--target", f"http://127.0.0.1:{port}", "--out", run]
    endpoint = Endpoint(settings(quota=quota, faults=faults), store, port=port).start()
    blows = ["kill"] * 5 + ["restart", "crash"]
    source.shuffle(blows)
    moments = sorted(source.sample(range(1, requests * 9 // 10), len(blows)))
    try:
        done = list(zip(moments, blows, strict=True))
        while done:
            with begun("seed", *command, *target, cwd=folder) as process:
                while done:
                    moment, blow = done.pop(0)
                    assert waited(process, partial(came_to, run, moment)), (folder / "said").read_text()
                    if blow == "kill":
                        break
                    endpoint = restarted(endpoint, blow, store, settings(quota=quota, faults=faults), port)
        last = loadgen("seed", *command, *target, cwd=folder)
        assert last.returncode == 0, last.stdout + last.stderr
        verified = loadgen("verify", run, "--json", cwd=folder)
        return {"exit": verified.returncode, "said": last.stderr, **json.loads(verified.stdout)}
    finally:
        endpoint.stop()


def came_to(run: Path, moment: int) -> bool:
    return accepted(run) >= moment


def restarted(endpoint: Endpoint, blow: str, store: Path, wanted: EndpointSettings, port: int) -> Endpoint:
    """The endpoint again, on the same port and store, after a good end or kill -9."""
    if blow == "crash":
        endpoint.process.kill()
        endpoint.process.wait()
    endpoint.stop()
    return Endpoint(wanted, store, port=port).start()


BURSTS = Faults(errors=0.05, drops=0.02, lost_answers=0.03, seed=3)
"""One request in ten goes wrong, in every way there is."""


ARRIVALS = """[arrivals]
rate = {rate}
day = {{ weekend = 1.05 }}
flash_crowds = [{{ at = "4d", times = 6 }}]

"""
INCIDENT = """
[[incidents]]
name = "a release gone wrong"
kind = "error"
at = "5d"
ramp = "10m"
length = "6h"
"""


def storefront(folder: Path, rate: float) -> Path:
    """The shipped storefront with so many sessions a second on average: days, a weekend, a crowd and an incident."""
    text = (SCENARIOS / "storefront.toml").read_text()
    before, _, after = text.partition("[arrivals]")
    file = folder / "storefront.toml"
    file.write_text(before + ARRIVALS.format(rate=rate) + after[after.index("\n[") + 1 :] + INCIDENT)
    return file


def week(rate: float, requests: int, quota: float) -> None:
    """A week of the storefront; `requests` is about how many it takes."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        command: list[object] = [storefront(Path(folder), rate), "--days", 7, "--seed", 5, "--quota", quota]
        found = trial(Path(folder), command, requests, BURSTS, quota, 1)
        print(found.pop("said"), json.dumps(found, indent=2), f"{time.monotonic() - began:.0f} s", sep="\n")


if __name__ == "__main__":
    week(float(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
