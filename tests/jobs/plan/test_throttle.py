from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadgen.jobs.plan import throttle
from loadgen.jobs.plan.demand import Demand
from loadgen.jobs.plan.discrete_event import one_by_one, retry_delays
from loadgen.jobs.plan.fluid import by_slot
from loadgen.jobs.plan.outcome import Quota
from loadgen.jobs.plan.throttle import course, needed, recovery_seconds, rough, scattered
from loadgen.scenario import Client
from tests.jobs.plan.shop import SHOP, demand_of, handmade

BUSY = demand_of(SHOP.adjusted(duration=300.0, rate=6.0))


def poisson(rate: float, duration: float = 120.0, seed: int = 1) -> list[float]:
    stream = np.random.default_rng(seed)
    return sorted((stream.random(int(rate * duration)) * duration).tolist())


def test_the_retries_are_the_web_clients() -> None:
    assert retry_delays(Client()) == (2.0, 4.0)
    assert retry_delays(Client(retries=0)) == ()


def test_above_the_load_nothing_is_throttled() -> None:
    for model in (one_by_one, by_slot):
        fate = model([BUSY], Quota(1000)).fate
        assert fate.throttled == fate.events_lost == fate.retried == 0
        assert fate.attempts == fate.accepted == BUSY.totals.requests


def test_three_at_once_under_a_quota_of_one_are_tried_again() -> None:
    fate = one_by_one([handmade([1.0, 1.0, 1.0])], Quota(1, 1)).fate
    assert (fate.accepted, fate.given_up) == (3, 0)  # at 1 s, then one after 2 s and the last after 4 s more
    assert (fate.attempts, fate.throttled, fate.retried) == (6, 3, 3)


def test_a_throttled_beacon_is_lost_at_once() -> None:
    fate = one_by_one([handmade([1.0, 1.0, 1.0], beacon=True)], Quota(1, 1)).fate
    assert (fate.attempts, fate.accepted, fate.given_up, fate.events_lost) == (3, 1, 2, 2)


def test_retries_that_come_after_the_drain_are_lost() -> None:
    patient = Client(retries=6)
    demand = handmade([59.0] * 50, client=patient)
    fate = one_by_one([demand], Quota(0.2, 1)).fate
    assert fate.events_lost == 50 - fate.accepted > 0
    assert fate.attempts < 50 * 4.5  # the fourth retry would come 30 s later


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9, 1.05, 1.3])
@pytest.mark.parametrize("depth", [1.0, 5.0])
def test_slots_and_single_requests_agree(part: float, depth: float) -> None:
    rate = part * BUSY.totals.requests / 300
    quota = Quota(rate, rate * depth, answer_seconds=0.05)
    exact, mean = one_by_one([BUSY], quota).fate, by_slot([BUSY], quota).fate
    assert mean.throttled_share == pytest.approx(exact.throttled_share, abs=0.02)
    assert mean.lost_share == pytest.approx(exact.lost_share, abs=0.015)


@pytest.mark.parametrize("burst", [1.0, 2.0, 3.0, 5.0, 8.0])
@pytest.mark.parametrize("part", [0.5, 1.0, 1.5])
def test_a_sample_is_as_hard_as_single_requests_on_a_shallow_bucket(burst: float, part: float) -> None:
    quota = Quota(part * BUSY.totals.requests / 300, burst, answer_seconds=0.05)
    exact, sample = course([BUSY], quota).fate, course([BUSY._replace(attempts=None)], quota).fate
    assert sample.throttled_share == pytest.approx(exact.throttled_share, abs=0.02)
    assert sample.lost_share == pytest.approx(exact.lost_share, abs=0.015)


def test_scattered_attempts_are_those_of_their_slots() -> None:
    made = scattered(BUSY._replace(attempts=None)).attempts
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
    sample, small, large = BUSY._replace(attempts=None), Quota(50, 2), Quota(50)
    assert not rough([sample], small)
    monkeypatch.setattr(throttle, "SCATTERED_UP_TO", BUSY.totals.requests - 1)
    assert rough([sample], small)
    assert not rough([BUSY], small)
    assert not rough([sample], large)
    assert course([sample], small).fate == by_slot([sample], small).fate


@given(
    due=st.lists(st.floats(0, 59, allow_nan=False), min_size=1, max_size=200).map(sorted),
    rate=st.floats(0.5, 20),
    burst=st.floats(1, 20),
)
@settings(max_examples=60, deadline=None)
def test_the_sums_hold_under_any_quota(due: list[float], rate: float, burst: float) -> None:
    for model in (one_by_one, by_slot):
        fate = model([handmade(due)], Quota(rate, burst)).fate
        assert fate.attempts == pytest.approx(fate.accepted + fate.throttled)
        assert fate.attempts == pytest.approx(len(due) + fate.retried)
        assert fate.events == len(due)
        assert fate.events_lost == pytest.approx(fate.given_up)
        assert fate.accepted + fate.given_up == pytest.approx(len(due))


def test_a_run_at_half_its_load_recovers_with_the_last_retries() -> None:
    due = sorted(poisson(40, 60) + [60 + at for at in poisson(5, 60, 2)])
    demand, quota = handmade(due, 120.0), Quota(20)
    found = recovery_seconds([demand], course([demand], quota), quota)
    assert found is not None
    assert 0 <= found <= 8  # 2 s + 4 s, and what the bucket then owes


def test_a_load_of_exactly_the_quota_is_not_above_it() -> None:
    crowd = [place / 60 for place in range(600)]  # 60 a second for 10 s
    steady = [10 + place / 20 for place in range(2200)]
    demand, quota = handmade(crowd + steady, 120.0), Quota(20)
    assert recovery_seconds([demand], course([demand], quota), quota) is not None


def test_a_single_crowded_second_is_no_load_above_the_quota() -> None:
    """Recovery counts from the first refusal on, as the load of ten seconds never passes the quota."""
    due = sorted([*poisson(3, 80), *([40.5] * 60), *([55.5] * 60)])
    demand, quota = handmade(due, 80.0), Quota(20)
    found = recovery_seconds([demand], course([demand], quota), quota)
    assert found is not None
    assert 15 <= found <= 25


def test_a_load_above_the_quota_to_the_end_does_not_recover() -> None:
    demand, quota = handmade(poisson(40, 60), 60.0), Quota(20)
    assert recovery_seconds([demand], course([demand], quota), quota) is None


def test_without_throttling_there_is_nothing_to_recover_from() -> None:
    demand = handmade([1.0])
    assert recovery_seconds([demand], course([demand], Quota(5)), Quota(5)) == 0.0


@pytest.mark.parametrize("loss", [0.0, 0.001, 0.05])
@pytest.mark.parametrize("known", [True, False])
def test_the_quota_needed_is_the_smallest_that_keeps_the_loss(loss: float, known: bool) -> None:
    demand = BUSY if known else BUSY._replace(attempts=None)
    rate = needed([demand], loss, 1.0)
    assert course([demand], Quota(rate)).fate.lost_share <= loss
    assert course([demand], Quota(rate - 1)).fate.lost_share > loss


def test_a_deeper_bucket_needs_no_higher_quota() -> None:
    assert needed([BUSY], 0.001, 5.0) <= needed([BUSY], 0.001, 1.0)


def test_a_noisy_neighbour_costs_the_quiet_one_under_a_shared_quota() -> None:
    quiet, noisy = handmade(poisson(5), 120.0), handmade(poisson(100, seed=2), 120.0)
    alone = course([quiet], Quota(20)).fates[0]
    for model in (one_by_one, by_slot):
        shared, loud = model([quiet, noisy], Quota(20)).fates
        assert alone.lost_share == 0 < 0.3 < shared.lost_share
        assert shared.lost_share == pytest.approx(loud.lost_share, abs=0.08)


def test_retries_are_part_of_the_load() -> None:
    demand = handmade(poisson(40), 120.0)
    without = demand._replace(client=Client(retries=0))
    for model in (one_by_one, by_slot):
        tried, given_up = model([demand], Quota(20)), model([without], Quota(20))
        assert tried.fate.attempts > 1.5 * given_up.fate.attempts
        assert tried.fate.accepted == pytest.approx(given_up.fate.accepted, rel=0.05)


def test_the_course_over_time_adds_up_to_the_fate(demand: Demand = BUSY) -> None:
    for model in (one_by_one, by_slot):
        went = model([demand], Quota(10))
        assert went.attempts.sum() == pytest.approx(went.fate.attempts)
        assert went.accepted.sum() == pytest.approx(went.fate.accepted)
