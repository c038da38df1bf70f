"""Results of a hold at a rate → Window. Pure; what a search asks for travels as `Hunt`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from loadgen.jobs.find_limit.search import Conditions, Range, Window
from loadgen.model import Noun, Result
from loadgen.scenario import Scenario
from loadgen.scenario.arrivals import Arrivals

LONGEST_SECONDS = 7200.0
"""A search that lasts longer has run out of sessions."""

SESSIONS_A_SECOND = 100.0
"""Enough for two hours at several hundred requests a second; the holds say when they are sent, not the arrivals."""


LATE_SECONDS = 0.1
"""An answer that comes so soon after a window's end is still in time: the last requests need theirs."""


class Hunt(Noun, kw_only=True):
    """A search for a limit, as the command line asks for it."""

    conditions: Conditions
    where: Range
    hold: float  # seconds that count in a window
    settle: float  # seconds at the same rate before
    senders: int  # requests that can be in flight


def endless(scenario: Scenario) -> Scenario:
    """The scenario with sessions enough for any search, and a client that tries every batch once."""
    return scenario.model_copy(
        update={
            "arrivals": Arrivals(rate=SESSIONS_A_SECOND),
            "duration": LONGEST_SECONDS,
            "client": scenario.client.model_copy(update={"retries": 0}),
        }
    )


class Own(Noun):
    """How the generator itself did in a window."""

    loop_lags: tuple[float, ...] = ()  # seconds by which its loop was late, looked at many times
    cpu: float = 0.0  # cores


IDLE = Own()


def window_of(
    results: Sequence[Result], rate: float, begin: float, end: float, senders: int, primed: bool, own: Own = IDLE
) -> Window:
    """What a hold measured: of what was meant to be sent from `begin` to `end`, in seconds from the run's zero."""
    counted = [result for result in results if begin <= result.intended < end]
    if not counted:
        return Window(rate, 0.0, 0.0, 0.0, 0.0, 0.0, None, None, 0.0, primed, sent_share=0.0)
    number, length = len(counted), end - begin
    latency = np.array([result.latency for result in counted]) * 1000
    accepted = sum(map(is_accepted, counted))
    passed = sum(is_accepted(result) and begin <= result.finished < end for result in results)
    sent = sum(result.started < end for result in counted)
    throttled = sum(result.status == 429 for result in counted)
    return Window(
        rate=rate,
        offered=sent / length,
        accepted=passed / length,
        throttled_share=throttled / number,
        failed_share=(number - accepted - throttled) / number,
        answered_share=sum(result.finished < end + LATE_SECONDS for result in counted) / number,
        p50_ms=round(float(np.quantile(latency, 0.5)), 3),
        p99_ms=round(float(np.quantile(latency, 0.99)), 3),
        lag_p99_ms=round(float(np.quantile([result.lag for result in counted], 0.99)) * 1000, 3),
        primed=primed,
        sent_share=sent / number,
        saturated=most_in_flight(results) >= senders,
        loop_lag_p99_ms=round(float(np.quantile(own.loop_lags or (0.0,), 0.99)) * 1000, 3),
        cpu=round(own.cpu, 3),
    )


def is_accepted(result: Result) -> bool:
    """Whether the target kept the batch: any 2xx."""
    return result.status is not None and 200 <= result.status < 300


def most_in_flight(results: Sequence[Result]) -> int:
    """The most requests that were under way at one moment."""
    moments = sorted([(result.started, 1) for result in results] + [(result.finished, -1) for result in results])
    return int(np.cumsum([change for _, change in moments]).max(initial=0))
