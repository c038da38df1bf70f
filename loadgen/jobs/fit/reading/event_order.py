"""Sort sessions and count events out of order: the same data give the same tables, in whatever order they are read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LATE_SECONDS = 1.0  # times are whole seconds, rounded


def sort_sessions(ids: Sequence[str], session: NDArray[np.int64], at: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the numbers of all sessions by time of their first event, then by id; `session` and `at`: [event].

    A session without a counted event comes last.
    """
    first = np.full(len(ids), np.inf)
    np.minimum.at(first, session, at)
    return np.lexsort((np.array(ids, dtype=str), first))


def count_out_of_order(session: NDArray[np.int64], at: NDArray[np.float64]) -> int:
    """Count the events that were read more than a second after a later event of their session."""
    order = np.argsort(session, kind="stable")
    same = session[order][1:] == session[order][:-1]
    return int((same & (np.diff(at[order]) < -LATE_SECONDS)).sum())
