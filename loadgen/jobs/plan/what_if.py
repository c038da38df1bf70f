"""Compute what other client settings would change: each setting is tried at other values on the same sessions.

Rule: the effect of a setting is a factor on the first attempts of the first app monitor's first sessions.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from loadgen import client
from loadgen.jobs.plan.batch_profile import FirstAttempts, profile_batches
from loadgen.jobs.plan.figures import SettingEffect
from loadgen.jobs.plan.rehearse import RehearsedMonitor, plan_share
from loadgen.planned import PlannedSession

SETTINGS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("batchLimit", (25, 50, 100)),
    ("dispatchInterval", (2_500, 5_000, 10_000, 30_000)),
    ("compression", (False, True)),
    ("resourceEventLimit", (0, 10)),
    ("sessionEventLimit", (50, 100, 200, 0)),
)
"""Settings of aws-rum-web and values to try, their defaults included; for sessionEventLimit 0 means no limit."""


def try_settings(monitor: RehearsedMonitor, seed: int) -> tuple[SettingEffect, ...]:
    """Try each setting alone, at each value that the scenario does not have, on a monitor's first sessions."""
    unchanged = profile_batches(monitor.sessions, monitor.scenario).attempts
    return tuple(
        _try_setting(monitor, seed, unchanged, name, value)
        for name, values in SETTINGS
        for value in values
        if value != getattr(monitor.scenario.client, name)
    )


def _try_setting(
    monitor: RehearsedMonitor, seed: int, unchanged: FirstAttempts, name: str, value: float | bool
) -> SettingEffect:
    changed = monitor.scenario.client.model_copy(update={name: value})
    scenario = monitor.scenario.model_copy(update={"client": changed})
    sessions: Iterable[PlannedSession] = (
        (session, client.plan(session, changed, 1.0)) for session, _ in monitor.sessions
    )
    if name == "resourceEventLimit":  # it changes the events of page loads, so the sessions must be drawn again
        drawn = plan_share(scenario, seed, monitor.share, with_unrecorded=True)
        sessions = islice(drawn, len(monitor.sessions))
    tried = profile_batches(sessions, scenario).attempts

    def compute_factor(after: float, before: float) -> float:
        return after / before if before else 1.0

    return SettingEffect(
        name,
        value,
        compute_factor(len(tried.due), len(unchanged.due)),
        compute_factor(float(tried.events.sum()), float(unchanged.events.sum())),
        compute_factor(float(tried.wire_bytes.sum()), float(unchanged.wire_bytes.sum())),
    )
