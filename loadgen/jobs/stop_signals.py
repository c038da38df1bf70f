"""The signals that end a job: Ctrl-C, SIGTERM (the stop of a container or unit), SIGHUP (a closed terminal)."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

from loadgen.errors import act_after_imports, interrupt

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
    """A context in which each of the signals calls `act`, by default to raise Interrupted; in `counted` it only counts.

    Only the main thread can handle signals; in another thread this context does nothing.
    """

    def __init__(self, act: Callable[[], None] = interrupt) -> None:
        self.count = 0
        self._act = act
        self._counting = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            heeded = [each for each in SIGNALS if signal.getsignal(each) != signal.SIG_IGN]  # ignored: nohup, `&`
            self._before = {number: signal.signal(number, self._receive) for number in heeded}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def count_signals(self) -> Iterator[None]:
        """Make signals only count: the code inside looks at `count` itself."""
        self._counting = True
        try:
            yield
        finally:
            self._counting = False

    def _receive(self, _: int, frame: FrameType | None) -> None:
        self.count += 1
        act_after_imports(frame, self._heed)

    def _heed(self) -> None:
        if not self._counting:
            self._act()
