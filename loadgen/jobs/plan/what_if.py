"""What other client settings would change, tried on the same sessions; and what a sample rate leaves to be seen."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import numpy as np

from loadgen import traffic
from loadgen.jobs.plan.batch_profile import Shapes, shapes, weigher
from loadgen.jobs.plan.rehearse import CONFIDENCE, Rehearsed
from loadgen.model import Noun, Session
from loadgen.rum.events import JS_ERROR, LCP
from loadgen.scenario import Scenario
from loadgen.wire import read_vital

SETTINGS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("batchLimit", (25, 50, 100)),
    ("dispatchInterval", (2_500, 5_000, 10_000, 30_000)),
    ("compression", (False, True)),
    ("resourceEventLimit", (0, 10)),
    ("sessionEventLimit", (50, 100, 200, 0)),
)
"""Settings of aws-rum-web and values worth a look, their defaults among them; 0 is no limit for the last."""


class Lever(Noun):
    """A client setting at another value: what it makes of the demand, as factors."""

    setting: str
    value: float | bool
    requests: float
    events: float
    wire_bytes: float


class Seen(Noun):
    """What a number of recorded sessions tells: half the 95 % interval, relative to the value."""

    p75_lcp: float | None
    js_error_share: float | None


def levers(rehearsed: Rehearsed, seed: int) -> tuple[Lever, ...]:
    """Each setting by itself at each other value, on a monitor's first sessions."""
    plain = _shapes(rehearsed.scenario, rehearsed.sessions)
    current = rehearsed.scenario.client
    return tuple(
        _lever(rehearsed, seed, plain, name, value)
        for name, values in SETTINGS
        for value in values
        if value != getattr(current, name)
    )


def _lever(rehearsed: Rehearsed, seed: int, plain: Shapes, name: str, value: float | bool) -> Lever:
    scenario = rehearsed.scenario
    other = scenario.model_copy(update={"client": scenario.client.model_copy(update={name: value})})
    sessions: Iterable[Session] = rehearsed.sessions
    if name == "resourceEventLimit":  # it acts where the pages load, the others on what was noticed there
        sessions = islice(traffic.sessions(other, seed, (0, rehearsed.share)), len(rehearsed.sessions))
    tried = _shapes(other, sessions)

    def factor(after: float, before: float) -> float:
        return after / before if before else 1.0

    return Lever(
        name,
        value,
        factor(len(tried.due), len(plain.due)),
        factor(float(tried.events.sum()), float(plain.events.sum())),
        factor(float(tried.wire_bytes.sum()), float(plain.wire_bytes.sum())),
    )


def _shapes(scenario: Scenario, sessions: Iterable[Session]) -> Shapes:
    return shapes(sessions, scenario.client, 1.0, weigher(scenario))


class Sight:
    """What recorded sessions tell of a site, judged by some of them."""

    def __init__(self, sessions: Sequence[Session]) -> None:
        lcp = [_first_lcp(session) for session in sessions]
        self._lcp = np.array([value for value in lcp if value is not None])
        self._with_lcp = len(self._lcp) / len(sessions) if sessions else 0.0
        self._failing = sum(map(_has_error, sessions)) / len(sessions) if sessions else 0.0

    def of(self, recorded: float) -> Seen:
        """What so many recorded sessions tell; an LCP counts once a session, as those of one visit are alike."""
        lcp = error = None
        if (seen := recorded * self._with_lcp) >= 1:
            low, middle, high = np.quantile(self._lcp, (0.7, 0.75, 0.8))
            lcp = CONFIDENCE * math.sqrt(0.75 * 0.25 / seen) * float(high - low) / 0.1 / float(middle)
        if recorded >= 1 and self._failing:
            error = CONFIDENCE * math.sqrt((1 - self._failing) / (self._failing * recorded))
        return Seen(lcp, error)


def _first_lcp(session: Session) -> float | None:
    values = (read_vital(event) for load in session.loads for event in load.events if event.type == LCP)
    return next((vital[1] for vital in values if vital is not None), None)


def _has_error(session: Session) -> bool:
    return any(event.type == JS_ERROR for load in session.loads for event in load.events)
