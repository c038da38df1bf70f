"""Numbers are read in one way and written in one way."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen import units

PACES = {"realtime": 1.0, "max": inf, "10x": 10.0, "0.5x": 0.5, "2": 2.0, "1x": 1.0}

READ: list[tuple[Callable[[str], float], str, float]] = [
    *((units.parse_pace, text, factor) for text, factor in PACES.items()),
    (units.parse_duration, "30", 30),
    (units.parse_duration, "1e3", 1000),
    (units.parse_duration, "250ms", 0.25),
    (units.parse_duration, "1.5m", 90),
    (units.parse_duration, "2 h", 7200),
    (units.parse_duration, "7d", 604_800),
    (units.parse_count, "12000", 12_000),
    (units.parse_count, "12,000", 12_000),
    (units.parse_count, "500k", 500_000),
    (units.parse_count, "500K", 500_000),
    (units.parse_count, "2M", 2_000_000),
    (units.parse_count, "1.5 G", 1.5e9),
    (units.parse_count, "1e6", 1_000_000),
    (units.parse_count, "1e-5", 0.00001),
    (units.parse_share, "0.001", 0.001),
    (units.parse_share, "0.1%", 0.001),
    (units.parse_share, "100%", 1),
]

REFUSED: dict[Callable[[str], float], tuple[list[str], str]] = {
    units.parse_pace: (["", "x", "fast", "0x", "-1x", "inf", "nan", "10xx", "1,5x"], "such as 10x"),
    units.parse_duration: (["", "m", "-1", "-1s", "inf", "nan", "5 weeks", "1..5s"], "such as 90s, 5m, 2h, 7d"),
    units.parse_count: (["", "k", "-1", "inf", "nan", "500kk", "2 millions", "1e999"], "such as 12000, 500k or 2M"),
    units.parse_share: (["", "%", "-0.1", "1.1", "101%", "nan"], "such as 0.001 or 0.1%"),
}

WRITTEN = [
    *((units.format_digits(value), text) for value, text in
      {0: "0", 1e-7: "0", 0.0004: "0.0004",
       0.1234: "0.123", 1.234: "1.23", 12.34: "12.3", 123.4: "123", 99.96: "100", 12345: "12,345"}.items()),
    (units.format_digits(1.26, 2), "1.3"),
    (units.format_digits(12.6, 2), "13"),
    (units.format_count(12345.4), "12,345"),
    (units.format_short(9999), "9,999"),
    (units.format_short(12_345), "12.3k"),
    (units.format_short(123_456), "123k"),
    (units.format_short(1_234_567), "1.23M"),
    (units.format_short(2.5e9), "2.5G"),
    (units.format_rate(12_345), "12.3k/s"),
    (units.format_milliseconds(0.85), "850 µs"),
    (units.format_milliseconds(1.234), "1.23 ms"),
    (units.format_milliseconds(999.6), "1 s"),
    (units.format_milliseconds(2801), "2.8 s"),
    (units.format_milliseconds(0), "0 ms"),
    *((units.format_duration(value), text) for value, text in
      {0: "0 s", 1.5: "1.5 s", 30: "30 s", 59.7: "1 min", 90: "1 min 30 s", 120: "2 min", 3599.7: "1 h", 3600: "1 h",
       5400: "1 h 30 min", 86_399: "1 d", 86_400: "1 d", 129_600: "1 d 12 h", 604_800: "7 d"}.items()),
    (units.format_clock(5), "0:05"),
    (units.format_clock(750), "12:30"),
    (units.format_clock(3723), "1:02:03"),
    (units.format_percent(0.31549), "31.5%"),
    (units.format_percent(12.345), "1,234%"),
    (units.format_share(1, 3), "33.3%"),
    (units.format_share(0, 3), "0%"),
    (units.format_share(3, 3), "100%"),
    (units.format_share(1, 10**6), "<0.1%"),
    (units.format_share(10**6 - 1, 10**6), ">99.9%"),
    (units.format_share(0.25), "25.0%"),
    (units.format_share(0, 0), "–"),
    (units.format_bytes(512), "512 B"),
    (units.format_bytes(12_345), "12.3 kB"),
    (units.format_bytes(134_352_896), "134 MB"),
    (units.format_bytes(3.2e9), "3.2 GB"),
    (units.format_dollars(1.234), "$1.23"),
    (units.format_dollars(9.999), "$10"),
    (units.format_dollars(1234.5), "$1,234"),
]  # fmt: skip

FORMATS = (
    units.format_digits,
    units.format_count,
    units.format_short,
    units.format_rate,
    units.format_milliseconds,
    units.format_duration,
    units.format_percent,
    units.format_bytes,
    units.format_dollars,
)


@pytest.mark.parametrize(("parse", "text", "value"), READ)
def test_a_text_is_read_as_its_number(parse: Callable[[str], float], text: str, value: float) -> None:
    assert parse(text) == pytest.approx(value)


@pytest.mark.parametrize(("parse", "text"), [(parse, text) for parse, (texts, _) in REFUSED.items() for text in texts])
def test_a_text_that_is_none_is_told_what_to_write_instead(parse: Callable[[str], float], text: str) -> None:
    with pytest.raises(ValueError, match=REFUSED[parse][1]):
        parse(text)


@pytest.mark.parametrize(("found", "wanted"), WRITTEN)
def test_a_number_is_written_with_what_people_need_of_it(found: str, wanted: str) -> None:
    assert found == wanted


@pytest.mark.parametrize("write", FORMATS)
@pytest.mark.parametrize("value", [None, nan, inf])
def test_where_there_is_no_number_stands_a_dash(write: Callable[[float | None], str], value: float | None) -> None:
    assert write(value) == units.NONE


@given(st.one_of(st.integers(0, 400 * 86_400), st.floats(0.001, 1e6).map(lambda seconds: round(seconds, 3))))
def test_a_written_duration_is_read_back(seconds: float) -> None:
    assert units.parse_duration(units.write_duration(seconds)) == pytest.approx(seconds, rel=1e-9)


@pytest.mark.parametrize(
    ("seconds", "text"), [(21_600, "6h"), (5400, "90m"), (114, "114s"), (172_800.0, "2d"), (1.5, "1.5s"), (0, "0s")]
)
def test_a_duration_is_written_in_the_largest_unit_without_a_fraction(seconds: float, text: str) -> None:
    assert units.write_duration(seconds) == text


def test_one_item_is_in_the_singular() -> None:
    assert [units.format_items(count, "request") for count in (0, 1, 12_345, None)] == [
        "0 requests",
        "1 request",
        "12,345 requests",
        "– requests",
    ]
    assert [units.format_items(count, "batch") for count in (1, 2)] == ["1 batch", "2 batches"]
