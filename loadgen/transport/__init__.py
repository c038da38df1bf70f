"""Request → Response on a socket: the same rules for every part of loadgen that sends.

`route` decides how a target is reached: trusted certificates and proxies. `limits` checks the descriptors and ports of
this machine. `http1` is HTTP/1.1 without I/O, and a proxy's CONNECT. `answers` reads answers, and names the cause when
none came; `first_answer` checks that a target answers at all. `blocking_connection` sends from threads. A run's
greenlets send with the same rules from `swarm.connection`, the only module with gevent's sockets.
"""

from loadgen.transport.answers import (
    NoAnswer,
    allows_origin,
    describe_answer,
    explain_connect_error,
    is_accepted,
    is_json,
    make_printable,
    name_cause,
    name_outcome,
    parse_retry_after,
    unpack,
)
from loadgen.transport.blocking_connection import TIMEOUT_SECONDS, BlockingConnection
from loadgen.transport.first_answer import ANSWER_SECONDS, FirstAnswer, OnWait, require_answer, start_notice
from loadgen.transport.http1 import ResponseParser, open_tunnel, serialize
from loadgen.transport.limits import require_descriptors, require_free_port, require_ports, require_ports_to_spend
from loadgen.transport.route import BUNDLES, PORTS, Route, find_route, is_loopback, override_network

__all__ = [
    "ANSWER_SECONDS",
    "BUNDLES",
    "PORTS",
    "TIMEOUT_SECONDS",
    "BlockingConnection",
    "FirstAnswer",
    "NoAnswer",
    "OnWait",
    "ResponseParser",
    "Route",
    "allows_origin",
    "describe_answer",
    "explain_connect_error",
    "find_route",
    "is_accepted",
    "is_json",
    "is_loopback",
    "make_printable",
    "name_cause",
    "name_outcome",
    "open_tunnel",
    "override_network",
    "parse_retry_after",
    "require_answer",
    "require_descriptors",
    "require_free_port",
    "require_ports",
    "require_ports_to_spend",
    "serialize",
    "start_notice",
    "unpack",
]
