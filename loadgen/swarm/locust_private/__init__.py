"""All code that depends on the inside of Locust, for the versions that pyproject.toml allows.

This module changes Locust before a runner is made. The others: the frames that reach a master's port (`frames`), the
first contact of a worker with its master (`connecting`), Locust's own statistics (`statistics`).
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
"""Seconds without a message after which a worker is called missing; Locust's own value is 3. A worker that draws its
first sessions on a busy machine is silent for longer, and a master that misses all workers ends the run."""

log = logging.getLogger("loadgen")


def ignore_configuration() -> None:
    """Keep Locust from reading configuration files: ~/.locust.conf, locust.conf and pyproject.toml."""
    argument_parser.get_empty_argument_parser.__defaults__ = (True, [])
    argument_parser.get_parser.__defaults__ = ([],)


def disable_rebalancing(runner: MasterRunner) -> None:
    """Keep Locust from moving users between workers after the start.

    Locust distributes its users again whenever a worker connects or ends: the other workers lag by a second, and after
    the stop timeout half of their senders end in the middle of a request. Without its dispatcher it does not.
    """
    runner._users_dispatcher = None


def extend_heartbeats() -> None:
    """Let workers be silent for HEARTBEATS seconds before Locust calls them missing."""
    runners.HEARTBEAT_LIVENESS = HEARTBEATS


def refuse_taken_port() -> None:
    """Let a master whose port is taken end with exit code 2. Locust's own code is 1, which means a missed threshold."""
    module: Any = runners
    serve = module.rpc.Server

    def check_and_serve(host: str, port: int) -> Any:
        module.rpc.Server = serve  # a reconnect takes the same port again, without this check
        try:
            require_free_port("--master-bind-port", host, port)
        except LoadgenError as error:
            log.error("%s", error)
            raise SystemExit(2) from error
        return serve(host, port)

    module.rpc.Server = check_and_serve
