"""What other client settings would change, tried on the same sessions; and what a sample rate leaves to be seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np

from loadgen import traffic
from loadgen.capacity.rehearse import CONFIDENCE
from loadgen.capacity.shapes import Shapes, shapes, weigher
from loadgen.events import JS_ERROR, Lcp
from loadgen.model import Noun, Session
from loadgen.scenario import Client, Scenario
from loadgen.traffic.arrivals import curve, starts
from loadgen.traffic.seeds import BLOCK, Seeds

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


def levers(scenario: Scenario, seed: int, sessions: Sequence[Session]) -> tuple[Lever, ...]:
    """Each setting by itself at each other value, on the sessions given."""
    plain = _shapes(scenario, sessions)
    found = []
    for name, values in SETTINGS:
        for value in values:
            if value != getattr(scenario.client, name):
                found.append(_lever(scenario, seed, sessions, plain, name, value))
    return tuple(found)


def _lever(
    scenario: Scenario, seed: int, sessions: Sequence[Session], plain: Shapes, name: str, value: float | bool
) -> Lever:
    client: Client = scenario.client.model_copy(update={name: value})
    other = scenario.model_copy(update={"client": client})
    # The resources of a page are drawn with the traffic; the other settings act on what was drawn.
    again = _again(other, seed, sessions) if name == "resourceEventLimit" else sessions
    tried = _shapes(other, again)

    def factor(after: float, before: float) -> float:
        return after / before if before else 1.0

    return Lever(
        name,
        value,
        factor(len(tried.due), len(plain.due)),
        factor(float(tried.events.sum()), float(plain.events.sum())),
        factor(float(tried.wire_bytes.sum()), float(plain.wire_bytes.sum())),
    )


def _shapes(scenario: Scenario, sessions: Sequence[Session]) -> Shapes:
    return shapes(sessions, scenario.client, 1.0, weigher(scenario))


def _again(scenario: Scenario, seed: int, sessions: Sequence[Session]) -> list[Session]:
    """The same visits with their pages loaded under other settings."""
    arrivals = len(starts(curve(scenario.arrivals, scenario.duration), Seeds(seed)))
    share = _share_of(sessions, arrivals)
    return list(islice(traffic.sessions(scenario, seed, (0, share)), len(sessions)))


def _share_of(sessions: Sequence[Session], arrivals: int) -> int:
    """Every how many-th block of the run these sessions are."""
    if len(sessions) <= BLOCK or not arrivals:
        return 1
    return max((sessions[BLOCK].index - sessions[0].index) // BLOCK, 1)


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
    events = (event.details for load in session.loads for event in load.events)
    return next((details.value for details in events if isinstance(details, Lcp)), None)


def _has_error(session: Session) -> bool:
    return any(event.type == JS_ERROR for load in session.loads for event in load.events)
