"""A process's part in a run. Importing Locust patches a process, so each test has one of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

NOBODY = """
from locust.env import Environment
from loadgen.errors import ControlError
from loadgen.swarm import node_role
from loadgen.swarm.locust_private import DroppedFrames

def nobody(region, url):
    raise ControlError(f"no AWS credentials for {region}")

node_role.aws.make_signer = nobody
node_role.NodeRole(Environment(), DroppedFrames())._signer("us-east-1", "http://127.0.0.1:8000")
"""


def test_a_worker_without_credentials_ends_with_a_line_and_exit_code_2() -> None:
    done = subprocess.run([sys.executable, "-c", NOBODY], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr.strip()) == (2, "no AWS credentials for us-east-1")


FEW = """
import resource
from locust.env import Environment
from loadgen.swarm import node_role
from loadgen.swarm.locust_private import DroppedFrames

resource.setrlimit(resource.RLIMIT_NOFILE, (200, 300))
role = node_role.NodeRole(Environment(), DroppedFrames())
role._check_descriptors(200)
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
role._check_descriptors(500)
"""


def test_a_worker_raises_its_limit_of_descriptors_or_names_the_number_that_it_needs() -> None:
    done = subprocess.run([sys.executable, "-c", FEW], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (2, "300")
    assert "500 senders of a worker need 600 file descriptors, and this process may open 300" in done.stderr


LEAVING = """
import sys
from types import SimpleNamespace
from gevent.event import Event
from loadgen.swarm import locustfile
from locust.env import Environment
from locust.runners import WorkerRunner

class Unconnected(WorkerRunner):
    def __init__(self):
        pass
    def __del__(self):
        pass

environment = Environment()
environment.runner = Unconnected()
if sys.argv[1] != "starting":
    role = locustfile.ROLES[environment] = locustfile.NodeRole(environment, locustfile.DROPPED)
if sys.argv[1] in ("sending", "told to leave"):
    role.engine = SimpleNamespace(over=Event(), stop=lambda reason: print("stopped:", reason))
    role.ready.set()
if sys.argv[1] == "told to leave":
    locustfile.on_quitting(environment)
else:
    locustfile.on_test_stopping(environment)
if sys.argv[1] == "waiting":
    print("joined late:", role.joined_late and role.ready.is_set())
"""


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("starting", ""),
        ("waiting", "joined late: True"),
        ("sending", "stopped: the conductor is gone"),
        ("told to leave", "stopped: it was told to leave before its end"),
    ],
)
def test_a_worker_that_must_end_stops_for_good(state: str, said: str) -> None:
    done = subprocess.run([sys.executable, "-c", LEAVING, state], capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == (said, "")


INTERRUPTED = """
from types import SimpleNamespace
from loadgen.swarm import locustfile
from locust.env import Environment

role = locustfile.NodeRole(Environment(), locustfile.DROPPED)
try:
    role.interrupt()
except SystemExit as end:
    print("without a run:", end.code)
conductor = role.conductor = SimpleNamespace(finished=False, interrupt=lambda: print("asked to end"))
role.interrupt()
try:
    role.interrupt()
except SystemExit as end:
    print("twice:", end.code)
"""


def test_ctrl_c_ends_a_run_well_and_the_process_at_once_when_it_comes_twice_or_without_a_run() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == ["without a run: 130", "asked to end", "twice: 130"]
