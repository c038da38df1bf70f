"""What other client settings would change, tried on the same sessions; and how precise a sample rate leaves figures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import numpy as np

from loadgen import client
from loadgen.jobs.plan.batch_profile import BatchProfile, make_batch_measure, profile_batches
from loadgen.jobs.plan.figures import SettingEffect
from loadgen.jobs.plan.rehearse import CONFIDENCE, RehearsedMonitor, record_all
from loadgen.model import Noun, Session
from loadgen.planned import PlannedSession, planned
from loadgen.rum.events import JS_ERROR, LCP
from loadgen.wire import read_vital

SETTINGS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("batchLimit", (25, 50, 100)),
    ("dispatchInterval", (2_500, 5_000, 10_000, 30_000)),
    ("compression", (False, True)),
    ("resourceEventLimit", (0, 10)),
    ("sessionEventLimit", (50, 100, 200, 0)),
)
"""Settings of aws-rum-web and values to try, their defaults included; 0 means no limit for the last."""


class Precision(Noun):
    """How precise a number of recorded sessions makes figures: half the 95 % interval, relative to the value."""

    p75_lcp: float | None
    js_error_share: float | None


def try_settings(monitor: RehearsedMonitor, seed: int) -> tuple[SettingEffect, ...]:
    """Each setting by itself at each other value, on a monitor's first sessions."""
    unchanged = profile_batches(monitor.sessions, make_batch_measure(monitor.scenario))
    current = monitor.scenario.client
    return tuple(
        _try_setting(monitor, seed, unchanged, name, value)
        for name, values in SETTINGS
        for value in values
        if value != getattr(current, name)
    )


def _try_setting(
    monitor: RehearsedMonitor, seed: int, unchanged: BatchProfile, name: str, value: float | bool
) -> SettingEffect:
    changed = monitor.scenario.client.model_copy(update={name: value})
    scenario = monitor.scenario.model_copy(update={"client": changed})
    sessions: Iterable[PlannedSession] = (
        (session, client.plan(session, changed, 1.0)) for session, _ in monitor.sessions
    )
    if name == "resourceEventLimit":  # it changes which events the pages' loads have, the others what becomes of events
        drawn = planned(record_all(scenario), seed, (0, monitor.share), with_unrecorded=True)
        sessions = islice(drawn, len(monitor.sessions))
    tried = profile_batches(sessions, make_batch_measure(scenario))

    def factor(after: float, before: float) -> float:
        return after / before if before else 1.0

    return SettingEffect(
        name,
        value,
        factor(len(tried.due), len(unchanged.due)),
        factor(float(tried.events.sum()), float(unchanged.events.sum())),
        factor(float(tried.wire_bytes.sum()), float(unchanged.wire_bytes.sum())),
    )


class PrecisionEstimator:
    """Estimates from some sessions of a site how precise its figures are with a number of recorded sessions."""

    def __init__(self, sessions: Sequence[Session]) -> None:
        lcp = [_find_first_lcp(session) for session in sessions]
        self._lcp = np.array([value for value in lcp if value is not None])
        self._with_lcp = len(self._lcp) / len(sessions) if sessions else 0.0
        self._failing = sum(map(_has_error, sessions)) / len(sessions) if sessions else 0.0

    def estimate(self, recorded: float) -> Precision:
        """The precision with so many recorded sessions; an LCP counts once a session, as those of a visit are alike."""
        lcp = error = None
        if (with_lcp := recorded * self._with_lcp) >= 1:
            low, middle, high = np.quantile(self._lcp, (0.7, 0.75, 0.8))
            lcp = CONFIDENCE * math.sqrt(0.75 * 0.25 / with_lcp) * float(high - low) / 0.1 / float(middle)
        if recorded >= 1 and self._failing:
            error = CONFIDENCE * math.sqrt((1 - self._failing) / (self._failing * recorded))
        return Precision(lcp, error)


def _find_first_lcp(session: Session) -> float | None:
    values = (read_vital(event) for load in session.loads for event in load.events if event.type == LCP)
    return next((vital[1] for vital in values if vital is not None), None)


def _has_error(session: Session) -> bool:
    return any(event.type == JS_ERROR for load in session.loads for event in load.events)
