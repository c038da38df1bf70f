"""What of Locust's inside we rely on: a test fails here, in words, when a new version of Locust has changed it.

Importing Locust patches a process, so each test has one of its own.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPTS = {
    "without its dispatcher a master leaves its workers' users be": """
from inspect import getsource
from locust.runners import MasterRunner
source = getsource(MasterRunner.handle_message)
assert source.count("if self._users_dispatcher is not None") >= 3, "a worker that comes or goes is dealt users anew"
""",
    "without default configuration files Locust reads none": """
import os, pathlib
pathlib.Path("locust.conf").write_text("users = 77")
pathlib.Path("pyproject.toml").write_text("[tool.locust]\\nspawn-rate = 77")
pathlib.Path(".locust.conf").write_text("run-time = 77s")
os.environ["HOME"] = os.getcwd()
from locust.argument_parser import get_parser
options = get_parser().parse_args([])
assert (options.num_users, options.spawn_rate, options.run_time) == (77, 77, 77), "files are read elsewhere"
from loadgen.swarm.locust_private import ignore_configuration
ignore_configuration()
options = get_parser().parse_args([])
assert (options.num_users, options.spawn_rate, options.run_time) == (None, None, None)
""",
    "malformed and unknown frames are dropped and counted, and the master goes on listening": """
from loadgen.swarm.locust_private.frames import guard_handler, guard_messages
dropped = guard_messages(None)
import gevent, msgpack, zmq.green as zmq
from locust import User
from locust.env import Environment
from locust.rpc.protocol import Message
class Nobody(User):
    pass
environment = Environment(user_classes=[Nobody])
master = environment.create_master_runner("127.0.0.1", 0)
guard_handler(master, dropped)
socket = zmq.Context().socket(zmq.DEALER)
socket.setsockopt(zmq.IDENTITY, b"stranger")
socket.connect(f"tcp://127.0.0.1:{master.server.port}")
frames = [b"", b"\\xc1", b"\\xff" * 99, msgpack.dumps(7), msgpack.dumps(("heartbeat", None)),
          msgpack.dumps((1, None, "x")), msgpack.dumps(("spawn_a_shell", None, "x")), b"\\x93" * 5000,
          msgpack.dumps(("spawning_complete", None, "x")), msgpack.dumps(("locustfile", None, "x"))]
for frame in frames:
    socket.send(frame)
socket.send_multipart([b"a", b"b", b"c"])
socket.send(Message("client_ready", -1, "stranger").serialize())
with gevent.Timeout(20):
    while "stranger" not in master.clients:
        gevent.sleep(0.02)
assert dropped.count == 10, (dropped.count, dropped.reason)
""",
    "a frame under another secret is dropped, and one under the same is believed": """
from loadgen.swarm.locust_private.frames import guard_messages, seal, unseal
dropped = guard_messages(b"ours")
from locust.rpc.protocol import Message
frame = Message("client_ready", -1, "worker").serialize()
assert Message.unserialize(unseal(frame, b"ours")).type == "client_ready"
for other in (frame[32:], seal(frame[32:], b"theirs"), frame[:-1], b""):
    try:
        unseal(other, b"ours")
    except ValueError:
        continue
    raise AssertionError("a stranger is believed")
""",
    "a worker may be silent for longer than Locust has it": """
from locust.runners import MasterRunner
import locust.runners
from loadgen.swarm.locust_private import HEARTBEATS, extend_heartbeats
before = locust.runners.HEARTBEAT_LIVENESS
extend_heartbeats()
assert before < locust.runners.HEARTBEAT_LIVENESS == HEARTBEATS
assert "HEARTBEAT_LIVENESS" in MasterRunner.handle_message.__code__.co_names  # read at each heartbeat
""",
    "what statistics keep by the second is bounded": """
from locust import User
from locust.env import Environment
from loadgen.swarm.locust_private import KEPT_SECONDS, trim_statistics
class Nobody(User):
    pass
runner = Environment(user_classes=[Nobody]).create_local_runner()
entry = runner.stats.get("accepted", "PutRumEvents")
for second in range(5000):
    for each in (entry, runner.stats.total):
        each.num_reqs_per_sec[second] = each.num_fail_per_sec[second] = 1
    runner.stats.history.append({"time": second})
trim_statistics(runner)
assert len(entry.num_reqs_per_sec) == len(runner.stats.total.num_fail_per_sec) == KEPT_SECONDS
assert [each["time"] for each in runner.stats.history] == list(range(5000 - KEPT_SECONDS, 5000))
assert max(entry.num_reqs_per_sec) == 4999
""",
    "statistics are the same whether requests are added in a group or one by one, and other listeners hear each": """
import time
from locust import User
from locust.env import Environment
from loadgen.model import Result
from loadgen.swarm.locust_private import report_to_locust
class Nobody(User):
    pass
time.time = lambda: 1767225600.5
def told(*listeners):
    environment = Environment(user_classes=[Nobody])
    environment.create_local_runner()
    for each in listeners:
        environment.events.request.add_listener(each)
    for group in (results[:1], results[1:40], results[40:]):
        report_to_locust(environment, group)
    stats = environment.stats
    return stats.total, *(each for _, each in sorted(stats.entries.items())), *stats.errors.values()
names = (None, None, "reset")
results = [
    Result(0.0, 0.0, 0.25 * number, 429 if number % 7 == 0 else 200, 5, 9, 9, error=None if number % 7 == 0 else names[
        number % 3]) for number in range(64)
]
heard = []
grouped, single = told(), told(lambda **of: heard.append(of["name"]))
assert len(grouped) == len(single) == 5 and len(heard) == 64 and set(heard) == {"accepted", "throttled", "failed"}
for ours, theirs in zip(grouped, single):
    ours, theirs = vars(ours), vars(theirs)
    for each in (ours, theirs):
        each.pop("stats", None)  # who owns it
        each["error"] = repr(each.get("error"))
    assert ours == theirs
""",
}


@pytest.mark.parametrize("claim", SCRIPTS)
def test_locust_inside(claim: str, tmp_path: object) -> None:
    script = SCRIPTS[claim]
    done = subprocess.run([sys.executable, "-c", script], cwd=str(tmp_path), capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr
