"""The CORS preflights of a run: what browsers ask before they send batches, apart from the requests for PutRumEvents.

Rule: a preflight is no request of the accounts, uses no quota and has no events. The target's answer does not hold the
batch back; a browser would not send it without permission, so refusals are counted.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from loadgen.model import Noun
from loadgen.results.histogram import Histogram
from loadgen.results.summary import Milliseconds, PreflightSummary


class PreflightResult(Noun):
    """One preflight, measured."""

    latency: float  # seconds from the intended moment to the answer
    answered: bool
    allowed: bool  # a 2xx with an Access-Control-Allow-Origin that names the page's origin, or any


class PreflightMetrics:
    """The preflights of a run so far."""

    def __init__(self) -> None:
        self.sent = self._allowed = self._answered = 0
        self._latency = Histogram()

    def add(self, results: Iterable[PreflightResult]) -> None:
        """Add preflights that are over."""
        found = list(results)
        self.sent += len(found)
        self._allowed += sum(each.allowed for each in found)
        self._answered += sum(each.answered for each in found)
        self._latency.add(np.array([each.latency for each in found]))

    def sum_up(self) -> PreflightSummary:
        """The figures for a run's summary."""
        refused, unanswered = self._answered - self._allowed, self.sent - self._answered
        return PreflightSummary(self.sent, self._allowed, refused, unanswered, Milliseconds.of(self._latency))
