from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from loadgen.charts.scales import linear
from loadgen.errors import LoadgenError
from loadgen.jobs.plan import machine
from loadgen.jobs.plan.capacity import build_plan
from loadgen.jobs.plan.figures import CapacityPlan, PlanOptions
from loadgen.jobs.plan.machine import refuse_too_large
from loadgen.jobs.plan.page import build_plan_page, place_quota_marks
from loadgen.jobs.plan.windows import divide_run
from loadgen.scenario import Arrivals, Day, Stage, parse
from tests.jobs.plan.shop import SHOP, TEXT

BUSY = SHOP.adjust(duration=60.0, rate=5.0)


def quiet(line: str) -> None:
    """Progress that nobody reads."""


@pytest.fixture(scope="module", autouse=True)
def few_sessions_are_looked_at() -> Iterator[None]:
    """Client settings are tried on fewer sessions than a real plan's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("loadgen.jobs.plan.rehearse.TRIED_SESSIONS", 150)
        yield


@pytest.fixture(scope="module")
def answer() -> CapacityPlan:
    return build_plan([BUSY], 3, PlanOptions(quota=20.0, rates=(0.1, 1.0)), quiet)


def test_the_same_seed_gives_the_same_plan(answer: CapacityPlan) -> None:
    again = build_plan([BUSY], 3, PlanOptions(quota=20.0, rates=(0.1, 1.0)), quiet)
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
        build_plan([SHOP], 3, PlanOptions(rates=(1.0,), free_events=number), quiet).money for number in (0, 1_000_000)
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


def test_the_page_needs_nothing_from_anywhere(answer: CapacityPlan) -> None:
    text = build_plan_page(answer)
    assert not [word for word in ("http://", "https://", " src=", "@import", "url(") if word in text]
    assert text.count("<svg") == 4
    assert 'content="light dark"' in text


@pytest.mark.parametrize(
    ("quota", "labels"),
    [(10.0, ["quota 10/s", "needed 90/s"]), (200.0, ["needed 90/s", "quota 200/s"]),
     (88.0, ["", "needed 90/s, quota 88/s"]), (90.0, ["needed 90/s, quota 90/s"])],
)  # fmt: skip
def test_the_marks_of_two_quotas_never_write_over_each_other(
    answer: CapacityPlan, quota: float, labels: list[str]
) -> None:
    need = msgspec.structs.replace(answer.need, quota=90)
    asked = msgspec.structs.replace(answer.throttling, quota=quota)
    plan = msgspec.structs.replace(answer, need=need, throttling=asked)
    marks = place_quota_marks(plan, linear(max(quota, 90.0) * 1.25))
    assert [mark.label for mark in marks] == labels
    assert [mark.end for mark in marks] == [*(mark.start for mark in marks[1:]), 1.0]


def test_monitors_under_one_quota_are_told_apart() -> None:
    noisy = BUSY.model_copy(
        update={"name": "noisy", "monitor": BUSY.monitor.model_copy(update={"name": "noisy"})}
    ).adjust(rate=2.0)
    alone = build_plan([BUSY], 3, PlanOptions(quota=90.0, rates=(1.0,)), quiet)
    both = build_plan([BUSY, noisy], 3, PlanOptions(quota=90.0, rates=(1.0,)), quiet)
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
    scenario = parse(text, "shop.toml")
    own, noisy = scenario.monitors
    assert own == SHOP
    assert (noisy.monitor.name, noisy.arrivals.rate, noisy.client.retries) == ("noisy", 8, 0)
    assert (noisy.pages, noisy.duration, noisy.neighbours) == (SHOP.pages, SHOP.duration, ())
    found = build_plan(scenario.monitors, 3, PlanOptions(quota=5.0, rates=(1.0,)), quiet)
    assert [each.monitor for each in found.monitors] == ["loadgen", "noisy"]
    assert found.monitors[1].load.not_sampled > 0
    assert found.monitors[0].throttling.lost_share > 0.05


def test_a_factor_and_a_sample_rate_reach_the_neighbours_too() -> None:
    both = parse(TEXT + '\n[[neighbours]]\nmonitor.name = "noisy"\narrivals.rate = 8\n', "shop.toml")
    noisy = both.adjust(duration=30, rate=2.0, sample_rate=0.25).monitors[1]
    assert (noisy.arrivals.rate, noisy.monitor.sample_rate, noisy.duration) == (16, 0.25, 30)


def test_hours_are_named_by_the_day_of_the_scenario() -> None:
    late = Arrivals(rate=1.0, day=Day(starts="fri 22:00"))
    found = divide_run(SHOP.model_copy(update={"arrivals": late, "duration": 86_400.0}))
    assert [name for name, _, _ in found[:4]] == ["22:00", "23:00", "00:00", "01:00"]


@pytest.mark.parametrize(
    ("duration", "count", "first"), [(60.0, 1, "whole run"), (86_400.0, 24, "00:00"), (7 * 86_400.0, 7, "day 1")]
)
def test_windows_follow_the_length(duration: float, count: int, first: str) -> None:
    found = divide_run(SHOP.adjust(duration=duration))
    assert (len(found), found[0][0]) == (count, first)
    assert found[-1][2] == duration


def test_stages_name_their_windows() -> None:
    stages = (Stage(duration=30.0, target=40.0), Stage(duration=60.0, target=40.0))
    found = divide_run(SHOP.model_copy(update={"arrivals": Arrivals(rate=5.0, stages=stages), "duration": 100.0}))
    assert [name for name, _, _ in found] == ["5 → 40/s", "hold 40/s", "hold 40/s"]
    assert [end for _, _, end in found] == [30, 90, 100]


@pytest.mark.parametrize(
    ("sessions", "duration", "exact", "said"),
    [
        (1e10, 86_400.0, False, "10,000,000,000 sessions are too many: they take 320.0 GB"),
        (1e5, 40 * 86_400.0, False, "a plan of 40 days is too long, 35 days fit"),
        (6e6, 86_400.0, True, "an exact rehearsal of 6,000,000 sessions is too large"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_size(
    sessions: float, duration: float, exact: bool, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "read_memory_bytes", lambda: 16e9)
    with pytest.raises(LoadgenError) as refused:
        refuse_too_large("shop", sessions, duration, exact)
    assert said in str(refused.value)


def test_no_visits_at_all_is_a_plan_too() -> None:
    nobody = SHOP.model_copy(update={"arrivals": Arrivals(rate=0.0)})
    found = build_plan([nobody], 1, PlanOptions(), quiet)
    assert found.load.requests == found.throttling.throttled == 0
    assert found.need.quota == 1
