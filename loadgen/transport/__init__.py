"""Request → Response on a socket: one sender's rules, for everyone who sends.

`http1` is HTTP/1.1 without I/O; `no_answer` names the causes when no answer comes; `answers` reads the answers that
come. `blocking_connection` sends from threads. The greenlets of a run send with the same rules from `swarm.connection`,
the one place with gevent's sockets.
"""

from loadgen.transport.answers import name_refusal, parse_retry_after
from loadgen.transport.blocking_connection import TIMEOUT_SECONDS, BlockingConnection
from loadgen.transport.http1 import ResponseParser, serialize
from loadgen.transport.no_answer import NoAnswer, name_cause

__all__ = [
    "TIMEOUT_SECONDS",
    "BlockingConnection",
    "NoAnswer",
    "ResponseParser",
    "name_cause",
    "name_refusal",
    "parse_retry_after",
    "serialize",
]
