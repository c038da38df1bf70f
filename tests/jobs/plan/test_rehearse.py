from __future__ import annotations

from itertools import islice
from types import SimpleNamespace

import psutil
import pytest

from loadgen import traffic
from loadgen.errors import LoadgenError
from loadgen.jobs.plan.double_sampling import FEWEST_REHEARSED
from loadgen.jobs.plan.rehearse import estimate_volume, plan_share, refuse_too_large, rehearse
from loadgen.jobs.progress import Told, ignore_progress
from loadgen.planned import planned
from tests.jobs.plan.shop import SHOP
from tests.traffic.look import small

BUSY = SHOP.adjust(duration=60.0, rate=5.0)


def test_a_sample_is_never_so_small_that_all_sessions_are_drawn_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadgen.jobs.plan.double_sampling.ENOUGH_REHEARSED", 100)
    many = BUSY.adjust(duration=86_400.0, rate=0.5)
    said: list[Told] = []
    found = rehearse(many, 3, 0.5, False, said.append)
    assert FEWEST_REHEARSED <= found.sample.sessions < 1.2 * FEWEST_REHEARSED < found.sample.run_sessions / 10
    assert any(isinstance(each, str) for each in said)


def test_a_sample_says_how_far_it_may_be_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadgen.jobs.plan.rehearse.MOST_REHEARSED", 1_000)
    monkeypatch.setattr("loadgen.jobs.plan.double_sampling.FEWEST_REHEARSED", 256)
    many = SHOP.adjust(duration=1200.0)
    exact = rehearse(many, 3, 0.05, True, ignore_progress)
    some = rehearse(many, 3, 0.05, False, ignore_progress)
    assert exact.sample.intervals == (0.0, 0.0, 0.0)
    assert 0 < max(some.sample.intervals) <= 0.055
    assert some.sample.sessions < exact.sample.sessions / 4
    assert some.sample.sessions < some.sample.walked <= exact.sample.sessions
    assert some.sample.run_sessions == exact.sample.run_sessions == some.demand.totals.sessions
    for figure, interval in zip(("requests", "events", "wire_bytes"), some.sample.intervals, strict=True):
        true, guess = getattr(exact.demand.totals, figure), getattr(some.demand.totals, figure)
        assert guess == pytest.approx(true, rel=1.5 * interval + 0.01)


def test_a_sample_too_small_for_the_precision_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadgen.jobs.plan.rehearse.MOST_REHEARSED", 1_000)
    monkeypatch.setattr("loadgen.jobs.plan.double_sampling.FEWEST_REHEARSED", 128)
    many = SHOP.adjust(duration=600.0)
    some, whole = (rehearse(many, 3, precision, False, ignore_progress).sample for precision in (0.02, 0.0001))
    assert 128 < some.sessions < some.run_sessions / 2 < some.walked
    assert max(some.intervals) <= 0.03
    assert whole.exact and whole.intervals == (0.0, 0.0, 0.0)


def test_a_sample_has_the_sessions_of_the_run_but_for_the_ids_of_users() -> None:
    many = SHOP.adjust(duration=4_000.0).adjust(rate=2.0)
    sample, own = plan_share(many, 3, 15), planned(many, 3, (0, 15))
    for (session, plan), (same, told) in islice(zip(sample, own, strict=True), 300):
        assert session.loads == same.loads
        assert [batch.events for batch in plan.batches] == [batch.events for batch in told.batches]


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
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=16e9))
    with pytest.raises(LoadgenError) as refused:
        refuse_too_large("shop", sessions, duration, exact)
    assert said in str(refused.value)
