"""A worker says that it waits for its master, and when it has waited long enough."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

import loadgen
from loadgen.errors import LoadgenError
from loadgen.jobs.progress import Told, WorkProgress
from loadgen.jobs.run import locust_process
from loadgen.jobs.run.locust_process import explain_few_workers, translate_line
from loadgen.jobs.run.preflight import find_free_port, warn_of_strangers
from loadgen.jobs.run.worker_process import wait_for_master
from loadgen.results import CLUSTER_SECRET, RunSpec, make_run_options
from tests.jobs.run.test_end_to_end import KEY, clean_environment
from tests.paths import QUICKSTART

OURS = {CLUSTER_SECRET: "ours"}


def test_a_master_that_is_there_is_not_waited_for() -> None:
    told: list[Told] = []
    with socket.create_server(("127.0.0.1", 0)) as master:
        port = master.getsockname()[1]
        wait_for_master("127.0.0.1", port, told.append)
    assert [str(each).partition(";")[0] for each in told] == [f"found 127.0.0.1:{port}"]


def test_a_master_that_never_comes_is_told_once_and_then_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadgen.jobs.run.worker_process.LOOK_SECONDS", 0.01)
    told: list[Told] = []
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(LoadgenError, match=rf"no master on 127\.0\.0\.1:{port} within 0 s \(Connection refused\)"):
        wait_for_master("127.0.0.1", port, told.append, patience=0.05)
    waits = [each.what for each in told if isinstance(each, WorkProgress)]
    assert [what.partition(",")[0] for what in waits] == [f"waiting for 127.0.0.1:{port}"]
    assert "start `loadgen run --master` there; a master whose run is over takes no more workers" in waits[0]
    assert len(told) == 1


@pytest.mark.parametrize(
    ("host", "warned"),
    [("127.0.0.1", False), ("127.0.0.2", False), ("::1", False), ("0.0.0.0", True), ("::", True), ("10.0.0.1", True)],
)
def test_a_master_that_others_reach_says_what_its_port_gives_to_them(
    host: str, warned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(CLUSTER_SECRET, raising=False)
    told: list[str] = []
    options = make_run_options(master=True, bind_host=host, target="http://127.0.0.1:9")
    warn_of_strangers(RunSpec.resolve(options, str(QUICKSTART), QUICKSTART.read_text()), told.append)
    assert ["can learn the scenario" in line for line in told] == [True] * warned


def test_the_processes_of_locust_have_defaults_and_what_somebody_has_set_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.environ", {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "HOME": "/root"})
    made = locust_process.make_environment(None)
    assert (made["OTEL_EXPORTER_OTLP_PROTOCOL"], made["HOME"]) == ("grpc", "/root")
    assert (made["OTEL_TRACES_EXPORTER"], made["OPENBLAS_NUM_THREADS"]) == ("none", "1")


def start(name: str, *arguments: object, **environment: str) -> subprocess.Popen[str]:
    """A loadgen command that signs with the endpoint's key."""
    keys = {"AWS_ACCESS_KEY_ID": KEY.access_key_id, "AWS_SECRET_ACCESS_KEY": KEY.secret_access_key}
    return subprocess.Popen(
        [sys.executable, "-m", "loadgen", name, *map(str, arguments)],
        env=clean_environment() | keys | {"AWS_DEFAULT_REGION": "us-east-1"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def read_until(process: subprocess.Popen[str], wanted: str) -> str:
    """What a process prints up to a line with this text."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if wanted in line:
            return said
    raise AssertionError(said)


@pytest.mark.locust
def test_a_worker_without_the_secret_hears_why_and_one_with_it_runs(tmp_path: Path) -> None:
    with loadgen.Endpoint(quota=None, credentials=(KEY,)) as endpoint:
        endpoint.client().create_app_monitor(Name="loadgen", Domain="shop.example.com")
        port = find_free_port()
        bound = ("--master", "--bind-host", "0.0.0.0", "--bind-port", port, "--seed", 1)
        short = ("--duration", "12s", "--pace", "4x", "--out", tmp_path / "run")
        master = start("run", QUICKSTART, "--target", endpoint.url, *short, *bound, **OURS)
        said = read_until(master, "waiting for workers: 0 of 1 connected")
        assert "can read the messages of master and workers, but cannot send any without" in said

        stranger = start("worker", "--master-host", "127.0.0.1", "--master-port", port)
        read_until(stranger, "LOADGEN_CLUSTER_SECRET must be the same text there and here")
        stranger.terminate()
        assert stranger.wait(30) == 130
        read_until(master, "a frame on the master's port was dropped")

        worker = start("worker", "--master-host", "127.0.0.1", "--master-port", port, **OURS)
        ended, _ = master.communicate(timeout=90)
        worker.communicate(timeout=60)
    assert (master.returncode, worker.returncode) == (0, 0), ended
    assert "PASSED" in ended


DYING = """
import os
from locust import env, main
from loadgen.swarm.__main__ import main
env.Environment.create_worker_runner = lambda *_: {death}
main()
"""


@pytest.mark.locust
@pytest.mark.parametrize(("death", "reason"), [("os.kill(os.getpid(), 9)", ""), ("1 / 0", "; ZeroDivisionError: ")])
def test_a_worker_of_this_machine_that_dies_before_it_connects_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, death: str, reason: str
) -> None:
    """Locust itself would wait a minute for it, and then know no reason. The first death is told, or both."""
    script = DYING.replace("{death}", death)
    monkeypatch.setattr(locust_process, "make_command", lambda *given: [sys.executable, "-c", script, *given])
    with pytest.raises(LoadgenError, match=f"[12] of 2 worker processes died before they had connected{reason}"):
        loadgen.run(QUICKSTART, processes=2, out=tmp_path / "run")


def test_a_master_whose_workers_do_not_come_says_how_many_and_where_to_look() -> None:
    """A worker that dies before it connects has told its master nothing: nobody there can know of it."""
    waiting = "[2026-11-26 02:24:09,100] vm/INFO/root: Waiting for workers to be ready, 1 of 3 connected\n"
    given_up = "[2026-11-26 02:25:04,400] vm/ERROR/locust.main: Gave up waiting for workers to connect\n"
    assert (
        translate_line(waiting) == "waiting for workers: 1 of 3 connected; a worker that cannot connect says why there"
    )
    assert explain_few_workers(waiting) is None
    assert (explain_few_workers(waiting + given_up) or "").startswith("1 of 3 workers connected within 60 s; ")
    assert (explain_few_workers(given_up) or "").startswith(
        "fewer workers than --expect-workers connected within 60 s; "
    )
