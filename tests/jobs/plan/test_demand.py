from __future__ import annotations

import numpy as np
import pytest

from loadgen.jobs.plan.demand import (
    SLOTS,
    choose_sessions,
    choose_slot_length,
    coarsen_slots,
    extrapolate_demand,
    measure_demand,
    thin_demand,
)
from loadgen.scenario import Scenario
from tests.jobs.plan.shop import SHOP, demand_of, handmade_profile, rehearsed

BUSY = SHOP.adjust(duration=300.0, rate=2.0)


def balanced(totals: object) -> bool:
    names = ("not_sampled", "over_session_limit", "dropped_by_client", "unsent", "events")
    return bool(totals.generated == sum(getattr(totals, name) for name in names))  # type: ignore[attr-defined]  # a test's shortcut


@pytest.mark.parametrize("scenario", [SHOP, SHOP.adjust(sample_rate=0.3), SHOP.adjust(duration=5.0)])
def test_every_event_is_accounted_for(scenario: Scenario) -> None:
    totals = demand_of(scenario).totals
    assert balanced(totals)
    assert totals.unsent > 0


def test_what_is_due_after_the_end_is_unsent() -> None:
    made, demand = rehearsed(), demand_of()
    late = made.attempts.due >= SHOP.duration
    assert demand.totals.unsent == made.attempts.events[late].sum() > 0
    assert demand.totals.requests == (~late).sum()


def test_seconds_and_slots_hold_the_same_load() -> None:
    demand = demand_of()
    assert demand.seconds.requests.sum() == demand.slots.fetches.sum() + demand.slots.beacons.sum()
    assert demand.seconds.events.sum() == demand.slots.fetch_events.sum() + demand.slots.beacon_events.sum()
    per_second = np.add.reduceat(demand.slots.fetches + demand.slots.beacons, np.arange(0, 600, 10))
    assert per_second.tolist() == demand.seconds.requests.tolist()


def test_a_sample_of_all_is_the_whole() -> None:
    made = rehearsed()
    again = extrapolate_demand(SHOP, made, made.starts, 1.0, 7)
    exact = measure_demand(SHOP, made)
    assert again.totals == exact.totals
    assert again.seconds.requests.tolist() == exact.seconds.requests.tolist()


def test_a_sample_stands_for_the_rest() -> None:
    made, exact = rehearsed(BUSY), demand_of(BUSY)
    some = rehearsed(BUSY, seed=2)
    guess = extrapolate_demand(BUSY, some, made.starts, 1.0, 7).totals
    assert guess.sessions == exact.totals.sessions
    assert balanced(guess)
    assert guess.requests == pytest.approx(exact.totals.requests, rel=0.08)
    assert guess.events == pytest.approx(exact.totals.events, rel=0.08)


def test_a_sample_is_kept_by_sessions() -> None:
    made = rehearsed(BUSY)
    kept = extrapolate_demand(BUSY, made, made.starts, 0.25, 7).totals
    full = demand_of(BUSY).totals
    assert kept.events == pytest.approx(0.25 * full.events, rel=0.1)
    assert kept.not_sampled == pytest.approx(0.75 * full.generated, rel=0.05)
    assert balanced(kept)


def test_sessions_stand_for_arrivals_near_them_as_often_as_they_weigh() -> None:
    stream = np.random.default_rng(1)
    made = handmade_profile(4_000)
    weights = stream.random(4_000) + 0.5
    weights /= weights.mean()
    chosen = choose_sessions(made._replace(weights=weights), 100_000, stream)
    assert np.abs(np.bincount(chosen, minlength=4_000) - 25 * weights).max() < 1
    apart = chosen - np.arange(100_000) / 25
    assert 500 < np.abs(apart).max() < 1_200
    assert chosen.tolist() != sorted(chosen.tolist())


def test_thinning_keeps_a_part_of_the_load() -> None:
    demand = demand_of(BUSY)
    part = thin_demand(demand, 0.1, 3)
    assert part.slots.fetches.sum() == pytest.approx(0.1 * demand.slots.fetches.sum(), rel=0.1)
    assert part.totals.events == pytest.approx(0.1 * demand.totals.events, rel=1e-3)


def test_longer_slots_hold_the_same_load() -> None:
    demand = demand_of()
    coarse = coarsen_slots(demand).slots
    assert coarse.length == 1.0
    assert coarse.fetches[:60].tolist() == demand.slots.fetches[:600].reshape(60, 10).sum(axis=1).tolist()
    assert [column.sum() for column in coarse[1:]] == [column.sum() for column in demand.slots[1:]]


def test_slots_grow_with_the_run_until_it_is_too_long() -> None:
    assert choose_slot_length(86_400.0) == SLOTS[0]
    assert choose_slot_length(7 * 86_400.0) == SLOTS[1]
    assert choose_slot_length(400 * 86_400.0) is None
