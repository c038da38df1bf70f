"""One seed → random streams, each named by what it is for and which block of session indices it covers.

Rule: a stream's name never holds who asks or in which order, so any worker draws the same numbers for a session.
Whoever cannot wait for a whole block gets its turn where streams are asked for, and between the pieces of long lists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import blake2b
from itertools import islice
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

BLOCK = 128
"""Sessions that are drawn together."""

PIECE = 500
"""Objects that are made between two pauses: below a millisecond."""

Made = TypeVar("Made")
Pause = Callable[[], None]


def go_on() -> None:
    """The pause of those who have nothing else to do."""


class Seeds:
    """The streams of one run: Philox counters, keyed by seed and purpose, at the block's own place."""

    def __init__(self, seed: int, pause: Pause | None = None) -> None:
        self.seed, self.pause = seed, pause or go_on
        self._keys: dict[str, NDArray[np.uint64]] = {}

    def stream(self, purpose: str, block: int = 0) -> np.random.Generator:
        """The generator for one purpose and block; asking again starts it anew."""
        self.pause()
        key = self._keys.get(purpose)
        if key is None:
            name = f"{self.seed}/{purpose}".encode()
            key = self._keys[purpose] = np.frombuffer(blake2b(name, digest_size=16).digest(), dtype="<u8").astype(
                np.uint64
            )
        place = np.array([0, 0, block, 0], dtype=np.uint64)
        return np.random.Generator(np.random.Philox(key=key, counter=place))

    def listed(self, made: Iterable[Made]) -> list[Made]:
        """Everything that an iterator makes, with pauses."""
        if self.pause is go_on:
            return list(made)
        source, found = iter(made), []
        while piece := list(islice(source, PIECE)):
            found += piece
            self.pause()
        return found
