from __future__ import annotations

import msgspec
import pytest

from loadgen.jobs.plan.capacity import build_plan
from loadgen.jobs.plan.figures import CapacityPlan
from loadgen.jobs.progress import ignore_progress
from loadgen.scenario import Arrivals, Scenario
from loadgen.verb_options import PlanOptions
from tests.jobs.plan.shop import SHOP, TEXT

BUSY = SHOP.adjust(duration=60.0, rate=5.0)


def test_the_same_seed_gives_the_same_plan(answer: CapacityPlan) -> None:
    again = build_plan([BUSY], 3, PlanOptions(quota=20.0, rates=(0.1, 1.0)), ignore_progress)
    timed = {"seconds": 0.0, "generator": answer.generator}
    assert msgspec.structs.replace(again, **timed) == msgspec.structs.replace(answer, **timed)


def test_windows_add_up_to_the_run(answer: CapacityPlan) -> None:
    found = answer
    assert sum(window.sessions for window in found.windows) == found.load.sessions
    for figure in ("requests", "events", "wire_bytes"):
        summed = sum(getattr(window, figure).mean * (window.end - window.start) for window in found.windows)
        assert summed == pytest.approx(getattr(found.load, figure))


def test_dollars_follow_from_events(answer: CapacityPlan) -> None:
    money = answer.money
    assert money.dollars_per_day == pytest.approx(money.events_per_day * 1e-5)
    assert money.events_per_month == pytest.approx(30 * money.events_per_day)


def test_free_events_come_off_the_month() -> None:
    paid, free = (
        build_plan([SHOP], 3, PlanOptions(rates=(1.0,), free_events=number), ignore_progress).money
        for number in (0, 1_000_000)
    )
    assert free.dollars_per_month == pytest.approx(max(paid.dollars_per_month - 10, 0))


def test_a_lower_sample_rate_costs_less_and_tells_less(answer: CapacityPlan) -> None:
    low, full = answer.rates
    assert low.dollars_per_month == pytest.approx(full.dollars_per_month / 10, rel=0.05)
    assert low.quota_needed < full.quota_needed
    assert low.p75_lcp_interval and full.p75_lcp_interval
    assert low.p75_lcp_interval == pytest.approx(full.p75_lcp_interval * 10**0.5, rel=0.01)


def test_client_settings_move_what_they_should(answer: CapacityPlan) -> None:
    moved = {(effect.setting, effect.value): effect for effect in answer.what_if}
    assert moved["dispatchInterval", 30_000].requests < 1 == moved["dispatchInterval", 30_000].events
    assert moved["compression", False].wire_bytes > 1.3
    assert moved["compression", False].requests == 1
    assert moved["resourceEventLimit", 0].events < 1
    assert moved["sessionEventLimit", 50].events < 1
    assert moved["batchLimit", 25].requests > 1


def test_loss_falls_as_the_quota_grows(answer: CapacityPlan) -> None:
    lost = [point.lost_share for point in answer.loss]
    assert lost == sorted(lost, reverse=True)
    assert lost[0] > 0.5 > 0.001 > lost[-1]


def test_a_plan_survives_json(answer: CapacityPlan) -> None:
    assert msgspec.json.decode(msgspec.json.encode(answer), type=CapacityPlan) == answer


def test_monitors_under_one_quota_are_told_apart() -> None:
    noisy = BUSY.model_copy(
        update={"name": "noisy", "monitor": BUSY.monitor.model_copy(update={"name": "noisy"})}
    ).adjust(rate=2.0)
    alone = build_plan([BUSY], 3, PlanOptions(quota=90.0, rates=(1.0,)), ignore_progress)
    both = build_plan([BUSY, noisy], 3, PlanOptions(quota=90.0, rates=(1.0,)), ignore_progress)
    first, second = both.monitors
    assert first.load == alone.load
    assert (first.monitor, second.monitor) == ("loadgen", "noisy")
    assert alone.throttling.lost_share < 0.001 < first.throttling.lost_share
    assert both.load.events == first.load.events + second.load.events
    assert both.throttling.attempts == first.throttling.attempts + second.throttling.attempts


def test_neighbours_are_monitors_of_their_own() -> None:
    text = (
        TEXT
        + """
[[neighbours]]
monitor = { name = "noisy", sample_rate = 0.5 }
arrivals.rate = 8
client.retries = 0
"""
    )
    scenario = Scenario.parse(text, "shop.toml")
    own, noisy = scenario.monitors
    assert own == SHOP
    assert (noisy.monitor.name, noisy.arrivals.rate, noisy.client.retries) == ("noisy", 8, 0)
    assert (noisy.pages, noisy.duration, noisy.neighbours) == (SHOP.pages, SHOP.duration, ())
    found = build_plan(scenario.monitors, 3, PlanOptions(quota=5.0, rates=(1.0,)), ignore_progress)
    assert [each.monitor for each in found.monitors] == ["loadgen", "noisy"]
    assert found.monitors[1].load.not_sampled > 0
    assert found.monitors[0].throttling.lost_share > 0.05


def test_a_factor_and_a_sample_rate_reach_the_neighbours_too() -> None:
    both = Scenario.parse(TEXT + '\n[[neighbours]]\nmonitor.name = "noisy"\narrivals.rate = 8\n', "shop.toml")
    noisy = both.adjust(duration=30, rate=2.0, sample_rate=0.25).monitors[1]
    assert (noisy.arrivals.rate, noisy.monitor.sample_rate, noisy.duration) == (16, 0.25, 30)


def test_no_visits_at_all_is_a_plan_too() -> None:
    nobody = SHOP.model_copy(update={"arrivals": Arrivals(rate=0.0)})
    found = build_plan([nobody], 1, PlanOptions(), ignore_progress)
    assert found.load.requests == found.throttling.throttled == 0
    assert found.need.quota == 1
