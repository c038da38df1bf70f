"""A process's part in a run. Importing Locust patches a process, so each test has one of its own."""

from __future__ import annotations

import subprocess
import sys

NOBODY = """
from locust.env import Environment
from loadgen.errors import ControlError
from loadgen.swarm import part

def nobody(region):
    raise ControlError(f"no AWS credentials for {region}")

part.aws.signer = nobody
part.Part(Environment())._signer("us-east-1")
"""


def test_a_worker_without_credentials_ends_with_a_line_and_exit_code_2() -> None:
    done = subprocess.run([sys.executable, "-c", NOBODY], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr.strip()) == (2, "no AWS credentials for us-east-1")
