"""Which period is meant, and which are refused in one line."""

from __future__ import annotations

from typing import Any

import pytest

from loadgen.errors import LoadgenError
from loadgen.jobs.inputs import parse_moment
from loadgen.jobs.seed import seed
from loadgen.jobs.seed.period import DAY, PastPeriod, measure_period, resolve_period
from loadgen.verb_options import SeedOptions

NOW = 1_795_288_962.5
MARCH = 1_772_323_200.0  # 2026-03-01T00:00Z


@pytest.mark.parametrize(
    ("days", "start", "end", "expected"),
    [
        (None, None, None, (NOW - 7 * DAY, NOW)),
        (2.0, None, None, (NOW - 2 * DAY, NOW)),
        (2.0, None, "now", (NOW - 2 * DAY, NOW)),
        (0.5, None, "2026-11-20", (1795132800 - DAY / 2, 1795132800)),
        (None, "2026-11-19", "2026-11-20T12:00:00Z", (1795046400, 1795176000)),
        (None, "2026-11-20T01:00:00+01:00", None, (1795132800, NOW)),
        (0.25, "2026-11-20", None, (1795132800, 1795132800 + DAY / 4)),
    ],
)
def test_a_period_is_days_before_an_end_or_from_a_start(
    days: float | None, start: str | None, end: str | None, expected: tuple[float, float]
) -> None:
    found = resolve_period(SeedOptions(days=days, start=start, end=end), NOW)
    assert (found.start, found.end) == tuple(float(int(each)) for each in expected)


@pytest.mark.parametrize(
    ("days", "start", "end", "said"),
    [
        (None, "2026-11-20", "2026-11-19", "the period is reversed: it would begin 2026-11-20 00:00Z"),
        (None, "2026-11-20", "2026-11-20", "the period is reversed"),
        (None, None, "2026-11-30", "in the future; end it now, and add --live"),
        (2.0, "2026-11-21", None, "in the future"),
        (31.0, None, None, "RUM keeps 30 days: begin after 2026-10-22"),
        (None, "2026-01-01", None, "such as --days 29"),
        (1.0, "2026-11-19", "2026-11-20", "leave one out"),
        (None, "yesterday", None, '"yesterday" is no point in time; write now, or a date such as'),
    ],
)
def test_an_impossible_period_is_one_clear_line(
    days: float | None, start: str | None, end: str | None, said: str
) -> None:
    with pytest.raises(LoadgenError) as caught:
        resolve_period(SeedOptions(days=days, start=start, end=end), NOW)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_time_without_a_zone_is_utc() -> None:
    assert parse_moment("2026-03-01", NOW) == parse_moment("2026-03-01T00:00:00Z", NOW) == MARCH


def test_a_period_reads_as_two_moments() -> None:
    assert str(PastPeriod(MARCH, MARCH + DAY)) == "2026-03-01 00:00Z to 2026-03-02 00:00Z"


def test_an_end_by_a_clock_a_little_ahead_of_ours_is_taken_for_now() -> None:
    ahead = "2026-11-21T19:23:30Z"
    assert 0 < parse_moment(ahead, NOW) - NOW < 60
    assert resolve_period(SeedOptions(days=1.0, end=ahead), NOW).end == parse_moment(ahead, NOW)


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, 7 * DAY), ({"days": 3.0}, 3 * DAY), ({"days": 40.0}, 30 * DAY), ({"start": "2026-11-22"}, 1.0)],
)
def test_a_period_that_cannot_be_filled_has_the_nearest_length_that_can(
    options: dict[str, Any], expected: float
) -> None:
    assert measure_period(SeedOptions(**options), NOW) == expected


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"day": 3}, "there is no option day"),
        ({"days": 0.0}, r"days \(--days\): 0.0 is out of range; write a number above 0"),
        ({"senders": 1000}, "senders"),
        ({"accept": "any"}, "write rum or 2xx"),
    ],
)
def test_python_refuses_what_the_command_line_refuses(options: dict[str, Any], said: str) -> None:
    with pytest.raises(LoadgenError, match=said):
        seed("quickstart", **options)
