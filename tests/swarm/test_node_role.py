"""A process's part in a run. Importing Locust patches a process, so each test has one of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

TAKING = """
import resource
from types import SimpleNamespace
from locust.env import Environment
from loadgen.errors import ControlError
from loadgen.swarm import node_role
from loadgen.swarm.locust_private.frames import DroppedFrames
from loadgen.swarm.messages import Done, unpack

def nobody(region, url):
    raise ControlError(f"no AWS credentials for {region}; {resource.getrlimit(resource.RLIMIT_NOFILE)[0]} descriptors")

def tell_master(kind, data):
    print(kind, unpack(data, Done).index, unpack(data, Done).failure, len(unpack(data, Done).tallies))

node_role.aws.make_signer = nobody
resource.setrlimit(resource.RLIMIT_NOFILE, (200, 300))
spec = SimpleNamespace(
    master=True, senders=SENDERS, region="us-east-1", url="http://127.0.0.1:8000", timeout=1.0, seed=1, monitors="AB"
)
job = SimpleNamespace(monitors=[SimpleNamespace(scenario=None, signed=True)])
share = SimpleNamespace(index=3, of=4, spec=spec, job=job)
node_role.NodeRole(Environment(), DroppedFrames()).take_share(share, SimpleNamespace(send_message=tell_master))
"""
FEW = "500 senders of a worker need 600 file descriptors, and this process may open 300"


@pytest.mark.parametrize(
    ("senders", "said"),
    [(100, "no AWS credentials for us-east-1; 200 descriptors"), (200, "; 300 descriptors"), (500, FEW)],
)
def test_a_worker_that_cannot_start_tells_its_master_why_and_ends_with_exit_code_2(senders: int, said: str) -> None:
    """It first raises its limit of descriptors to what its senders need, as far as the system allows."""
    script = TAKING.replace("SENDERS", str(senders))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout.startswith("loadgen_done 3 could not start: ")
    assert said in done.stdout
    assert done.stdout.endswith(" 2\n")


LEAVING = """
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

for state in ("starting", "waiting", "sending", "told to leave"):
    print(state)
    environment = Environment()
    environment.runner = Unconnected()
    if state != "starting":
        role = locustfile.ROLES[environment] = locustfile.NodeRole(environment, locustfile.DROPPED)
    if state in ("sending", "told to leave"):
        role.engine = SimpleNamespace(over=Event(), stop=lambda reason: print("- stopped:", reason))
        role.ready.set()
    if state == "told to leave":
        locustfile.on_quitting(environment)
    else:
        locustfile.on_test_stopping(environment)
    if state == "waiting":
        print("- joined late:", role.joined_late and role.ready.is_set())
"""


def test_a_worker_that_must_end_stops_for_good_whatever_it_does() -> None:
    done = subprocess.run([sys.executable, "-c", LEAVING], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        *("starting", "waiting", "- joined late: True"),
        *("sending", "- stopped: the conductor is gone"),
        *("told to leave", "- stopped: it was told to leave before its end"),
    ]


INTERRUPTED = """
from types import SimpleNamespace
from loadgen.swarm import locustfile
from locust.env import Environment

role = locustfile.NodeRole(Environment(), locustfile.DROPPED)
try:
    role.interrupt()
except SystemExit as end:
    print("without a run:", end.code)
over = SimpleNamespace(is_set=lambda: False)
role.conductor = SimpleNamespace(over=over, interrupt=lambda: print("asked to end"))
role.interrupt()
try:
    role.interrupt()
except SystemExit as end:
    print("twice:", end.code)
"""


def test_ctrl_c_ends_a_run_well_and_the_process_at_once_when_it_comes_twice_or_without_a_run() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == ["without a run: 130", "asked to end", "twice: 130"]


MISSED = """
from types import SimpleNamespace
from locust.env import Environment
from locust.runners import MasterRunner
from loadgen.swarm import locustfile

class Master(MasterRunner):
    worker_count = 0
    def __init__(self):
        pass
    def __del__(self):
        pass

for count in (2, 0):
    print(count, "workers")
    Master.worker_count = count
    environment = Environment()
    environment.runner = Master()
    role = locustfile.ROLES[environment] = locustfile.NodeRole(environment, locustfile.DROPPED)
    role.conductor = SimpleNamespace(
        interrupt=lambda: print("- interrupted"),
        over=SimpleNamespace(is_set=lambda: False, wait=lambda seconds: print("- waited")),
    )
    locustfile.on_test_stopping(environment)
"""


def test_a_run_that_ends_as_every_worker_is_missed_was_interrupted_by_nobody() -> None:
    """Locust stops the test by itself then, and the conductor names the workers as lost."""
    done = subprocess.run([sys.executable, "-c", MISSED], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["2 workers", "- interrupted", "- waited", "0 workers", "- waited"]
