"""The Locust process of a run: its command, its environment, its end, and its log, read for people."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import psutil

from loadgen.errors import GeneratorKilled, LoadgenError
from loadgen.jobs.run import otel
from loadgen.jobs.run.preflight import find_free_port
from loadgen.results import CLUSTER_SECRET, HANDOVER, LIFELINE, GrowingFile, Handover, RunFolder, RunSpec
from loadgen.transport import BUNDLES
from loadgen.wire.sigv4 import Credentials

GONE_SECONDS = 10.0  # a killed process ends well before
MOST_LINES = 20  # that are passed on to people
MAX_WAIT_SECONDS = 60
"""Seconds that a master waits for its workers; without a limit it would wait forever for a worker that has died."""

GAVE_UP = "Gave up waiting for workers to connect"
RAISED = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Exit|Interrupt)\b")  # the last line of a traceback
WAITING = re.compile(r"Waiting for workers to be ready, (\d+) of (\d+) connected")
WARNING = re.compile(r"/WARNING/loadgen: (.+)")

MAX_WAIT = f"--expect-workers-max-wait={MAX_WAIT_SECONDS}"

DEFAULTS = otel.DEFAULTS | {"OPENBLAS_NUM_THREADS": "1"}
"""Environment variables, unless the environment sets them. OpenBLAS' idle threads, one a core, would use the CPU."""

FILES = (*BUNDLES, "SSL_CERT_DIR", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE")
"""Environment variables that name a file, possibly by a relative path."""


class LocustProcess:
    """The process of Locust with our locustfile; its output goes to a log in the run's folder."""

    def __init__(self, spec: RunSpec, folder: RunFolder, credentials: Credentials | None) -> None:
        self._folder = folder
        self.handover = Handover()
        command = make_command("--only-summary", "--reset-stats", "--stop-timeout=60", *list_arguments(spec, folder))
        with folder.log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=folder.path,
                env=make_environment(credentials)
                | list_own_variables(spec)
                | {HANDOVER: str(self.handover.descriptor)},
                pass_fds=(self.handover.descriptor,),
                stdin=subprocess.PIPE,  # ends with this process, however it ends; then Locust ends too
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def running(self, wait_seconds: float) -> bool:
        """Wait at most `wait_seconds`; return whether the process still runs."""
        try:
            self._process.wait(wait_seconds)
        except subprocess.TimeoutExpired:
            return True
        return False

    @property
    def code(self) -> int | None:
        """The exit code; None while the process runs."""
        return self._process.poll()

    def interrupt(self) -> None:
        """Ask the process to stop sending, wait for requests in flight, and write its results."""
        if self.code is None:
            self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """Kill the process and its workers."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    def stop_orphans(self, grace: float) -> None:
        """Kill the workers that outlive the Locust master by `grace` seconds: nobody would count what they send."""
        orphans = [each for each in psutil.process_iter(["status"]) if self._leads(each.pid)]
        orphans = [each for each in orphans if each.info["status"] != psutil.STATUS_ZOMBIE]  # ended, not yet reaped
        _, orphans = psutil.wait_procs(orphans, timeout=grace)
        for each in orphans:
            each.kill()
        psutil.wait_procs(orphans, timeout=GONE_SECONDS)
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _leads(self, pid: int) -> bool:
        try:
            return os.getpgid(pid) == self._process.pid
        except ProcessLookupError:
            return False

    def fail(self) -> NoReturn:
        """Raise the error that says how the process ended without a summary."""
        code, log = self._process.returncode, self._folder.log
        if code < 0 or code == GeneratorKilled.exit_code:  # a signal ended it while it started
            what = f"signal {-code} killed" if code < 0 else "a signal ended"
            raise GeneratorKilled(f"{what} the generator before it had sent anything ({log})")
        raise LoadgenError(f"Locust ended with code {code} and no summary: {self.first_error} ({log})")

    @property
    def first_error(self) -> str:
        """The first error in the log; without an error its last line, or why the log is empty."""
        return find_first_error(self._read_log()) or describe_silence(self._folder.path)

    @property
    def refusal(self) -> str | None:
        """Why the process did not start (so it sent nothing), if its log says so; else None."""
        if self.code == LoadgenError.exit_code:  # bad input
            return self.first_error
        return explain_few_workers(self._read_log())

    def _read_log(self) -> str:
        log = self._folder.log
        return log.read_text(errors="replace") if log.is_file() else ""


def list_own_variables(spec: RunSpec) -> dict[str, str]:
    """Return the environment variables of our own that the Locust process gets.

    Workers of --processes share a secret with their master, because other users of this machine can reach its port.
    """
    lifeline = {LIFELINE: "1"}
    return lifeline if spec.master else lifeline | {CLUSTER_SECRET: secrets.token_hex(32)}


def make_environment(credentials: Credentials | None) -> dict[str, str]:
    """Return our environment without Locust's variables; `credentials`, if given, replace the caller's.

    The log is UTF-8, whatever the caller's terminal uses. Paths of files become absolute, because the process has
    another working directory.
    """
    kept = DEFAULTS | {key: value for key, value in os.environ.items() if not key.startswith("LOCUST_")}
    kept["PYTHONIOENCODING"] = "utf-8"
    kept |= {key: str(Path(kept[key]).expanduser().absolute()) for key in FILES if kept.get(key)}
    if credentials is None:
        return kept
    own = {"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"}
    return {
        **{key: value for key, value in kept.items() if key not in own},
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
    }


def list_arguments(spec: RunSpec, folder: RunFolder) -> list[str]:
    """Return Locust's own options for a run; ours are in the file of the run spec."""
    senders = spec.senders * spec.workers
    return [
        f"--run-spec={folder.spec_file.resolve()}",
        f"--host={spec.url}",
        f"--users={senders}",
        f"--spawn-rate={senders}",
        *([f"--processes={spec.processes}"] if spec.processes else []),
        *(["--otel"] if spec.otel else []),
        *list_web_arguments(spec),
        *list_master_arguments(spec),
    ]


def list_web_arguments(spec: RunSpec) -> list[str]:
    """Return the options of Locust's web UI: on loopback for as long as the run, or none."""
    if spec.web is None:
        return ["--headless"]
    return ["--autostart", "--autoquit=0", "--web-host=127.0.0.1", f"--web-port={spec.web}"]


def list_master_arguments(spec: RunSpec) -> list[str]:
    """Return the options of the master's port; without --master a free port, so that two runs do not share one."""
    if not spec.master:
        port = find_free_port()
        return [f"--master-port={port}", f"--master-bind-port={port}", "--master-bind-host=127.0.0.1", MAX_WAIT]
    return [
        "--master",
        f"--expect-workers={spec.expect_workers}",
        MAX_WAIT,
        f"--master-bind-host={spec.bind_host}",
        f"--master-bind-port={spec.bind_port}",
    ]


def make_command(*arguments: str) -> list[str]:
    """Return the command of Locust with our locustfile; `-P` keeps it from importing modules of the working folder."""
    return [sys.executable, "-P", "-m", "loadgen.swarm", *arguments]


class LogFollower:
    """Reads Locust's log during a run, and yields each line that is meant for people once."""

    def __init__(self, log: Path) -> None:
        self._log, self._yielded = GrowingFile(log), set[str]()

    def read_lines(self) -> Iterator[str]:
        """Yield the lines for people that are new since the last call."""
        try:
            new = self._log.read_new_lines()
        except OSError:  # the folder is gone: other code reports that
            return
        for line in new.decode(errors="replace").splitlines():
            text = translate_line(line)
            if text is not None and text not in self._yielded and len(self._yielded) < MOST_LINES:
                self._yielded.add(text)
                yield text


def translate_line(line: str) -> str | None:
    """Translate a line of Locust's log for people; None for a line that they need not see."""
    if found := WAITING.search(line):
        return f"waiting for workers: {found[1]} of {found[2]} connected; a worker that cannot connect says why there"
    return found[1] if (found := WARNING.search(line)) else None


def explain_few_workers(log: str) -> str | None:
    """Return from a master's log why it gave up; None if it did not."""
    if GAVE_UP not in log:
        return None
    last = WAITING.findall(log)[-1:]
    workers = f"{last[0][0]} of {last[0][1]} workers" if last else "fewer workers than --expect-workers"
    return (
        f"{workers} connected within {MAX_WAIT_SECONDS} s; a master knows of a worker only when it connects, so see on "
        "the other machines why theirs do not"
    )


def describe_silence(folder: Path) -> str:
    """Say why a process may have written no log into its folder."""
    if not folder.is_dir():
        return f"the folder {folder} is gone"
    free = shutil.disk_usage(folder).free
    return "nothing was logged" if free else f"{folder}: no space left on its disk; give --out a folder on another"


def find_first_error(log: str) -> str | None:
    """Return the first error in a log, with the exception of a traceback before it; else its last line, if any."""
    lines = log.strip().splitlines()
    if not lines:
        return None
    first = next((place for place, line in enumerate(lines) if "/ERROR/" in line), len(lines) - 1)
    raised = [line for line in lines[:first] if RAISED.match(line)][:1]
    return "; ".join([lines[first].rpartition("/ERROR/")[2].removeprefix("loadgen: "), *raised])
