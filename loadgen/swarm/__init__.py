"""Requests → Results on Locust. The only room with locust, gevent and sockets; started as a process, never imported.

The wish to end a run stands here, as it counts from the first moment: Ctrl-C, SIGTERM, a terminal that closes.

Rule: a signal that comes before there is a run is remembered; Python's own handler would end the process with a
traceback in the middle of an import. So nothing heavy is imported here: Locust takes a second.
"""

from __future__ import annotations

import signal

_seen: list[int] = []


def list_heeded_signals() -> list[signal.Signals]:
    """The signals that end a run; a terminal's end does not where somebody has said so, as with nohup.

    SIGINT is heeded even where it was ignored, as in a script's background: `loadgen run` ends its Locust by it.
    """
    hung_up = [] if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else [signal.SIGHUP]
    return [signal.SIGINT, signal.SIGTERM, *hung_up]


def remember_signals() -> None:
    """Take signals from now on, and only remember them."""
    for number in list_heeded_signals():
        signal.signal(number, lambda received, _: _seen.append(received))


def has_been_stopped() -> bool:
    """Whether one has come since."""
    return bool(_seen)
