"""Scenario and seed → each session with the batches that its web client means to send.

Rule: every job that asks what a scenario sends iterates over `planned`. A run, a plan, a sample, a file of bodies and a
seeded past agree because they draw sessions and plan batches by the same code. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from loadgen import client, traffic
from loadgen.model import Session
from loadgen.scenario import Scenario

PlannedSession = tuple[Session, client.Plan]

UNSENT_MONITOR_ID = "00000000-0000-4000-8000-000000000000"
"""The app monitor's id in bodies that are not sent to a monitor: a valid version 4 UUID that no monitor has."""


def planned(
    scenario: Scenario,
    seed: int,
    share: tuple[int, int] = (0, 1),
    *,
    yield_to_others: Callable[[], None] | None = None,
    with_unrecorded: bool = False,
    is_sample: bool = False,
) -> Iterator[PlannedSession]:
    """Yield the sessions of one worker in order of start, each with its client's plan.

    Args:
        scenario: Its monitor's sample rate and its client's settings decide what is sent.
        seed: Same scenario and seed, same sessions; the shares of all n workers together are those of (0, 1).
        share: (i, n): worker i, counted from 0, of n workers.
        yield_to_others: A function that is called at least every two milliseconds while sessions are drawn.
        with_unrecorded: Keep events in the sessions that the client does not record because of its sample rate or
            session limit. The plan is the same without these events, and drawing them takes time.
        is_sample: The share stands for the whole run; its user ids may differ from the run's: `traffic.draw_blocks`.
    """
    settings, sample_rate, pause = scenario.client, scenario.monitor.sample_rate, yield_to_others or _do_not_yield

    def plan_blocks() -> Iterator[tuple[int, Iterator[tuple[Session, Callable[[], client.Plan]]]]]:
        for first, drawn in traffic.draw_blocks(scenario, seed, share, yield_to_others, not with_unrecorded, is_sample):
            sessions = list(drawn)
            plans = client.BlockPlan(sessions, settings, sample_rate, pause)
            yield first, zip(sessions, (partial(plans.make_plan, row) for row in range(len(sessions))), strict=True)

    for session, make_plan in traffic.merge_blocks(plan_blocks(), lambda planned: planned[0].index):
        yield session, make_plan()


def _do_not_yield() -> None:
    """Do nothing: no other work waits in this process."""
