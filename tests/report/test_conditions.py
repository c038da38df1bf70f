"""`compare --fail-on`: exit 1 only where a difference is beyond the condition and more than chance."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from loadgen.cli import commands
from loadgen.errors import LoadgenError
from loadgen.report.comparison import ComparedRun, Comparison, Difference, FigureInterval
from loadgen.report.conditions import check_conditions, describe_condition, parse_condition
from tests.report.runs import Plan, make


@pytest.mark.parametrize(
    ("text", "figure", "rises", "limit", "is_relative"),
    [
        ("latency_p99_ms > +10%", "latency_p99_ms", True, 0.1, True),
        ("latency_p99_ms>+10", "latency_p99_ms", True, 10.0, False),
        (" goodput_per_second <= -5% ", "goodput_per_second", False, -0.05, True),
        ("lost_share > +0", "lost_share", True, 0.0, False),
    ],
)
def test_a_condition_is_read(text: str, figure: str, rises: bool, limit: float, is_relative: bool) -> None:
    read = parse_condition(text)
    assert (read.figure, read.rises, read.is_relative) == (figure, rises, is_relative)
    assert read.limit == pytest.approx(limit)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("latency > +10%", "is no condition; write one such as"),
        ("latency_p99_ms = 10", "is no condition"),
        ("latency_p99_ms > +10%; rm", "is no condition"),
        ("latency_p99_ms > -10%", "would fail on no change at all"),
        ("goodput_per_second < +5%", "would fail on no change at all"),
        ("goodput_per_second < 5%", "write 'goodput_per_second < -5%' for a change against the first run"),
        ("latency_p99_ms > 10", r"write 'latency_p99_ms > \+10' for a change .* `run --threshold` limits the figure"),
        ("latency_p99_ms>10%", r"write 'latency_p99_ms > \+10%' for a change"),
        ("lost_share > 0", r"write 'lost_share > \+0' for a change"),
    ],
)
def test_what_is_no_condition_is_told(text: str, said: str) -> None:
    with pytest.raises(LoadgenError, match=said):
        parse_condition(text)


def compare(value: float, low: float | None, high: float | None, relative: float | None) -> Comparison:
    run = ComparedRun("b", "shop", 1, "passed", False, {})
    difference = Difference("latency_p99_ms", 1, FigureInterval(value, low, high), relative)
    return Comparison((run, run), (difference,), ())


@pytest.mark.parametrize(
    ("comparison", "fails", "said"),
    [
        (compare(30.0, 10.0, 50.0, 0.3), True, "✗ latency_p99_ms > +10%: b fails, and it is more than chance"),
        (
            compare(30.0, -1.0, 50.0, 0.3),
            False,
            "✓ latency_p99_ms > +10%: b keeps it: the change is beyond the limit, but may be chance",
        ),
        (compare(5.0, 4.0, 6.0, 0.05), False, "✓ latency_p99_ms > +10%: b keeps it"),
        (compare(-30.0, -50.0, -10.0, -0.3), False, "✓"),
        (compare(30.0, None, None, 0.3), False, "? latency_p99_ms > +10%: b has no interval for this figure"),
        (compare(30.0, 10.0, 50.0, None), True, "✗"),
    ],
)
def test_only_a_difference_that_is_more_than_chance_fails(comparison: Comparison, fails: bool, said: str) -> None:
    checked = check_conditions(comparison, ["latency_p99_ms > +10%"])
    assert [each.fails for each in checked.conditions] == [fails]
    assert describe_condition(checked.conditions[0], checked).startswith(said)


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(commands, ["compare", *map(str, arguments)])


def test_compare_exits_with_1_where_a_run_is_slower_and_not_where_it_is_the_same(tmp_path: Path) -> None:
    quick, again, slow = (
        make(tmp_path / name, Plan(seconds=20, service=service, seed=seed)).path
        for name, service, seed in (("quick", 0.01, 1), ("again", 0.01, 2), ("slow", 0.03, 3))
    )
    condition = ("--fail-on", "service_p95_ms > +10%")
    assert invoke(quick, again, *condition).exit_code == 0
    failed = invoke(quick, slow, *condition, "--json")
    assert failed.exit_code == 1
    (checked,) = json.loads(failed.output)["conditions"]
    assert (checked["condition"], checked["run"], checked["fails"]) == ("service_p95_ms > +10%", 1, True)
    assert invoke(quick, slow, "--fail-on", "service_p95_ms > +1000%").exit_code == 0
    refused = invoke(quick, slow, "--fail-on", "p95 > 1")
    assert isinstance(refused.exception, LoadgenError)
