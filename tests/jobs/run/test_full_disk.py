"""A disk that is full, or memory that is spent: what was measured is told and kept, and nothing half-written stays."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import loadgen
from loadgen.errors import OUT_OF_MEMORY
from loadgen.jobs.run import Run, locust_process
from tests.jobs.run.test_end_to_end import assert_accounted, clean_environment
from tests.paths import QUICKSTART

UUID = "11111111-1111-4111-8111-111111111111"

FILLED = """
import os
from errno import ENOSPC
from locust import main  # first: it patches the process
from loadgen.results import run_folder, table
from loadgen.swarm import conductor, rate_probe
from loadgen.swarm.__main__ import main

def full_after(owner, name, calls):
    whole, left = getattr(owner, name), [calls]
    def write(*arguments):
        left[0] -= 1
        if left[0] < 0:
            raise {error}
        return whole(*arguments)
    setattr(owner, name, write)

full_after({place})
main()
"""


DISK_FULL = "OSError(ENOSPC, os.strerror(ENOSPC))"


def fill_disk(monkeypatch: pytest.MonkeyPatch, place: str, error: str = DISK_FULL) -> None:
    """From so many calls on, this function of the Locust process finds the disk full, or another error."""
    script = FILLED.replace("{place}", place).replace("{error}", error)
    monkeypatch.setattr(locust_process, "make_command", lambda *given: [sys.executable, "-c", script, *given])


MOMENTS = {
    "the first records": 'conductor.Recording, "keep", 0',
    "the timeline": 'conductor.Recording, "settle", 3',
    "the table of records": 'conductor, "write_table", 0',
    "the summary": 'run_folder.RunFolder, "write_summary", 0',
}


@pytest.mark.locust
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_disk_that_fills_loses_nothing_that_was_measured(
    moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_disk(monkeypatch, MOMENTS[moment])
    run = loadgen.run(QUICKSTART, rate=4, duration=10, pace="10x", seed=1, out=tmp_path / "run")
    requests = run.summary.requests
    assert requests.sent == requests.accepted + requests.throttled + requests.failed
    assert run.summary.ledger.agrees is True
    assert [file.name for file in run.folder.iterdir() if file.name.endswith(".part")] == []
    assert Run.load(run.folder).summary.requests == requests
    broken = "the run's folder could not be written: No space left on device" in run.summary.reasons
    assert broken == (moment != "the summary")  # which the process that started it could write
    if broken:
        assert (run.summary.verdict, run.exit_code) == ("invalid", 3)
        assert not any("due batches were sent" in reason for reason in run.summary.reasons)  # it was ended
    else:
        assert requests.sent > 0


@pytest.mark.locust
@pytest.mark.parametrize(
    "error", ["MemoryError()", 'ImportError("libarrow.so.2600: failed to map segment from shared object")']
)
def test_a_table_that_finds_no_memory_loses_nothing_that_was_measured(
    error: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run was cut off before its summary, and sessions were named that had been run."""
    fill_disk(monkeypatch, 'table, "build_schema", 0', error)
    run = loadgen.run(QUICKSTART, rate=4, duration=10, pace="10x", seed=1, out=tmp_path / "run")
    assert run.summary.requests.sent == run.summary.requests.accepted > 0
    assert run.summary.ledger.agrees is True
    assert (run.summary.verdict, run.exit_code) == ("invalid", 3)
    assert run.summary.reasons[0] == f"the run's folder could not be written: requests.parquet: {OUT_OF_MEMORY}"
    assert Run.load(run.folder).summary.requests == run.summary.requests


@pytest.mark.locust
def test_workers_without_room_for_their_records_say_so_to_their_master(tmp_path: Path) -> None:
    """The system's limit of a file's size stands for a full disk: a worker claims room before it sends."""
    command = [sys.executable, "-m", "loadgen", "run", str(QUICKSTART), "--processes", "2", "--duration", "3s"]
    done = subprocess.run(
        [*command, "--json", "--out", "run"],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20)),
    )
    assert done.returncode == 3, done.stderr
    summary = json.loads(done.stdout)
    for worker in (0, 1):
        said = f"worker {worker} of 2 could not start: "
        [reason] = [reason for reason in summary["reasons"] if reason.startswith(said)]
        no_room = (
            f"requests-{worker}.bin: no room for the run's records: File too large; give --out a folder on another disk"
        )
        assert reason.endswith(no_room)
    assert_accounted(summary)
    assert (tmp_path / "run" / "summary.json").is_file()


@pytest.mark.locust
def test_a_search_on_a_disk_that_fills_tells_what_it_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_disk(monkeypatch, 'rate_probe.RateProbe, "_write_step", 2')
    found = loadgen.find_limit(QUICKSTART, hold=1, quota=None, start=8, max_rate=200, seed=1, out=tmp_path / "run")
    assert len(found.limit.steps) == 2
    assert (found.limit.rate, found.limit.confirmed, found.limit.interrupted) == (16, False, False)
    assert "No space left on device" in found.limit.broken_off
    summary = json.loads((found.folder / "summary.json").read_text())
    assert (summary["verdict"], summary["ledger"]["agrees"]) == ("invalid", True)


@pytest.mark.locust
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux alone has a device that is always full")
def test_a_run_whose_output_goes_to_a_full_disk_comes_to_its_end(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "loadgen", "run", str(QUICKSTART), "--duration", "12s", "--pace", "4x"]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*command, "--out", "run", "--junit", "junit.xml"],
            cwd=tmp_path,
            env=clean_environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
        )
    said = ["results   run", "loadgen: standard output cannot be written (no space left on device)"]
    assert (done.returncode, done.stderr.splitlines()) == (2, said)
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["requests"]["sent"] > 0
    assert summary["ledger"]["agrees"] is True
    assert (tmp_path / "run" / "report.html").is_file()
    assert (tmp_path / "junit.xml").is_file()


@pytest.fixture
def without_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("without_credentials")
def test_a_run_that_is_refused_before_anything_is_sent_leaves_no_folder(tmp_path: Path) -> None:
    """The id of an app monitor is not looked up: nothing asks for credentials before the requests are signed."""
    with pytest.raises(loadgen.LoadgenError, match="no AWS credentials"):
        loadgen.run(QUICKSTART, target="aws", region="us-east-1", monitor=UUID, confirm=lambda _: True)
    assert list(tmp_path.iterdir()) == []


def test_a_listener_that_fails_at_the_first_word_leaves_no_folder(tmp_path: Path) -> None:
    def leave(_: object) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        loadgen.run(QUICKSTART, duration=3, out=tmp_path / "new" / "run", on_progress=leave)
    assert list(tmp_path.iterdir()) == []
