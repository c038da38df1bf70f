"""The stream: the same every time, in order of due, and live adds behind without changing what is before."""

from __future__ import annotations

from itertools import islice

import pytest

from loadgen import client, traffic
from loadgen.jobs.seed.period import DAY, PastPeriod
from loadgen.jobs.seed.stream import LEG_SECONDS, place_past, place_present, plan_batches
from loadgen.scenario import Scenario

MONDAY = 1_795_392_000.0  # 2026-11-23T00:00Z
PERIOD = PastPeriod(MONDAY, MONDAY + 3600.0)
PAGES = '[pages.home]\npath = "/"\nto = { home = 0.5 }\nexit = 0.5\n'


def scenario(arrivals: str = "rate = 0.02") -> Scenario:
    return Scenario.parse(f'name = "x"\n[arrivals]\n{arrivals}\n{PAGES}', "x.toml")


def test_the_same_seed_gives_the_same_batches() -> None:
    assert list(plan_batches(scenario(), 1, PERIOD)) == list(plan_batches(scenario(), 1, PERIOD))
    assert list(plan_batches(scenario(), 1, PERIOD)) != list(plan_batches(scenario(), 2, PERIOD))


def test_batches_come_in_the_order_in_which_they_are_due() -> None:
    stream = list(plan_batches(scenario(), 1, PERIOD))
    dues = [each.due for each in stream]
    assert dues == sorted(dues)


def test_all_that_the_client_sends_within_the_period_is_there_and_nothing_behind_its_end() -> None:
    whole = scenario().adjust(duration=PERIOD.seconds)
    expected = {
        batch.id
        for session in traffic.draw_sessions(whole, 1)
        for batch in client.plan(session, whole.client, 1.0).batches
        if batch.due < PERIOD.seconds
    }
    stream = list(plan_batches(scenario(), 1, PERIOD))
    assert {each.id for each in stream} == expected
    assert all(event.at + each.start <= PERIOD.seconds for each in stream for event in each.events)


def test_live_goes_on_behind_the_past_without_changing_it() -> None:
    before = list(plan_batches(scenario(), 1, PERIOD))
    both = list(islice(plan_batches(scenario(), 1, PERIOD, live=True), len(before) + 9000))
    assert both[: len(before)] == before
    dues = [each.due for each in both]
    assert dues == sorted(dues)
    assert dues[len(before)] >= PERIOD.seconds
    assert dues[-1] > PERIOD.seconds + LEG_SECONDS
    assert len({each.id for each in both}) == len(both)


def test_live_ends_when_the_arrivals_have_ended_for_good() -> None:
    dry = scenario("rate = 0.1\nstages = [{ duration = 60, target = 0 }]")
    assert list(plan_batches(dry, 1, PERIOD, live=True))[-1].due < PERIOD.seconds + LEG_SECONDS


def test_a_days_rhythm_lies_where_the_calendar_has_it() -> None:
    rhythm = scenario('rate = 1\nday = { starts = "wed 07:00" }')
    monday, later = place_past(rhythm, PERIOD), place_present(rhythm, MONDAY + 3 * DAY + 5 * 3600)
    assert monday.arrivals.day is not None and later.arrivals.day is not None
    assert monday.arrivals.day.starts == "mon 00:00"
    assert later.arrivals.day.starts == "thu 05:00"


def test_what_comes_once_does_not_come_again_in_the_present() -> None:
    once = scenario("rate = 1\nstages = [{ duration = 60, target = 9 }]\nflash_crowds = [{ at = 30 }]")
    later = place_present(once, MONDAY).arrivals
    assert (later.start_rate, later.stages, later.flash_crowds) == (9.0, (), ())


def test_no_batch_is_a_beacon() -> None:
    assert not any(each.beacon for each in plan_batches(scenario(), 1, PERIOD))


@pytest.mark.parametrize("days", [1, 3])
def test_a_longer_period_streams_without_being_held(days: int) -> None:
    first = next(plan_batches(scenario("rate = 0.5"), 1, PastPeriod(MONDAY, MONDAY + days * DAY)))
    assert first.due >= 0
