"""The order of what comes in any order: the same data give the same tables, whichever file is read first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LATE_SECONDS = 1.0  # times are whole seconds, rounded


def sort_sessions(ids: Sequence[str], session: NDArray[np.int64], at: NDArray[np.float64]) -> NDArray[np.int64]:
    """The numbers of all sessions by the time of their first event, then by id; `session` and `at` are of each event.

    A session none of whose events counts comes last.
    """
    first = np.full(len(ids), np.inf)
    np.minimum.at(first, session, at)
    return np.lexsort((np.array(ids, dtype=str), first))


def count_out_of_order(session: NDArray[np.int64], at: NDArray[np.float64]) -> int:
    """How many events came after a later one of their session; CLS and INP keep the time of their last change."""
    order = np.argsort(session, kind="stable")
    same = session[order][1:] == session[order][:-1]
    return int((same & (np.diff(at[order]) < -LATE_SECONDS)).sum())
