"""Estimate how precise a site's figures are with a number of recorded sessions, from a sample of its sessions.

Rule: precision grows with the square root of the recorded sessions, so a sample at sample rate 1 gives it for any rate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from loadgen.jobs.plan.double_sampling import CONFIDENCE
from loadgen.model import Session
from loadgen.rum.events import JS_ERROR, LCP
from loadgen.wire import read_vital


class PrecisionEstimator:
    """An estimator of the precision of a site's figures by number of recorded sessions, made from some sessions.

    Each precision is half the 95 % interval, relative to the figure.
    """

    def __init__(self, sessions: Sequence[Session]) -> None:
        lcp = [_find_first_lcp(session) for session in sessions]
        self._lcp = np.array([value for value in lcp if value is not None])
        self._with_lcp = len(self._lcp) / len(sessions) if sessions else 0.0
        failing = [any(event.type == JS_ERROR for load in visit.loads for event in load.events) for visit in sessions]
        self._failing = sum(failing) / len(sessions) if sessions else 0.0

    def estimate_p75_lcp(self, recorded: float) -> float | None:
        """Estimate the precision of p75 LCP; None with less than one LCP.

        Only the first LCP of a session counts, because the values of one visit are alike.
        """
        with_lcp = recorded * self._with_lcp
        if with_lcp < 1:
            return None
        low, middle, high = np.quantile(self._lcp, (0.7, 0.75, 0.8))
        return CONFIDENCE * math.sqrt(0.75 * 0.25 / with_lcp) * float(high - low) / 0.1 / float(middle)

    def estimate_error_share(self, recorded: float) -> float | None:
        """Estimate the precision of the share of sessions with JavaScript errors; None if no session has any."""
        if recorded < 1 or not self._failing:
            return None
        return CONFIDENCE * math.sqrt((1 - self._failing) / (self._failing * recorded))


def _find_first_lcp(session: Session) -> float | None:
    values = (read_vital(event) for load in session.loads for event in load.events if event.type == LCP)
    return next((vital[1] for vital in values if vital is not None), None)
