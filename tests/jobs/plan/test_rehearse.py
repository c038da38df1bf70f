from __future__ import annotations

import pytest

from loadgen import traffic
from loadgen.jobs.plan.rehearse import PILOT, estimate_volume, rehearse
from loadgen.jobs.progress import Told, ignore_progress
from tests.jobs.plan.shop import SHOP
from tests.traffic.look import small

BUSY = SHOP.adjust(duration=60.0, rate=5.0)


def test_a_sample_is_never_so_small_that_all_sessions_are_drawn_for_it() -> None:
    many = BUSY.adjust(duration=86_400.0, rate=0.5)
    said: list[Told] = []
    found = rehearse(many, 3, 0.5, False, said.append)
    assert PILOT <= found.sample.sessions < 1.2 * PILOT < found.sample.of / 10
    assert any(isinstance(each, str) for each in said)


def test_a_sample_says_how_far_it_may_be_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadgen.jobs.plan.rehearse.MOST_REHEARSED", 1_000)
    monkeypatch.setattr("loadgen.jobs.plan.rehearse.PILOT", 256)
    many = SHOP.adjust(duration=1200.0)
    exact = rehearse(many, 3, 0.07, True, ignore_progress)
    some = rehearse(many, 3, 0.07, False, ignore_progress)
    assert exact.interval == (0.0, 0.0)
    assert 0 < max(some.interval) <= 0.085
    assert some.sample.sessions < exact.sample.sessions / 2
    assert some.sample.of == exact.sample.of == some.demand.totals.sessions
    for figure, interval in zip(("requests", "events"), some.interval, strict=True):
        true, guess = getattr(exact.demand.totals, figure), getattr(some.demand.totals, figure)
        assert guess == pytest.approx(true, rel=1.5 * interval + 0.01)


@pytest.mark.parametrize(("more", "exact"), [(1, True), (0, True), (-1, False)])
def test_an_expected_volume_is_exact_up_to_the_last_session_that_is_rehearsed(
    monkeypatch: pytest.MonkeyPatch, more: int, exact: bool
) -> None:
    whole = estimate_volume(small(), 3)
    sessions = len(traffic.draw_starts(small(), 3))
    monkeypatch.setattr("loadgen.jobs.plan.rehearse.MOST_REHEARSED", sessions + more)
    found = estimate_volume(small(), 3)
    assert found.exact is exact
    assert (found == whole) is exact
