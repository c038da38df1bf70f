"""Between what waits for an answer and what does not: doubles of the network for an engine, and callers that wait."""

from __future__ import annotations

from collections.abc import Callable

import gevent
from gevent.event import AsyncResult
from gevent.event import Event as Signal

from loadgen.model import Request, Response, Send
from loadgen.swarm.connection import Begin, ConnectionPool, OnOver, Outcome, explain_error
from loadgen.transport import NoAnswer, Route


def begin_with(send: Send) -> Begin:
    """Begin a request by sending it in a greenlet of its own."""

    def wait(request: Request, on_over: OnOver) -> None:
        try:
            outcome: Outcome = send(request)
        except Exception as error:
            outcome = explain_error(error)
        on_over(outcome)

    return lambda request, on_over: gevent.spawn(wait, request, on_over)


def begin(network: ConnectionPool, request: Request) -> AsyncResult[Outcome]:
    """Begin a request; its outcome can be waited for."""
    outcome: AsyncResult[Outcome] = AsyncResult()
    network.begin(request, outcome.set)
    return outcome


def send_over(network: ConnectionPool, request: Request) -> Response:
    """Send and wait; raises NoAnswer."""
    outcome: Outcome = begin(network, request).get()
    if isinstance(outcome, NoAnswer):
        raise outcome
    return outcome


def waiting_pool(route: Route, timeout: float) -> Send:
    """A pool whose callers wait."""
    network = ConnectionPool(route, timeout)
    return lambda request: send_over(network, request)


def serve(serve_until: Callable[[Signal], None], number: int) -> list[gevent.Greenlet]:
    """So many senders that never leave by themselves."""
    never = Signal()
    started = [gevent.spawn(serve_until, never) for _ in range(number)]
    gevent.sleep(0)
    return started
