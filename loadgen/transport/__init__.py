"""Request → Response on a socket: one sender's rules, for everyone who sends.

`route` finds the way to a target: trust and proxies. `limits` checks what this machine lets a process have. `http1` is
HTTP/1.1 without I/O, a proxy's CONNECT with it. `answers` reads the answers that come, and names the causes when none
comes; `first_answer` asks whether any comes at all. `blocking_connection` sends from threads. The greenlets of a run
send with the same rules from `swarm.connection_pool`, the one place with gevent's sockets.
"""

from loadgen.causes import FOREIGN
from loadgen.transport.answers import (
    Accept,
    NoAnswer,
    allows_origin,
    describe_answer,
    is_accepted,
    is_json,
    name_cause,
    name_outcome,
    not_connected,
    parse_retry_after,
    printable,
    unpack,
)
from loadgen.transport.blocking_connection import TIMEOUT_SECONDS, BlockingConnection
from loadgen.transport.first_answer import ANSWER_SECONDS, FirstAnswer, OnWait, require_answer, start_notice
from loadgen.transport.http1 import ResponseParser, open_tunnel, serialize
from loadgen.transport.limits import (
    count_free_descriptors,
    require_descriptors,
    require_free_port,
    require_ports,
    require_ports_to_spend,
)
from loadgen.transport.route import BUNDLES, PORTS, Route, find_route, is_loopback, override_network

__all__ = [
    "ANSWER_SECONDS",
    "BUNDLES",
    "FOREIGN",
    "PORTS",
    "TIMEOUT_SECONDS",
    "Accept",
    "BlockingConnection",
    "FirstAnswer",
    "NoAnswer",
    "OnWait",
    "ResponseParser",
    "Route",
    "allows_origin",
    "count_free_descriptors",
    "describe_answer",
    "find_route",
    "is_accepted",
    "is_json",
    "is_loopback",
    "name_cause",
    "name_outcome",
    "not_connected",
    "open_tunnel",
    "override_network",
    "parse_retry_after",
    "printable",
    "require_answer",
    "require_descriptors",
    "require_free_port",
    "require_ports",
    "require_ports_to_spend",
    "serialize",
    "start_notice",
    "unpack",
]
