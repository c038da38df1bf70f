"""Numbers that an option refuses are told with the value and with what to write instead."""

from __future__ import annotations

import click
import pytest

from loadgen.cli.options import POSITIVE, SECONDS, CountOption, Integer, WholeCountOption


@pytest.mark.parametrize(
    ("kind", "given", "told"),
    [
        (Integer(1, 900), "x", "'x' is out of range; write a whole number from 1 to 900"),
        (Integer(1, 900), "901", "'901' is out of range; write a whole number from 1 to 900"),
        (Integer(1, 65535), "99999", "'99999' is out of range; write a whole number from 1 to 65535"),
        (Integer(min=0), "-1", "'-1' is no count; write a number such as 12000, 500k or 2M"),
        (CountOption(0, 1e6, min_open=True), "0", "'0' is out of range; write a number above 0, at most 1000000"),
        (CountOption(0, min_open=True), "0", "'0' is out of range; write a number above 0"),
        (POSITIVE, "0", "'0' is out of range; write a number above 0"),
        (POSITIVE, "2e12", "'2e12' is out of range; write a number above 0, at most 1000000000000"),
        (POSITIVE, "x", "'x' is no count; write a number such as 12000, 500k or 2M"),
        (SECONDS, "x", "'x' is no duration; write seconds, or a number with a unit such as 90s, 5m, 2h, 7d"),
        (SECONDS, "400d", "'400d' is too long; write at most 366d"),
        (CountOption(min=1), "0.5", "'0.5' is out of range; write a number of 1 or more"),
        (WholeCountOption(), "0.5", "'0.5' is no whole number; write a whole number of 0 or more"),
        (CountOption(), "many", "'many' is no count; write a number such as 12000, 500k or 2M"),
    ],
)
def test_a_number_that_does_not_fit_is_told_with_what_to_write(
    kind: click.ParamType[float], given: str, told: str
) -> None:
    with pytest.raises(click.BadParameter) as refused:
        kind.convert(given, None, None)
    assert refused.value.message == told


def test_numbers_within_the_bounds_are_taken() -> None:
    assert Integer(1, 900).convert("900", None, None) == 900
    assert Integer(min=0).convert(str(2**63 - 1), None, None) == 2**63 - 1  # a seed
    assert SECONDS.convert("0", None, None) == 0
    assert SECONDS.convert("2m", None, None) == 120
    assert CountOption(0, 1e6, min_open=True).convert("500k", None, None) == 500_000
