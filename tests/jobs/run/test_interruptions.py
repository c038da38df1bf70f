"""What is left when a run is stopped, or one of its processes is killed: true figures, whoever dies."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest

import loadgen
from loadgen import client, traffic
from loadgen.cli import main as run_command
from loadgen.jobs.run import locust_process
from loadgen.results import RunFolder, read_incomplete_sessions, read_records
from tests.jobs.run.test_end_to_end import assert_accounted, clean_environment
from tests.paths import QUICKSTART, ROOT

pytestmark = pytest.mark.locust


def take_signals_again() -> None:
    """In a new process: a signal that whoever started the tests ignores (as nohup does) must reach the run."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


FACTOR = 3
FAST = ("--pace", f"{FACTOR}x", "--rate", "3")
"""A visitor's first request comes after five seconds of the scenario, which nothing here needs to wait for."""

LENGTH = 24.0  # seconds of the scenario: time enough to kill something after the first answers


def running(tmp_path: Path, *options: object) -> subprocess.Popen[str]:
    """A run of the quickstart that has had requests accepted."""
    process = subprocess.Popen(
        [sys.executable, "-m", "loadgen", "run", str(QUICKSTART), *FAST, "--out", "run", *map(str, options)],
        cwd=tmp_path,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=take_signals_again,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if re.search(r"accepted [1-9]", line):
            break
    return process


def ended(process: subprocess.Popen[str], tmp_path: Path) -> tuple[int, dict[str, Any]]:
    """Its exit code and its summary."""
    process.communicate(timeout=90)
    return process.returncode, json.loads((tmp_path / "run" / "summary.json").read_text())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda each: each.name)
def test_a_signal_waits_for_what_is_in_flight_and_says_interrupted(tmp_path: Path, number: signal.Signals) -> None:
    process = running(tmp_path, "--processes", 2)
    process.send_signal(number)
    code, summary = ended(process, tmp_path)
    assert (code, summary["verdict"]) == (130, "interrupted")
    assert_accounted(summary)
    assert summary["ledger"]["agrees"] is True
    assert (
        round(summary["stopped_at"], 3) <= summary["seconds"] < 30 / FACTOR
    )  # rates are those of the time that it lasted


@pytest.mark.parametrize("seconds", [0.6, 1.5, 3.0])
def test_a_signal_before_anything_is_sent_ends_with_130_and_a_word(tmp_path: Path, seconds: float) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "loadgen", "run", str(QUICKSTART), "--out", "run"],
        cwd=tmp_path,
        env=clean_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(seconds)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in said) == (130, False), said


def test_a_signal_in_the_middle_of_code_that_python_makes_ends_with_130(tmp_path: Path) -> None:
    """And so does a second signal while the process ends."""
    (tmp_path / "program.py").write_text(
        "import atexit, os, signal\nimport loadgen.__main__ as program, loadgen.cli\n"
        "atexit.register(os.kill, os.getpid(), signal.SIGINT)\n"
        "loadgen.cli.main = lambda: exec('os.kill(os.getpid(), signal.SIGINT)')\nprogram.main()\n"
    )
    command = [sys.executable, "-m", "program"]
    environment = clean_environment() | {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    process = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (process.returncode, process.stderr) == (130, "loadgen: interrupted\n")


def test_a_reader_that_goes_ends_the_run_well(tmp_path: Path) -> None:
    process = running(tmp_path)
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(60) == 130
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert (summary["verdict"], summary["ledger"]["agrees"]) == ("interrupted", True)
    assert_accounted(summary)
    assert (tmp_path / "run" / "report.html").is_file()


def test_a_worker_that_is_told_to_leave_is_a_lost_one_with_true_accounts(tmp_path: Path) -> None:
    process = running(tmp_path, "--duration", f"{LENGTH}s", "--processes", 2)
    locust = with_word(children(process.pid), "loadgen.swarm")
    locust.children()[0].terminate()
    code, summary = ended(process, tmp_path)
    assert (code, summary["verdict"]) == (3, "invalid")
    assert any("was told to leave" in reason for reason in summary["reasons"])
    assert_accounted(summary)
    assert summary["in_doubt"]["requests"] == 0  # it waited for its answers
    assert summary["ledger"]["agrees"] is True
    [lost] = summary["lost_workers"]
    assert {session % 2 for session in undone(tmp_path / "run")} == {lost}


def test_results_that_cannot_be_written_end_the_run_and_its_figures_are_told(tmp_path: Path) -> None:
    process = running(tmp_path)
    folder = tmp_path / "run"
    (folder / "summary.json").mkdir()  # nothing can be written in its place
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=90)
    assert process.returncode == 3, said
    assert "could not be written" in said
    assert re.search(r"accepted +[1-9]", said)


def test_a_killed_master_takes_its_workers_along_so_that_nobody_sends_uncounted(tmp_path: Path) -> None:
    process = running(tmp_path, "--duration", "180s", "--processes", 2)
    master = with_word(children(process.pid), "loadgen.swarm")
    workers = master.children()
    master.kill()
    code, summary = ended(process, tmp_path)
    assert (code, summary["cut_off"]) == (130, True)
    assert [worker for worker in workers if worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE] == []
    assert_accounted(summary)
    assert summary["ledger"]["agrees"] is True


def test_an_endpoint_that_dies_leaves_true_partial_results(tmp_path: Path) -> None:
    process = running(tmp_path)
    with_word(children(process.pid), "loadgen.endpoint").kill()
    code, summary = ended(process, tmp_path)
    assert (code, summary["verdict"]) == (1, "failed")
    assert any("endpoint died" in reason for reason in summary["reasons"])
    assert_accounted(summary)


def children(parent: int) -> list[psutil.Process]:
    return list(psutil.Process(parent).children())


def with_word(processes: list[psutil.Process], word: str) -> psutil.Process:
    [found] = [process for process in processes if word in " ".join(process.cmdline())]
    return found


def killed_in_the_middle(tmp_path: Path, which: str, *options: object) -> tuple[int, dict[str, Any]]:
    """Start a run, kill -9 one of its processes once requests are accepted; the exit code and the summary."""
    process = running(tmp_path, "--duration", f"{LENGTH}s", *options)
    locust = with_word(children(process.pid), "loadgen.swarm")
    (locust if which == "locust" else locust.children()[0]).kill()
    return ended(process, tmp_path)


def planned(folder: Path, seconds: float) -> Counter[int]:
    """How many batches each session of the run had due before a moment."""
    scenario = RunFolder(folder).read_spec().scenario  # as it was run: another duration would move the starts
    seed = json.loads((folder / "run.json").read_text())["seed"]
    plans = (client.plan(session, scenario.client, 1.0) for session in traffic.draw_sessions(scenario, seed))
    return Counter(batch.session for each in plans for batch in each.batches if batch.due < seconds)


def undone(folder: Path) -> Counter[int]:
    """How many batches of each session are named as not run."""
    return Counter(
        {each.session: each.batches_due - each.batches_tried for each in read_incomplete_sessions(RunFolder(folder))}
    )


def tried(folder: Path) -> Counter[int]:
    """First attempts of each session on record."""
    batches = read_records(RunFolder(folder))
    return Counter(session for batch in batches for session in batch["session"][batch["attempt"] == 1].tolist())


def test_a_killed_worker_is_named_and_the_ledgers_still_agree(tmp_path: Path) -> None:
    code, summary = killed_in_the_middle(tmp_path, "worker", "--processes", 2)
    assert code == 3
    assert summary["verdict"] == "invalid"
    assert any("was lost" in reason for reason in summary["reasons"])
    assert_accounted(summary)
    assert summary["ledger"]["agrees"] is True
    assert summary["requests"]["accepted"] > 0
    missing, [lost] = undone(tmp_path / "run"), summary["lost_workers"]
    assert {session % 2 for session in missing} == {lost}
    assert any(f"{len(missing)} sessions were not run" in reason for reason in summary["reasons"])
    doubtful = planned(tmp_path / "run", LENGTH) - missing - tried(tmp_path / "run")
    assert doubtful.total() == summary["in_doubt"]["requests"]
    assert not missing - planned(tmp_path / "run", LENGTH)


def test_a_killed_generator_leaves_results_that_are_marked_as_cut_off_and_agree(tmp_path: Path) -> None:
    code, summary = killed_in_the_middle(tmp_path, "locust")
    assert code == 130
    assert summary["cut_off"] is True
    assert_accounted(summary)
    due = planned(tmp_path / "run", summary["stopped_at"] * FACTOR)
    doubtful = due - undone(tmp_path / "run") - tried(tmp_path / "run")
    assert doubtful.total() <= summary["in_doubt"]["requests"]
    assert summary["ledger"]["agrees"] is True


@pytest.mark.parametrize(
    ("verb", "end", "said"),
    [
        ("run", "os.kill(os.getpid(), signal.SIGKILL)", "signal 9 killed"),
        ("find-limit", "os.kill(os.getpid(), signal.SIGTERM)", "signal 15 killed"),
        ("run", "raise SystemExit(130)", "a signal ended"),
    ],
)
def test_a_generator_that_is_killed_before_it_sends_is_cut_off_and_no_bad_input(
    verb: str, end: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    suicide = [sys.executable, "-S", "-c", f"import os, signal; {end}"]
    monkeypatch.setattr(locust_process, "make_command", lambda *_: suicide)
    monkeypatch.setattr(sys, "argv", ["loadgen", verb, str(QUICKSTART), "--out", str(tmp_path / "run")])
    with pytest.raises(SystemExit) as ended:
        run_command()
    assert ended.value.code == 130
    assert f"loadgen: {said} the generator before it had sent anything" in capsys.readouterr().err


def test_a_generator_does_not_outlive_who_started_it(tmp_path: Path) -> None:
    process = running(tmp_path, "--duration", "300s", "--processes", 2)
    locust = with_word(children(process.pid), "loadgen.swarm")
    workers = locust.children()
    process.kill()
    gone, alive = psutil.wait_procs([locust, *workers], timeout=60)
    assert (len(gone), alive) == (3, [])
    process.communicate(timeout=10)
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["verdict"] == "interrupted"
    assert_accounted(summary)


def test_a_folder_that_vanishes_in_the_middle_loses_nothing_that_was_measured(tmp_path: Path) -> None:
    """As when a results disk is unmounted: the summary comes to the terminal, and the run is invalid."""
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "loadgen", "run", QUICKSTART, "--duration", "6s", "--seed", "7", "--out", folder]
    with subprocess.Popen(
        [*map(str, command), "--json"], env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        timeline = folder / "timeline.csv"
        while not timeline.is_file() or timeline.read_text().count("\n") < 2:
            assert process.poll() is None
            time.sleep(0.05)
        shutil.rmtree(folder)
        out, error = process.communicate(timeout=90)
    summary = json.loads(out)
    assert process.returncode == 3, error
    assert_accounted(summary)
    assert summary["requests"]["sent"] > 0
    assert any("summary.json could not be written" in reason for reason in summary["reasons"])
    assert b"Traceback" not in error


DYING = """
import sys
from locust import main  # first: it patches the process
from loadgen.swarm import conductor, engine, feeder
from loadgen.swarm.__main__ import main

def dies_at(owner, name, calls):
    whole, left = getattr(owner, name), [calls]
    def dying(self, *arguments):
        left[0] -= 1
        if left[0] < 0:
            raise ArithmeticError("a cosmic ray")
        return whole(self, *arguments)
    setattr(owner, name, dying)

dies_at({place})
main()
"""
PLACES = {
    "the sessions": 'feeder.Feeder, "_add_session", 99',
    "the reporting": 'engine.Engine, "measure", 3',
    "the conducting": 'conductor.Recording, "settle", 12',
    "the recording": 'engine.Meter, "record", 9',
}


@pytest.mark.parametrize("part", PLACES)
def test_a_part_that_dies_ends_the_run_in_words_and_with_accounts(
    part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = DYING.replace("{place}", PLACES[part])
    monkeypatch.setattr(locust_process, "make_command", lambda *given: [sys.executable, "-c", script, *given])
    run = loadgen.run(QUICKSTART, rate=4, duration=15, pace="3x", seed=1, out=tmp_path / "run")
    summary = run.summary
    assert (summary.verdict, run.exit_code) == ("invalid", 3)
    assert "a cosmic ray" in " ".join(summary.reasons), summary.reasons
    assert summary.requests.sent > 0
    assert summary.requests.sent == summary.requests.accepted + summary.requests.throttled + summary.requests.failed
    assert summary.ledger.agrees is not False
