"""Which visits of known visitors are far enough apart: a browser has one session cookie.

Rule: a user's next session begins when the last one has expired. Each visit of a known visitor is somebody's by a draw
that neither the rate nor other blocks change. It is made under that visitor's user id if no visit within the time
before it drew the same visitor. Otherwise, or if it lasts too long (`Crowd.separate`), it has an id of its own:
somebody with the same browser makes it, who was last here before the run. So a block needs to know of the blocks before
it only who was drawn when, and not how long their visits last.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from loadgen.traffic.draws import BLOCK, Bools, Floats, Ints

LONG_VISIT = 1800.0
"""Seconds that a known visitor's visit may last; few last longer."""

MOST_REMEMBERED = 100_000
"""Visitors whose last draw is kept before those are forgotten whose draw is too long ago to matter."""

DrawKeys = Callable[[int, Floats], Ints]
"""A block and its starts → who was drawn for each of its visits; negative: nobody."""


class Returns:
    """The visits of known visitors in one run, block by block."""

    def __init__(self, draw_keys: DrawKeys, session_length: float) -> None:
        self._draw_keys = draw_keys
        self.apart = session_length + LONG_VISIT  # seconds between the starts of two visits of one visitor
        self.begun: Floats = np.zeros(0)  # the starts of all visits of the run, once they are known
        self.is_sample = False  # True: who was drawn for the blocks that are left out is not asked
        self._last: dict[int, float] = {}  # when each was last drawn
        self._next = 0  # the block that continues what `_last` knows

    def are_apart(self, block: int, at: Floats, keys: Ints) -> Bools:
        """Which visits of a block begin long enough after their visitors were last drawn.

        It is quick for blocks in ascending order. For another block those that lie within the time before it are drawn.
        """
        if block != self._next and not self.is_sample:
            self._catch_up(block, float(at[0]))
        self._next = block + 1
        return self._note(at, keys)

    def get_starts(self, block: int) -> Floats:
        """The starts of a block's visits, the last one repeated at the run's end."""
        starts = self.begun[block * BLOCK : (block + 1) * BLOCK]
        return np.pad(starts, (0, BLOCK - len(starts)), mode="edge")

    def _catch_up(self, block: int, at: float) -> None:
        first = int(np.searchsorted(self.begun, at - self.apart)) // BLOCK
        if block < self._next:
            self._last.clear()
        else:
            first = max(first, self._next)
        for number in range(first, min(block, -(-len(self.begun) // BLOCK))):
            starts = self.get_starts(number)
            self._note(starts, self._draw_keys(number, starts))

    def _note(self, at: Floats, keys: Ints) -> Bools:
        last, apart = self._last, np.zeros(len(keys), dtype=bool)
        rows = np.flatnonzero(keys >= 0)
        for row, start, key in zip(rows.tolist(), at[rows].tolist(), keys[rows].tolist(), strict=True):
            apart[row] = start - last.get(key, -np.inf) >= self.apart
            last[key] = start
        if len(last) > MOST_REMEMBERED:
            self._last = {key: start for key, start in last.items() if start > at[-1] - self.apart}
        return apart
