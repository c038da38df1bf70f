"""Thresholds as conditions: read from text, and set in the place of a scenario's own."""

from __future__ import annotations

import pytest

from loadgen.errors import LoadgenError
from loadgen.results import RunSpec, make_run_options
from loadgen.scenario.thresholds import BOUNDS, parse_threshold

SHOP = (
    'name = "shop"\n[thresholds]\nlatency_p99_ms = 900\nlost_share = 0.2\nabort_after = "30s"\n'
    '[pages.home]\npath = "/"\nexit = 1\n'
)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("latency_p99_ms < 500", ("latency_p99_ms", 500.0)),
        ("latency_p50_ms<=1,200.5", ("latency_p50_ms", 1200.5)),
        (" lost_share < 1% ", ("lost_share", 0.01)),
        ("throttled_share <= 0", ("throttled_share", 0.0)),
        ("achieved_rate >= 99%", ("achieved_rate", 0.99)),
    ],
)
def test_a_condition_is_a_threshold(text: str, read: tuple[str, float]) -> None:
    assert parse_threshold(text) == read


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("p99 < 500", "is no threshold; write one such as 'latency_p99_ms < 500'"),
        ("abort_after < 5", "is no threshold"),
        ("latency_p99_ms = 500", "is no threshold"),
        ("latency_p99_ms > 500", "is the wrong way round; write 'latency_p99_ms < 500'"),
        ("achieved_rate < 99%", "is the wrong way round; write 'achieved_rate > 99%'"),
        ("lost_share < 150%", "is out of range: input should be less than or equal to 1"),
        ("latency_p99_ms < 0", "is out of range: input should be greater than 0"),
    ],
)
def test_what_is_no_threshold_is_told_what_to_write(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_threshold(text)
    with pytest.raises(LoadgenError, match=f"threshold: .*{said}"):
        make_run_options(threshold=(text,))


def test_a_run_s_thresholds_stand_beside_the_scenario_s_or_in_their_place() -> None:
    asked = make_run_options(threshold=("latency_p99_ms < 500", "throttled_share < 1%"))
    kept = RunSpec.resolve(asked, "shop.toml", SHOP).scenario.thresholds
    assert (kept.latency_p99_ms, kept.throttled_share, kept.lost_share, kept.abort_after) == (500.0, 0.01, 0.2, 30.0)
    assert {name for name in BOUNDS if getattr(kept, name) is not None} == {
        "latency_p99_ms",
        "throttled_share",
        "lost_share",
        "failed_share",
    }
