"""A process's part in a run. Importing Locust patches a process, so each test has one of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

NOBODY = """
from locust.env import Environment
from loadgen.errors import ControlError
from loadgen.swarm import node_role

def nobody(region, url):
    raise ControlError(f"no AWS credentials for {region}")

node_role.aws.make_signer = nobody
node_role.NodeRole(Environment())._signer("us-east-1", "http://127.0.0.1:8000")
"""


def test_a_worker_without_credentials_ends_with_a_line_and_exit_code_2() -> None:
    done = subprocess.run([sys.executable, "-c", NOBODY], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr.strip()) == (2, "no AWS credentials for us-east-1")


LEAVING = """
import sys
from types import SimpleNamespace
from gevent.event import Event
from locust.env import Environment
from locust.runners import WorkerRunner
from loadgen.swarm import locustfile

class Unconnected(WorkerRunner):
    def __init__(self):
        pass
    def __del__(self):
        pass

environment = Environment()
environment.runner = Unconnected()
if sys.argv[1] != "starting":
    part = locustfile.PARTS[environment] = locustfile.NodeRole(environment)
if sys.argv[1] == "sending":
    part.engine = SimpleNamespace(over=Event(), stop=lambda reason: print("stopped:", reason))
    part.ready.set()
locustfile.leave(environment)
if sys.argv[1] == "waiting":
    print("joined_late:", part.joined_late and part.ready.is_set())
"""


@pytest.mark.parametrize(
    ("state", "said"),
    [("starting", ""), ("waiting", "joined_late: True"), ("sending", "stopped: the conductor is gone")],
)
def test_a_worker_whose_master_is_gone_stops_for_good(state: str, said: str) -> None:
    done = subprocess.run([sys.executable, "-c", LEAVING, state], capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == (said, "")
