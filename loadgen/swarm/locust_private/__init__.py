"""Everything of ours that depends on the inside of Locust, for the version that pyproject.toml bounds.

Here: what is switched once, before a runner is made. The modules of this folder: what comes to a master's port
(`frames`), a worker's first words with its master (`connecting`), Locust's own statistics (`statistics`).
tests/swarm/test_locust_private.py says for each function what breaks when Locust changes. Import this before boto3:
Locust patches the process, and its import fails with a RecursionError once urllib3 is loaded.
"""

from __future__ import annotations

import logging
from typing import Any

from locust import argument_parser, runners
from locust.runners import MasterRunner

from loadgen.errors import LoadgenError
from loadgen.transport import require_free_port

HEARTBEATS = 10
"""Seconds without a word from a worker after which Locust calls it missing; it has 3. A worker that draws its first
sessions on a busy machine is silent for longer, and a master that misses all of them ends the run."""

log = logging.getLogger("loadgen")


def ignore_configuration() -> None:
    """Let Locust read no configuration file: neither ~/.locust.conf nor locust.conf nor pyproject.toml."""
    argument_parser.get_empty_argument_parser.__defaults__ = (True, [])
    argument_parser.get_parser.__defaults__ = ([],)


def keep_the_senders(runner: MasterRunner) -> None:
    """Leave every worker its senders for good.

    Locust would deal its users anew whenever a worker comes or goes: with a second of lag for those that go on, and, a
    stop timeout later, the end of what half of their senders have in flight. Without its dispatcher it leaves them be.
    """
    runner._users_dispatcher = None


def await_heartbeats() -> None:
    """Let workers be silent for longer than Locust does before they are called missing."""
    runners.HEARTBEAT_LIVENESS = HEARTBEATS


def refuse_taken_port() -> None:
    """Let a master whose port is taken end with 2. By itself Locust ends with 1, as of a threshold that was missed."""
    module: Any = runners
    serve = module.rpc.Server

    def check_and_serve(host: str, port: int) -> Any:
        module.rpc.Server = serve  # a connection that is made anew takes the same port again
        try:
            require_free_port("--master-bind-port", host, port)
        except LoadgenError as error:
            log.error("%s", error)
            raise SystemExit(2) from error
        return serve(host, port)

    module.rpc.Server = check_and_serve
