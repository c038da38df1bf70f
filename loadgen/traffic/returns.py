"""Which visits of known visitors are far enough apart: a browser has one session cookie, so sessions must not overlap.

Rule: a user's next session begins after the last one has expired. For each visit of a returning visitor a known visitor
is drawn, and neither the rate nor other blocks change that draw. The visit has the drawn visitor's user id if no visit
in the time before it has drawn the same visitor. Otherwise, or if the visit lasts too long (`Crowd.separate`), it has a
user id of its own: it is the visit of somebody with the same browser who was last here before the run. So of the blocks
before it a block needs only to know which visitors were drawn when, not how long their visits last.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from loadgen.traffic.draws import BLOCK, Bools, Floats, Ints

LONG_VISIT = 1800.0
"""The longest visit of a known visitor, in seconds; few visits last longer."""

MOST_REMEMBERED = 100_000
"""With more remembered visitors than this, those whose last draw is too long ago to matter are forgotten."""

DrawKeys = Callable[[int, Floats], Ints]
"""A function of a block's number and starts that returns the known visitor drawn for each visit; negative: none."""


class Returns:
    """The draws of known visitors in one run, block by block."""

    def __init__(self, draw_keys: DrawKeys, session_length: float) -> None:
        self._draw_keys = draw_keys
        self.apart = session_length + LONG_VISIT  # seconds between the starts of two visits of one visitor
        self.begun: Floats = np.zeros(0)  # the starts of all visits of the run, once they are known
        self.is_sample = False  # True: the draws of skipped blocks are ignored
        self._last: dict[int, float] = {}  # when each known visitor was last drawn
        self._next = 0  # `_last` has the draws of the blocks before this one

    def are_apart(self, block: int, at: Floats, keys: Ints) -> Bools:
        """Mark the visits of a block that begin long enough after the last draw of their visitors.

        This is quick for blocks in ascending order. If blocks are skipped, the visitors of those in the time before
        this block are drawn first.

        Args:
            block: The block's number.
            at: The start of each visit, in seconds from the run's zero.
            keys: The known visitor who was drawn for each visit; negative: none.
        """
        if block != self._next and not self.is_sample:
            self._catch_up(block, float(at[0]))
        self._next = block + 1
        return self._record_draws(at, keys)

    def get_starts(self, block: int) -> Floats:
        """Return the starts of a block's visits; at the run's end the last start is repeated to fill the block."""
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
            self._record_draws(starts, self._draw_keys(number, starts))

    def _record_draws(self, at: Floats, keys: Ints) -> Bools:
        last, apart = self._last, np.zeros(len(keys), dtype=bool)
        rows = np.flatnonzero(keys >= 0)
        for row, start, key in zip(rows.tolist(), at[rows].tolist(), keys[rows].tolist(), strict=True):
            apart[row] = start - last.get(key, -np.inf) >= self.apart
            last[key] = start
        if len(last) > MOST_REMEMBERED:
            self._last = {key: start for key, start in last.items() if start > at[-1] - self.apart}
        return apart
