"""What the processes that we start take of the caller's: no Python files in the working folder, no encoding."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from loadgen.endpoint import Endpoint
from loadgen.jobs.run.locust_process import make_command, make_environment
from tests.paths import ROOT

SCRIPT = """
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import loadgen.cli
import loadgen.__main__ as program

def run_command():
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:  # as `generate --workers` does
        print(pool.submit(abs, -7).result())

if __name__ == "__main__":
    loadgen.cli.main = run_command
    program.main()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with files that end whoever imports them."""
    here = tmp_path / "here"
    here.mkdir()
    for name in ("random", "json", "socket", "numpy", "locust", "loadgen"):
        (here / f"{name}.py").write_text("raise SystemExit('the wrong file')")
    monkeypatch.chdir(here)
    return here


def execute(*command: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True, timeout=60)


def test_the_local_endpoint_starts(folder: Path) -> None:
    with Endpoint() as endpoint:
        assert endpoint.is_alive()


def test_the_process_that_sends_starts(folder: Path) -> None:
    done = execute(*make_command("--version"))
    assert (done.returncode, done.stdout[:7]) == (0, "locust "), done.stderr


def test_the_local_endpoint_reads_its_arguments_whatever_the_encoding_of_the_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "utf-16")
    with Endpoint() as endpoint:
        assert endpoint.is_alive()


def test_the_log_of_the_process_that_sends_is_utf_8(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "utf-16")
    assert make_environment(None)["PYTHONIOENCODING"] == "utf-8"


def test_workers_of_a_command_start(folder: Path) -> None:
    script = folder.parent / "script.py"
    script.write_text(SCRIPT)
    done = execute(sys.executable, script)
    assert (done.returncode, done.stdout) == (0, "7\n"), done.stderr
