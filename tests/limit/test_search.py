from __future__ import annotations

import msgspec
import pytest
from rich.console import Console

from loadgen.errors import LoadgenError
from loadgen.jobs.find_limit import build_limit_view
from loadgen.limit import Conditions, Limit, RateWindow, SearchRange, find_limit_so_far, search_limit
from tests.limit.targets import Bucket, Moody, Queue

STRICT = Conditions(most_throttled=0.001)
QUICK = Conditions(most_p99_ms=500.0)


@pytest.mark.parametrize("quota", [20, 50, 300])
@pytest.mark.parametrize("seconds", [1, 5])
@pytest.mark.parametrize("start", [1.0, 10.0, 1000.0])
def test_a_quota_is_found_within_5_percent(quota: int, seconds: int, start: float) -> None:
    found = search_limit(Bucket(quota, quota * seconds), STRICT, SearchRange(start=start))
    assert found.rate == pytest.approx(quota, rel=0.05)
    assert found.below is not None
    assert found.rate <= quota * 1.002 <= found.below * 1.002
    assert (found.cause, found.confirmed, found.own) == ("throttled", True, False)
    assert len(found.steps) <= 25


@pytest.mark.parametrize(("workers", "service"), [(1, 0.05), (4, 0.1), (20, 0.25), (8, 0.01)])
def test_the_limit_of_workers_is_found_within_10_percent(workers: int, service: float) -> None:
    found = search_limit(Queue(workers, service), QUICK, SearchRange())
    assert found.rate == pytest.approx(workers / service, rel=0.1)
    assert found.cause in ("slow", "behind")
    assert found.confirmed


def throttled(window: RateWindow) -> RateWindow:
    return msgspec.structs.replace(window, throttled_share=0.3)


def passed(window: RateWindow) -> RateWindow:
    return msgspec.structs.replace(window, throttled_share=0.0)


def late(window: RateWindow) -> RateWindow:
    return msgspec.structs.replace(window, lag_p99_ms=900.0)


@pytest.mark.parametrize("spoil", [throttled, passed, late])
def test_windows_that_disagree_are_outvoted(spoil: object) -> None:
    """One window in ten is spoilt; two spoilt ones at one rate may still win, so a few searches may miss."""
    near = 0
    for seed in range(40):
        found = search_limit(Moody(Bucket(50, 50), 0.1, seed, spoil), STRICT, SearchRange())  # type: ignore[arg-type]  # a parameter
        near += found.rate == pytest.approx(50, rel=0.06)
    assert near >= 34


@pytest.mark.parametrize(
    ("where", "why"),
    [
        (SearchRange(most_windows=4), "no lower rate is known to keep them after 4 windows; allow more"),
        (SearchRange(start=80, floor=60), "lower rates are not tried; allow more, or look at the target"),
    ],
)
def test_a_search_that_knows_of_no_rate_says_whether_lower_ones_were_out_of_range_or_windows_ran_out(
    where: SearchRange, why: str
) -> None:
    """What passed before the first 429 may have had a full bucket, and does not count."""
    with pytest.raises(LoadgenError, match=rf"80 requests a second break them \(throttled: .*\), and {why}$"):
        search_limit(Bucket(50, 50), STRICT, where)


def test_a_spoilt_window_is_measured_again() -> None:
    spoilt = Moody(Bucket(50, 50), 0.1, 3, throttled)
    found = search_limit(spoilt, STRICT, SearchRange())
    rates = [step.window.rate for step in found.steps]
    assert len(rates) > len(set(rates))


def test_a_generator_that_cannot_go_faster_blames_itself() -> None:
    found = search_limit(Bucket(1000, 1000, own_ceiling=300.0), STRICT, SearchRange())
    assert found.cause == "generator"
    assert found.own
    assert found.rate == pytest.approx(300, rel=0.06)


def test_the_ceiling_is_where_the_search_ends() -> None:
    found = search_limit(Bucket(1000, 1000), STRICT, SearchRange(ceiling=200.0))
    assert (found.rate, found.below, found.cause, found.own) == (200.0, None, "ceiling", True)
    assert found.confirmed


def test_conditions_that_no_rate_keeps_are_refused() -> None:
    with pytest.raises(LoadgenError, match="no rate keeps the conditions"):
        search_limit(Queue(4, 0.8), QUICK, SearchRange())


def test_a_search_that_does_not_end_says_that_it_is_not_sure() -> None:
    found = search_limit(Moody(Bucket(50, 50), 0.5, 1, throttled), STRICT, SearchRange(most_windows=8))
    assert len(found.steps) == 8
    assert not found.confirmed


def test_a_finer_search_comes_nearer() -> None:
    found = search_limit(Bucket(300, 300), STRICT, SearchRange(precision=0.01))
    assert found.rate == pytest.approx(300, rel=0.01)


def test_a_deep_bucket_is_emptied_before_a_window() -> None:
    found = search_limit(Bucket(50, 250), STRICT, SearchRange())
    after = [step.window.primed for step in found.steps]
    assert not after[0]
    assert after[-1]


@pytest.mark.parametrize("windows", [1, 2, 3, 5, 6, 7, 8, 9, 10, 11])
def test_a_search_that_is_interrupted_keeps_the_bracket_that_it_had(windows: int) -> None:
    steps = search_limit(Bucket(50, 250), STRICT, SearchRange()).steps[:windows]
    found = find_limit_so_far(steps, STRICT, SearchRange())
    kept = [step.window.rate for step in steps if step.broken_by is None]
    assert found is not None
    assert (found.steps, found.confirmed, found.interrupted) == (steps, False, True)
    assert found.rate in kept
    assert found.below is None or found.rate < found.below


def test_a_search_that_is_interrupted_before_any_rate_passed_knows_nothing() -> None:
    assert find_limit_so_far((), STRICT, SearchRange()) is None
    steps = search_limit(Bucket(50, 50), STRICT, SearchRange(start=1000.0)).steps[:2]
    assert find_limit_so_far(steps, STRICT, SearchRange(start=1000.0)) is None
    unprimed = search_limit(Bucket(50, 250), STRICT, SearchRange()).steps[:4]
    assert [step.broken_by for step in unprimed] == [None, None, None, "throttled"]
    assert (
        find_limit_so_far(unprimed, STRICT, SearchRange()) is None
    )  # what passed before the bucket was emptied proves nothing


def show(found: Limit) -> str:
    """What people see."""
    console = Console(width=80)
    with console.capture() as captured:
        console.print(build_limit_view(found))
    return captured.get()


def told(found: Limit) -> str:
    """The first line of what people see."""
    return " ".join(show(found).partition("\n\n")[0].split())


def test_a_generator_at_its_end_names_its_own_ceiling() -> None:
    found = search_limit(Bucket(1000, 1000, own_ceiling=300.0), STRICT, SearchRange())
    assert f"{found.rate:.1f} requests/s is as much as this generator can send" in told(found)
    assert "the target's limit is higher" in told(found)


def test_a_search_that_ends_at_the_highest_rate_allowed_says_so() -> None:
    found = search_limit(Bucket(1000, 1000), STRICT, SearchRange(ceiling=200.0))
    assert "200.0 requests/s is the highest rate that was tried (--max-rate)" in told(found)


def test_a_limit_of_the_target_is_told_with_the_rate_that_breaks_it() -> None:
    found = search_limit(Bucket(50, 50), STRICT, SearchRange())
    assert f"{found.rate:.1f} requests/s keeps the conditions, {found.below:.1f}/s does not" in told(found)


def test_the_row_of_the_limit_has_the_rate_of_the_headline_whatever_was_sent() -> None:
    found = search_limit(Bucket(50, 50), STRICT, SearchRange())
    sent = [
        msgspec.structs.replace(step, window=msgspec.structs.replace(step.window, offered=step.window.rate * 0.98))
        for step in found.steps
    ]
    rows = [row for row in show(msgspec.structs.replace(found, steps=tuple(sent))).splitlines() if "← limit" in row]
    assert rows
    assert {row.split()[0] for row in rows} == {f"{found.rate:.1f}"}


def test_a_generator_that_is_late_at_any_rate_does_not_blame_the_target() -> None:
    with pytest.raises(LoadgenError, match=r"the generator was late even at 0\.\d+ requests a second"):
        search_limit(Bucket(50, 50, own_ceiling=0.1), STRICT, SearchRange())
