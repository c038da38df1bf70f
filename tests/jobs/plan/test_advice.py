"""Advice is on the safe side of what was asked for, and says so in two sentences."""

from __future__ import annotations

import math
from typing import Any

import pytest

from loadgen.jobs.plan import CapacityPlan, plan
from loadgen.jobs.plan.advice import add_margin, round_to_two_digits, write_advice
from tests.jobs.plan.shop import SHOP

ASKED: dict[str, Any] = {"seed": 3, "rates": (1.0,), "quota": 5.0}
BUSY = SHOP.adjust(rate=3.0)


def advised(**options: Any) -> CapacityPlan:
    return plan(BUSY, **(ASKED | options))


def test_a_budget_is_used_and_kept() -> None:
    whole = advised().rates[-1].dollars_per_month
    for part in (0.01, 0.333, 0.9):
        found = advised(budget=whole * part).advice
        assert found.dollars_per_month <= whole * part * 1.0001
        assert found.sample_rate == pytest.approx(part, rel=0.1)


def test_free_events_stretch_a_budget() -> None:
    assert advised(budget=10.0, free_events=1_000_000).advice.sample_rate > advised(budget=10.0).advice.sample_rate


@pytest.mark.parametrize("wanted", [0.01, 0.03, 0.2])
def test_a_wanted_precision_is_reached_with_no_more_than_needed(wanted: float) -> None:
    found = advised(wanted_precision=wanted).advice
    widest = max(width for width in (found.p75_lcp_interval, found.js_error_interval) if width is not None)
    assert widest <= wanted
    assert widest >= 0.9 * wanted or found.sample_rate <= 0.011


def test_a_budget_that_is_too_small_for_the_precision_wins_and_says_so() -> None:
    found = advised(budget=1.0, wanted_precision=0.001)
    assert found.advice.dollars_per_month <= 1.0
    assert "±0.1% is more than the budget pays for" in write_advice(found)[1]


def test_no_budget_at_all_buys_nothing() -> None:
    found = advised(budget=0.0)
    assert found.advice.sample_rate == 0
    assert "give a higher --budget" in write_advice(found)[1]


def test_growth_and_the_busiest_weekday_raise_the_quota_and_the_weekday_not_the_cost() -> None:
    plain, grown, peak = advised(), advised(growth=0.5), advised(weekday_peak=1.5)
    assert grown.load.events == pytest.approx(1.5 * plain.load.events, rel=0.1)
    assert grown.money.dollars_per_month == pytest.approx(1.5 * plain.money.dollars_per_month, rel=0.1)
    assert peak.need.quota == grown.need.quota > plain.need.quota
    assert peak.money.dollars_per_month == pytest.approx(plain.money.dollars_per_month, rel=0.1)
    assert "with growth of 50%" in write_advice(grown)[0]
    assert "a busiest weekday of 1.5 mean days" in write_advice(peak)[0]


def test_a_quota_to_request_has_its_margin_and_its_code() -> None:
    found = advised(margin=0.5)
    assert found.advice.quota_to_request >= 1.5 * found.need.quota
    sentence = write_advice(found)[0]
    assert sentence.startswith(
        f"Request a quota of {found.advice.quota_to_request} requests a second (Service Quotas L-"
    )
    assert f"{found.need.quota} lose at most 0.10% of the events" in sentence


def test_a_quota_that_is_enough_is_kept() -> None:
    assert write_advice(advised(quota=500.0))[0].startswith("The quota of 500 requests a second is enough")


@pytest.mark.parametrize(("quota", "margin", "asked"), [(4, 0.25, 5), (8, 0.25, 10), (426, 0.25, 535), (1, 0.0, 5)])
def test_a_margin_is_rounded_up(quota: int, margin: float, asked: int) -> None:
    assert add_margin(quota, margin) == asked


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        (0.0, 0.0, 0.0),
        (0.1234, 0.12, 0.13),
        (0.00567, 0.0056, 0.0057),
        (0.12, 0.12, 0.12),
        (1.0, 1.0, 1.0),
        (12.3, 12, 13),
    ],
)
def test_advised_rates_have_two_digits(value: float, low: float, high: float) -> None:
    assert (round_to_two_digits(value, math.floor), round_to_two_digits(value, math.ceil)) == (low, high)
