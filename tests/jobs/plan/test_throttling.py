from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadgen.jobs.plan import throttling
from loadgen.jobs.plan.demand import Demand
from loadgen.jobs.plan.discrete_event import AccountQuota, list_retry_delays, simulate_requests
from loadgen.jobs.plan.fluid import simulate_slots
from loadgen.jobs.plan.throttling import find_needed_quota, is_rough, measure_recovery, scatter_attempts, simulate_quota
from loadgen.scenario import Client
from tests.jobs.plan.shop import SHOP, demand_of, handmade

BUSY = demand_of(SHOP.adjust(duration=300.0, rate=6.0))


def poisson(rate: float, duration: float = 120.0, seed: int = 1) -> list[float]:
    stream = np.random.default_rng(seed)
    return sorted((stream.random(int(rate * duration)) * duration).tolist())


def test_the_retries_are_the_web_clients() -> None:
    assert list_retry_delays(Client()) == (2.0, 4.0)
    assert list_retry_delays(Client(retries=0)) == ()


def test_above_the_load_nothing_is_throttled() -> None:
    for model in (simulate_requests, simulate_slots):
        outcome = model([BUSY], AccountQuota(1000)).outcome
        assert outcome.throttled == outcome.events_lost == outcome.retried == 0
        assert outcome.attempts == outcome.accepted == BUSY.totals.requests


def test_three_at_once_under_a_quota_of_one_are_tried_again() -> None:
    outcome = simulate_requests([handmade([1.0, 1.0, 1.0])], AccountQuota(1, 1)).outcome
    assert (outcome.accepted, outcome.given_up) == (3, 0)  # at 1 s, then one after 2 s and the last after 4 s more
    assert (outcome.attempts, outcome.throttled, outcome.retried) == (6, 3, 3)


def test_a_throttled_beacon_is_lost_at_once() -> None:
    outcome = simulate_requests([handmade([1.0, 1.0, 1.0], beacon=True)], AccountQuota(1, 1)).outcome
    assert (outcome.attempts, outcome.accepted, outcome.given_up, outcome.events_lost) == (3, 1, 2, 2)


def test_retries_that_come_after_the_drain_are_lost() -> None:
    patient = Client(retries=6)
    demand = handmade([59.0] * 50, client=patient)
    outcome = simulate_requests([demand], AccountQuota(0.2, 1)).outcome
    assert outcome.events_lost == 50 - outcome.accepted > 0
    assert outcome.attempts < 50 * 4.5  # the fourth retry would come 30 s later


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9, 1.05, 1.3])
@pytest.mark.parametrize("depth", [1.0, 5.0])
def test_slots_and_single_requests_agree(part: float, depth: float) -> None:
    rate = part * BUSY.totals.requests / 300
    quota = AccountQuota(rate, rate * depth, answer_seconds=0.05)
    exact, mean = simulate_requests([BUSY], quota).outcome, simulate_slots([BUSY], quota).outcome
    assert mean.throttled_share == pytest.approx(exact.throttled_share, abs=0.02)
    assert mean.lost_share == pytest.approx(exact.lost_share, abs=0.015)


@pytest.mark.parametrize("burst", [1.0, 2.0, 3.0, 5.0, 8.0])
@pytest.mark.parametrize("part", [0.5, 1.0, 1.5])
def test_a_sample_is_as_hard_as_single_requests_on_a_shallow_bucket(burst: float, part: float) -> None:
    quota = AccountQuota(part * BUSY.totals.requests / 300, burst, answer_seconds=0.05)
    exact, sample = simulate_quota([BUSY], quota).outcome, simulate_quota([BUSY._replace(attempts=None)], quota).outcome
    assert sample.throttled_share == pytest.approx(exact.throttled_share, abs=0.02)
    assert sample.lost_share == pytest.approx(exact.lost_share, abs=0.015)


def test_scattered_attempts_are_those_of_their_slots() -> None:
    made = scatter_attempts(BUSY._replace(attempts=None)).attempts
    assert made is not None and BUSY.attempts is not None
    slots = BUSY.slots
    for beacon, counts, events in (
        (False, slots.fetches, slots.fetch_events),
        (True, slots.beacons, slots.beacon_events),
    ):
        own = made.beacon == beacon
        slot = (made.due[own] / slots.length).astype(int)
        assert np.array_equal(np.bincount(slot, minlength=len(counts)), counts)
        assert np.array_equal(np.bincount(slot, made.events[own], minlength=len(counts)), events)
    assert (np.diff(made.due) >= 0).all()


def test_a_shallow_bucket_under_more_than_can_be_scattered_is_called_rough(monkeypatch: pytest.MonkeyPatch) -> None:
    sample, small, large = BUSY._replace(attempts=None), AccountQuota(50, 2), AccountQuota(50)
    assert not is_rough([sample], small)
    monkeypatch.setattr(throttling, "MOST_SCATTERED", BUSY.totals.requests - 1)
    assert is_rough([sample], small)
    assert not is_rough([BUSY], small)
    assert not is_rough([sample], large)
    assert simulate_quota([sample], small).outcome == simulate_slots([sample], small).outcome


@given(
    due=st.lists(st.floats(0, 59, allow_nan=False), min_size=1, max_size=200).map(sorted),
    rate=st.floats(0.5, 20),
    burst=st.floats(1, 20),
)
@settings(max_examples=60, deadline=None)
def test_the_sums_hold_under_any_quota(due: list[float], rate: float, burst: float) -> None:
    for model in (simulate_requests, simulate_slots):
        outcome = model([handmade(due)], AccountQuota(rate, burst)).outcome
        assert outcome.attempts == pytest.approx(outcome.accepted + outcome.throttled)
        assert outcome.attempts == pytest.approx(len(due) + outcome.retried)
        assert outcome.events == len(due)
        assert outcome.events_lost == pytest.approx(outcome.given_up)
        assert outcome.accepted + outcome.given_up == pytest.approx(len(due))


def test_a_run_at_half_its_load_recovers_with_the_last_retries() -> None:
    due = sorted(poisson(40, 60) + [60 + at for at in poisson(5, 60, 2)])
    demand, quota = handmade(due, 120.0), AccountQuota(20)
    found = measure_recovery([demand], simulate_quota([demand], quota), quota)
    assert found is not None
    assert 0 <= found <= 8  # 2 s + 4 s, and what the bucket then owes


@pytest.mark.parametrize("rate", [3.0, 40.0, 62.0, 1000.0])
def test_the_seconds_of_slots_add_up_to_their_outcome(rate: float) -> None:
    impatient = handmade(poisson(30, 300.0), 300.0, client=Client(retries=0))
    for demands in ([BUSY], [BUSY, impatient]):
        trajectory = simulate_slots(demands, AccountQuota(rate, answer_seconds=0.05))
        assert trajectory.attempts.sum() == pytest.approx(trajectory.outcome.attempts)


def test_a_load_of_exactly_the_quota_is_not_above_it() -> None:
    crowd = [place / 60 for place in range(600)]  # 60 a second for 10 s
    steady = [10 + place / 20 for place in range(2200)]
    demand, quota = handmade(crowd + steady, 120.0), AccountQuota(20)
    assert measure_recovery([demand], simulate_quota([demand], quota), quota) is not None


def test_a_single_crowded_second_is_no_load_above_the_quota() -> None:
    """Recovery counts from the first refusal on, as the load of ten seconds never passes the quota."""
    due = sorted([*poisson(3, 80), *([40.5] * 60), *([55.5] * 60)])
    demand, quota = handmade(due, 80.0), AccountQuota(20)
    found = measure_recovery([demand], simulate_quota([demand], quota), quota)
    assert found is not None
    assert 15 <= found <= 25


def test_a_load_above_the_quota_to_the_end_does_not_recover() -> None:
    demand, quota = handmade(poisson(40, 60), 60.0), AccountQuota(20)
    assert measure_recovery([demand], simulate_quota([demand], quota), quota) is None


def test_without_throttling_there_is_nothing_to_recover_from() -> None:
    demand = handmade([1.0])
    assert measure_recovery([demand], simulate_quota([demand], AccountQuota(5)), AccountQuota(5)) == 0.0


@pytest.mark.parametrize("loss", [0.0, 0.001, 0.05])
@pytest.mark.parametrize("known", [True, False])
def test_the_quota_needed_is_the_smallest_that_keeps_the_loss(loss: float, known: bool) -> None:
    demand = BUSY if known else BUSY._replace(attempts=None)
    rate = find_needed_quota([demand], loss, 1.0)
    assert simulate_quota([demand], AccountQuota(rate)).outcome.lost_share <= loss
    assert simulate_quota([demand], AccountQuota(rate - 1)).outcome.lost_share > loss


def test_a_deeper_bucket_needs_no_higher_quota() -> None:
    assert find_needed_quota([BUSY], 0.001, 5.0) <= find_needed_quota([BUSY], 0.001, 1.0)


def test_a_noisy_neighbour_costs_the_quiet_one_under_a_shared_quota() -> None:
    quiet, noisy = handmade(poisson(5), 120.0), handmade(poisson(100, seed=2), 120.0)
    alone = simulate_quota([quiet], AccountQuota(20)).outcomes[0]
    for model in (simulate_requests, simulate_slots):
        shared, loud = model([quiet, noisy], AccountQuota(20)).outcomes
        assert alone.lost_share == 0 < 0.3 < shared.lost_share
        assert shared.lost_share == pytest.approx(loud.lost_share, abs=0.08)


def test_retries_are_part_of_the_load() -> None:
    demand = handmade(poisson(40), 120.0)
    without = demand._replace(client=Client(retries=0))
    for model in (simulate_requests, simulate_slots):
        tried, given_up = model([demand], AccountQuota(20)), model([without], AccountQuota(20))
        assert tried.outcome.attempts > 1.5 * given_up.outcome.attempts
        assert tried.outcome.accepted == pytest.approx(given_up.outcome.accepted, rel=0.05)


def test_the_trajectory_adds_up_to_the_outcome(demand: Demand = BUSY) -> None:
    for model in (simulate_requests, simulate_slots):
        trajectory = model([demand], AccountQuota(10))
        assert trajectory.attempts.sum() == pytest.approx(trajectory.outcome.attempts)
        assert trajectory.accepted.sum() == pytest.approx(trajectory.outcome.accepted)
