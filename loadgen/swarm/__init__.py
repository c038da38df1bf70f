"""Requests → Results on Locust. The only room that imports locust and gevent; jobs start it as a process.

This module handles the signals that end a run (Ctrl-C, SIGTERM, a closed terminal) from the first moment on.

Rule: a signal that arrives before the run begins is remembered; Python's own handler would end the process with a
traceback in the middle of an import. So this module imports nothing heavy: the import of Locust takes a second.
"""

from __future__ import annotations

import signal

_seen: list[int] = []


def list_heeded_signals() -> list[signal.Signals]:
    """Return the signals that end a run; without SIGHUP if the process ignores it, as under nohup.

    SIGINT counts even if the process ignores it, as in the background of a script: `loadgen run` ends Locust with it.
    """
    hung_up = [] if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else [signal.SIGHUP]
    return [signal.SIGINT, signal.SIGTERM, *hung_up]


def remember_signals() -> None:
    """Install handlers that only remember the signals that end a run."""
    for number in list_heeded_signals():
        signal.signal(number, lambda received, _: _seen.append(received))


def has_been_stopped() -> bool:
    """Return whether a signal that ends the run has arrived since the handlers were installed."""
    return bool(_seen)
