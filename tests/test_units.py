"""A pace is read in one way wherever it is read."""

from __future__ import annotations

from math import inf

import pytest

from loadgen import units

WRITTEN = {"realtime": 1.0, "max": inf, "10x": 10.0, "0.5x": 0.5, "2": 2.0, "1x": 1.0}


@pytest.mark.parametrize(("text", "factor"), WRITTEN.items())
def test_a_pace_is_a_factor(text: str, factor: float) -> None:
    assert units.parse_pace(text) == factor


@pytest.mark.parametrize("factor", {*WRITTEN.values()})
def test_a_factor_is_written_as_it_is_read(factor: float) -> None:
    assert units.parse_pace(units.format_pace(factor)) == factor


@pytest.mark.parametrize("text", ["", "x", "fast", "0x", "-1x", "inf", "nan", "10xx", "1,5x"])
def test_what_is_no_pace_is_told_what_to_write_instead(text: str) -> None:
    with pytest.raises(ValueError, match="write realtime, max, or a factor such as 10x"):
        units.parse_pace(text)
