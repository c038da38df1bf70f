"""One seed → random streams, each named by what it is for and which block of session indices it covers.

Rule: a stream's name never holds who asks or in which order, so any worker draws the same numbers for a session.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

BLOCK = 128
"""Sessions that are drawn together."""


class Seeds:
    """The streams of one run: Philox counters, keyed by seed and purpose, at the block's own place."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._keys: dict[str, NDArray[np.uint64]] = {}

    def stream(self, purpose: str, block: int = 0) -> np.random.Generator:
        """The generator for one purpose and block; asking again starts it anew."""
        key = self._keys.get(purpose)
        if key is None:
            name = f"{self.seed}/{purpose}".encode()
            key = self._keys[purpose] = np.frombuffer(blake2b(name, digest_size=16).digest(), dtype="<u8").astype(
                np.uint64
            )
        place = np.array([0, 0, block, 0], dtype=np.uint64)
        return np.random.Generator(np.random.Philox(key=key, counter=place))
