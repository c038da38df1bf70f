"""One seed → random streams, each named by what it is for and which block of session indices it covers.

Rule: a stream's name depends neither on the worker nor on the order of calls, so every worker draws the same numbers
for a session. `pause` is called whenever a stream is opened and between the pieces of long lists, so that a caller can
do other work in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import blake2b
from itertools import islice
from typing import TypeVar

import numpy as np

BLOCK = 128
"""Sessions that are drawn together."""

PIECE = 500
"""Objects that are made between two pauses: below a millisecond."""

Made = TypeVar("Made")
Pause = Callable[[], None]


def do_not_pause() -> None:
    """A pause that does nothing."""


class BlockStream:
    """One purpose's Philox counter, moved from block to block: making one anew takes four times as long."""

    def __init__(self, name: str) -> None:
        key = np.frombuffer(blake2b(name.encode(), digest_size=16).digest(), dtype="<u8").astype(np.uint64)
        self._bits = np.random.Philox(key=key)
        self._generator = np.random.Generator(self._bits)
        self._start = self._bits.state

    def at(self, block: int) -> np.random.Generator:
        """The generator at the block's own place."""
        self._start["state"]["counter"] = np.array([0, 0, block, 0], dtype=np.uint64)
        self._bits.state = self._start
        return self._generator


class Seeds:
    """The streams of one run: Philox counters, keyed by seed and purpose, at the block's own place."""

    def __init__(self, seed: int, pause: Pause | None = None) -> None:
        self.seed, self.pause = seed, pause or do_not_pause
        self._streams: dict[str, BlockStream] = {}

    def stream(self, purpose: str, block: int = 0) -> np.random.Generator:
        """The generator for one purpose and block, at its beginning; the purpose's generator for another block ends."""
        self.pause()
        stream = self._streams.get(purpose)
        if stream is None:
            stream = self._streams[purpose] = BlockStream(f"{self.seed}/{purpose}")
        return stream.at(block)

    def list_all(self, made: Iterable[Made]) -> list[Made]:
        """Everything that an iterator makes, with pauses."""
        if self.pause is do_not_pause:
            return list(made)
        source, found = iter(made), []
        while piece := list(islice(source, PIECE)):
            found += piece
            self.pause()
        return found
