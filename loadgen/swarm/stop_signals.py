"""The wish to end a run, from its first moment on: Ctrl-C, SIGTERM, a terminal that closes.

Rule: a signal that comes before there is a run is remembered; Python's own handler would end the process with a
traceback in the middle of an import.
"""

from __future__ import annotations

import signal

_seen: list[int] = []


def list_heeded() -> list[signal.Signals]:
    """The signals that end a run; a terminal's end does not where somebody has said so, as with nohup.

    SIGINT is heeded even where it was ignored, as in a script's background: `loadgen run` ends its Locust by it.
    """
    hung_up = [] if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else [signal.SIGHUP]
    return [signal.SIGINT, signal.SIGTERM, *hung_up]


def remember() -> None:
    """Take signals from now on, and only remember them."""
    for number in list_heeded():
        signal.signal(number, lambda received, _: _seen.append(received))


def were_seen() -> bool:
    """Whether one has come since."""
    return bool(_seen)
