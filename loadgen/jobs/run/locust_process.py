"""The Locust process of a run: command and environment; and the one that joins another machine's run."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import psutil

from loadgen.errors import GeneratorKilled, LoadgenError
from loadgen.jobs.progress import OnProgress, WorkProgress, ignore_progress
from loadgen.jobs.run import otel
from loadgen.jobs.run.preflight import find_free_port
from loadgen.results import CLUSTER_SECRET, HANDOVER, LIFELINE, MASTER_SEEN, GrowingFile, Handover, RunFolder, RunSpec
from loadgen.transport import BUNDLES
from loadgen.wire.sigv4 import Credentials

MOST_LINES = 20  # of Locust's log that are told
GONE_SECONDS = 10.0  # a killed process is gone well before
MAX_WAIT_SECONDS = 60
MAX_WAIT = f"--expect-workers-max-wait={MAX_WAIT_SECONDS}"
"""Seconds; a worker that dies before it has connected would else be waited for without end."""

DEFAULTS = otel.DEFAULTS | {"OPENBLAS_NUM_THREADS": "1"}
"""Where the environment sets nothing else. Numpy's threads, one for each core, spin once traffic is set up."""

FILES = (*BUNDLES, "SSL_CERT_DIR", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE")
"""Environment variables that name a file and may name it by a relative path."""


class LocustProcess:
    """Locust, headless, on our locustfile; what it says goes to the run's folder."""

    def __init__(self, spec: RunSpec, folder: RunFolder, credentials: Credentials | None) -> None:
        self._folder = folder
        self.handover = Handover()
        command = make_command("--only-summary", "--reset-stats", "--stop-timeout=60", *list_arguments(spec, folder))
        with folder.log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=folder.path,
                env=make_environment(credentials) | own_variables(spec) | {HANDOVER: str(self.handover.descriptor)},
                pass_fds=(self.handover.descriptor,),
                stdin=subprocess.PIPE,  # its end tells Locust that we are gone, however we went
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def running(self, wait_seconds: float) -> bool:
        """Whether it still runs after at most so many seconds."""
        try:
            self._process.wait(wait_seconds)
        except subprocess.TimeoutExpired:
            return True
        return False

    @property
    def code(self) -> int | None:
        """Its exit code, once it has ended."""
        return self._process.poll()

    def interrupt(self) -> None:
        """Ask it to stop sending, wait for what is in flight, and write its results."""
        if self.code is None:
            self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End it and its workers at once."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    def bury(self, grace: float) -> None:
        """After its end: see to it that none of its workers lives on and sends what nobody counts."""
        left = [each for each in psutil.process_iter(["status"]) if self._leads(each.pid)]
        left = [each for each in left if each.info["status"] != psutil.STATUS_ZOMBIE]  # of a parent that reaps none
        _, left = psutil.wait_procs(left, timeout=grace)
        for each in left:
            each.kill()
        psutil.wait_procs(left, timeout=GONE_SECONDS)
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _leads(self, pid: int) -> bool:
        try:
            return os.getpgid(pid) == self._process.pid
        except ProcessLookupError:
            return False

    def fail(self) -> NoReturn:
        """Say how it ended without a summary."""
        code, log = self._process.returncode, self._folder.log
        if code < 0 or code == GeneratorKilled.exit_code:  # told to end while it started
            what = f"signal {-code} killed" if code < 0 else "a signal ended"
            raise GeneratorKilled(f"{what} the generator before it had sent anything ({log})")
        raise LoadgenError(f"Locust ended with code {code} and no summary: {self.first_error} ({log})")

    @property
    def first_error(self) -> str:
        """The first error in its log, with that of a traceback before it; else its last line."""
        lines = self._read_log().strip().splitlines()
        if not lines:
            return describe_silence(self._folder.path)
        first = next((place for place, line in enumerate(lines) if "/ERROR/" in line), len(lines) - 1)
        raised = [line for line in lines[:first] if RAISED.match(line)][:1]
        return "; ".join([lines[first].rpartition("/ERROR/")[2].removeprefix("loadgen: "), *raised])

    @property
    def refusal(self) -> str | None:
        """Why it did not even start, where it has said so: it has sent nothing then."""
        if self.code == LoadgenError.exit_code:  # bad input
            return self.first_error
        return explain_few_workers(self._read_log())

    def _read_log(self) -> str:
        log = self._folder.log
        return log.read_text(errors="replace") if log.is_file() else ""


GAVE_UP = "Gave up waiting for workers to connect"
RAISED = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Exit|Interrupt)\b")  # the last line of a traceback
WAITING = re.compile(r"Waiting for workers to be ready, (\d+) of (\d+) connected")
WARNING = re.compile(r"/WARNING/loadgen: (.+)")


class LogFollower:
    """Gives what people should hear of Locust's log while a run goes; each line once."""

    def __init__(self, log: Path) -> None:
        self._log, self._told = GrowingFile(log), set[str]()

    def lines(self) -> Iterator[str]:
        """What is new since the last call."""
        try:
            new = self._log.read_new_lines()
        except OSError:  # the folder is gone: others say so
            return
        for line in new.decode(errors="replace").splitlines():
            said = translate_line(line)
            if said is not None and said not in self._told and len(self._told) < MOST_LINES:
                self._told.add(said)
                yield said


def translate_line(line: str) -> str | None:
    """A line of Locust's log for people; None for most."""
    if found := WAITING.search(line):
        return f"waiting for workers: {found[1]} of {found[2]} are there; one that cannot come says why where it runs"
    return found[1] if (found := WARNING.search(line)) else None


def explain_few_workers(log: str) -> str | None:
    """Why a master gave up, by its log; None when it did not."""
    if GAVE_UP not in log:
        return None
    came = WAITING.findall(log)[-1:]
    workers = f"{came[0][0]} of {came[0][1]} workers" if came else "fewer workers than --expect-workers"
    return (
        f"{workers} came within {MAX_WAIT_SECONDS} s; a master knows of a worker only when it connects, so see on the "
        "other machines what keeps theirs"
    )


def describe_silence(folder: Path) -> str:
    """Why a process may have logged nothing into its folder."""
    if not folder.is_dir():
        return f"the folder {folder} is gone"
    free = shutil.disk_usage(folder).free
    return "nothing was logged" if free else f"{folder}: no space left on its disk; give --out a folder on another"


def own_variables(spec: RunSpec) -> dict[str, str]:
    """What our Locust process is told besides its options.

    Workers of --processes share a secret of this run's own with their master: others on the machine reach its port too.
    """
    lifeline = {LIFELINE: "1"}
    return lifeline if spec.master else lifeline | {CLUSTER_SECRET: secrets.token_hex(32)}


def make_environment(credentials: Credentials | None) -> dict[str, str]:
    """Our own environment without Locust's variables; the endpoint's key in place of the caller's when there is one.

    Its log is UTF-8, whatever the caller's terminal is. Files are named by absolute paths, as the process has another
    working directory.
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
    """Locust's own options for a run; ours are in the file that it is handed."""
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
    """With Locust's web UI, on loopback, for as long as the run; or without."""
    if spec.web is None:
        return ["--headless"]
    return ["--autostart", "--autoquit=0", "--web-host=127.0.0.1", f"--web-port={spec.web}"]


def list_master_arguments(spec: RunSpec) -> list[str]:
    """Where the workers find their master; without --master on a port that is free, so that two runs do not meet."""
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
    """Locust on our locustfile, whatever the user's own Locust is set up for and whatever modules lie in the folder."""
    return [sys.executable, "-P", "-m", "loadgen.swarm", *arguments]


PATIENCE_SECONDS, LOOK_SECONDS = 300.0, 0.5


def worker(
    master_host: str,
    master_port: int = 5557,
    *,
    processes: int | None = None,
    otel_export: bool = False,
    on_progress: OnProgress = ignore_progress,
) -> NoReturn:
    """Wait for a master, then replace this process by its workers; LoadgenError when no master comes."""
    if otel_export:
        otel.check_installed()
    wait_for_master(master_host, master_port, on_progress)
    shared = [*(["--otel"] if otel_export else []), *([f"--processes={processes}"] if processes else [])]
    command = make_command(
        "--worker", f"--master-host={master_host}", f"--master-port={master_port}", "--stop-timeout=60", *shared
    )
    os.execve(command[0], command, DEFAULTS | dict(os.environ) | {MASTER_SEEN: "1"})


def wait_for_master(host: str, port: int, tell: OnProgress, patience: float = PATIENCE_SECONDS) -> None:
    """Wait until somebody listens where the master should be: Locust itself says nothing of it for half a minute."""
    deadline, told = time.monotonic() + patience, False
    while trouble := find_absence(host, port):
        if not told:
            wait = (
                f"waiting for {host}:{port}, at most {patience:.0f} s ({trouble}): start `loadgen run --master` "
                "there; one whose run is over takes no more workers"
            )
            tell(WorkProgress(wait))
            told = True
        if time.monotonic() + LOOK_SECONDS > deadline:
            raise LoadgenError(
                f"no master on {host}:{port} within {patience:.0f} s ({trouble}); start `loadgen run --master` there, "
                "or check --master-host, --master-port and what lies between"
            )
        time.sleep(LOOK_SECONDS)
    tell(f"found {host}:{port}; the run begins when all of its workers are there")


def find_absence(host: str, port: int) -> str:
    """Why nobody can be reached; empty when somebody listens."""
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""
