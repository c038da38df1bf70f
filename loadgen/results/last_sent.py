"""How far each visit came: when the last of its batches that were sent was due."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from loadgen.results.binning import batches
from loadgen.results.store import RunFolder

NEVER = -np.inf


class LastSent:
    """Intended moments in seconds from the run's zero, by session index; eight bytes a session."""

    def __init__(self, folder: RunFolder, monitors: Sequence[str] = ()) -> None:
        """Of the first of the run's app monitors."""
        self._last: npt.NDArray[np.float64] = np.zeros(0, np.float64)
        for batch in batches(folder, monitors if len(monitors) > 1 else ()):
            own = batch[batch["monitor"] == 0]
            if len(own):
                self._grow(int(own["session"].max()) + 1)
                np.maximum.at(self._last, own["session"], own["intended"])

    def of(self, session: int) -> float:
        """When the last batch of a visit that was sent was due; minus infinity when none was."""
        return float(self._last[session]) if session < len(self._last) else NEVER

    def _grow(self, sessions: int) -> None:
        if sessions > len(self._last):
            more = np.full(max(sessions, 2 * len(self._last)) - len(self._last), NEVER, np.float64)
            self._last = np.concatenate([self._last, more])
