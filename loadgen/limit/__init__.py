"""Windows, each at one rate → the highest request rate that keeps the conditions. Pure.

This module measures a window from the results of its requests; `search` chooses the rates.

The search runs in the Locust process (`swarm.rate_probe`), because that process sends the windows. The job
(`jobs.find_limit`) reads the steps and finishes a search that was interrupted. So this room stands below both.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from loadgen.causes import OWN
from loadgen.limit.search import (
    Cause,
    Conditions,
    Limit,
    RateWindow,
    SearchRange,
    SearchStep,
    find_limit_so_far,
    search_limit,
)
from loadgen.model import Noun, Result
from loadgen.scenario import Arrivals, Scenario

__all__ = [
    "LIMIT_FILE",
    "LONGEST_SECONDS",
    "STEPS_FILE",
    "Cause",
    "Conditions",
    "GeneratorLoad",
    "Limit",
    "LimitSearch",
    "RateHold",
    "RateWindow",
    "SearchRange",
    "SearchStep",
    "extend_for_search",
    "find_limit_so_far",
    "measure_window",
    "search_limit",
]

LIMIT_FILE, STEPS_FILE = "limit.json", "limit-steps.ndjson"
"""The files that a search writes into its folder: the limit it found, and each window as it was measured."""

LONGEST_SECONDS = 7200.0
"""The duration of a search's scenario in seconds; a longer search has no sessions left."""

SESSIONS_A_SECOND = 100.0
"""The arrivals of a search: enough for two hours at several hundred requests a second. The search itself decides when
each request is sent."""

LATE_SECONDS = 0.1
"""Answers up to this long after a window's end count as in time, because the last requests need theirs."""


class LimitSearch(Noun, kw_only=True):
    """The options of a search for a limit."""

    conditions: Conditions
    where: SearchRange
    hold: float  # seconds that count in a window
    settle: float  # seconds at the same rate before them
    senders: int  # most requests in flight


class RateHold(Noun):
    """One rate that was held for a while; `begin` to `end`, in seconds from the run's zero, is the part that counts."""

    rate: float  # requests a second
    begin: float
    end: float
    senders: int  # most requests in flight
    primed: bool  # the target's token bucket was emptied before


class GeneratorLoad(Noun):
    """The load of the generator itself in a window."""

    loop_lags: tuple[float, ...] = ()  # seconds by which its event loop was late, sampled
    cpu: float = 0.0  # cores


IDLE = GeneratorLoad()


def extend_for_search(scenario: Scenario) -> Scenario:
    """Give a scenario enough sessions for any search, and a client that tries every batch only once."""
    return scenario.model_copy(
        update={
            "arrivals": Arrivals(rate=SESSIONS_A_SECOND),
            "duration": LONGEST_SECONDS,
            "client": scenario.client.model_copy(update={"retries": 0}),
        }
    )


def measure_window(results: Sequence[Result], hold: RateHold, own: GeneratorLoad = IDLE) -> RateWindow:
    """Measure the window of a hold: the requests whose intended moment lies from its `begin` to its `end`."""
    begin, end = hold.begin, hold.end
    counted = [result for result in results if begin <= result.intended < end]
    if not counted:
        return RateWindow(hold.rate, 0.0, 0.0, 0.0, 0.0, 0.0, None, None, 0.0, hold.primed, sent_share=0.0)
    number, length = len(counted), end - begin
    latency = np.array([result.latency for result in counted]) * 1000
    accepted = sum(result.accepted for result in counted)
    passed = sum(result.accepted and begin <= result.finished < end for result in results)
    sent = sum(result.started < end for result in counted)
    errors = [result.error for result in counted if result.error is not None]
    throttled = sum(result.status == 429 for result in counted)
    return RateWindow(
        rate=hold.rate,
        offered=sent / length,
        accepted=passed / length,
        throttled_share=throttled / number,
        failed_share=(number - accepted - throttled) / number,
        answered_share=sum(result.finished < end + LATE_SECONDS for result in counted) / number,
        p50_ms=round(float(np.quantile(latency, 0.5)), 3),
        p99_ms=round(float(np.quantile(latency, 0.99)), 3),
        lag_p99_ms=round(float(np.quantile([result.lag for result in counted], 0.99)) * 1000, 3),
        primed=hold.primed,
        sent_share=sent / number,
        saturated=count_most_in_flight(results) >= hold.senders,
        loop_lag_p99_ms=round(float(np.quantile(own.loop_lags or (0.0,), 0.99)) * 1000, 3),
        cpu=round(own.cpu, 3),
        error=max(set(errors), key=errors.count, default=None),
        shortage=next((each.error for each in counted if each.error and each.error.startswith(OWN)), None),
    )


def count_most_in_flight(results: Sequence[Result]) -> int:
    """Return the most requests that were in flight at the same time."""
    moments = sorted([(result.started, 1) for result in results] + [(result.finished, -1) for result in results])
    return int(np.cumsum([change for _, change in moments]).max(initial=0))
