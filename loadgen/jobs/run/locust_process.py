"""The Locust process of a run: its command, its environment and its end."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import psutil

from loadgen.errors import GeneratorKilled, LoadgenError
from loadgen.jobs.run import otel
from loadgen.jobs.run.locust_log import MAX_WAIT_SECONDS, describe_silence, explain_few_workers, find_first_error
from loadgen.jobs.run.preflight import find_free_port
from loadgen.results import CLUSTER_SECRET, HANDOVER, LIFELINE, Handover, RunFolder, RunSpec
from loadgen.transport import BUNDLES
from loadgen.wire.sigv4 import Credentials

GONE_SECONDS = 10.0  # a killed process is gone well before
MAX_WAIT = f"--expect-workers-max-wait={MAX_WAIT_SECONDS}"

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
        """The first error in its log; without one its last line, or why it has none."""
        return find_first_error(self._read_log()) or describe_silence(self._folder.path)

    @property
    def refusal(self) -> str | None:
        """Why it did not even start, where it has said so: it has sent nothing then."""
        if self.code == LoadgenError.exit_code:  # bad input
            return self.first_error
        return explain_few_workers(self._read_log())

    def _read_log(self) -> str:
        log = self._folder.log
        return log.read_text(errors="replace") if log.is_file() else ""


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
