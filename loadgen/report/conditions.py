"""`compare --fail-on`: which differences between runs are too much, such as `latency_p99_ms > +10%`.

Rule: a condition limits the change against the first run, never the figure itself, and so its number has a sign. It
fails only where the difference is more than chance, that is where its 95 % interval leaves 0 out. A change in per cent
is relative to the first run; one without is in the figure's own unit (milliseconds, requests a second, a share of 1).
Where the first run's figure is 0, every change that is more than chance is more than any per
cent. What has no interval (a maximum, a quantile of too few requests) is never more than chance, and is said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from loadgen.errors import LoadgenError
from loadgen.model import Noun
from loadgen.report.comparison import NAMES, Comparison, ConditionResult, Difference

FORM = re.compile(r"\s*(\w+)\s*([<>])=?\s*([-+−]?)([0-9]+(?:\.[0-9]+)?)\s*(%?)\s*")


class Condition(Noun):
    """A change that is too much."""

    text: str
    figure: str
    rises: bool  # too much is above the limit; else below it
    limit: float  # with its sign; a relative one is a part of 1
    is_relative: bool


def parse_condition(text: str) -> Condition:
    """Read a condition; LoadgenError says what to write instead."""
    found = FORM.fullmatch(text)
    if found is None or found[1] not in NAMES:
        raise LoadgenError(
            f"--fail-on {text!r} is no condition; write one such as 'latency_p99_ms > +10%' or "
            f"'goodput_per_second < -5%'; the figures are {', '.join(NAMES)}"
        )
    rises = found[2] == ">"
    if not found[3]:
        signed = f"{'+' if rises else '-'}{found[4]}{found[5]}"
        raise LoadgenError(
            f"--fail-on {text!r} may mean the figure itself or its change; write '{found[1]} {found[2]} {signed}' for "
            "a change against the first run; `run --threshold` limits the figure itself"
        )
    limit = (1 if found[3] == "+" else -1) * float(found[4]) / (100 if found[5] else 1)
    if (limit < 0) is rises and limit:
        raise LoadgenError(f"--fail-on {text!r} would fail on no change at all; write > with +, or < with -")
    return Condition(" ".join(text.split()), found[1], rises, limit, bool(found[5]))


def check_conditions(comparison: Comparison, texts: Sequence[str]) -> Comparison:
    """The comparison with each condition checked for each run but the first."""
    conditions = [parse_condition(text) for text in texts]
    checked = tuple(
        check_condition(condition, each)
        for condition in conditions
        for each in comparison.differences
        if each.figure == condition.figure
    )
    return msgspec.structs.replace(comparison, conditions=checked)


def check_condition(condition: Condition, each: Difference) -> ConditionResult:
    """One condition for one run."""
    value = each.difference.value
    change = each.relative if condition.is_relative else value
    if change is None and value:  # relative to 0
        change = value * float("inf")
    beyond = change is not None and (change > condition.limit if condition.rises else change < condition.limit)
    return ConditionResult(
        condition=condition.text,
        run=each.run,
        fails=beyond and each.is_more_than_chance,
        beyond=beyond,
        is_known=each.difference.low is not None,
    )


def describe_condition(result: ConditionResult, comparison: Comparison) -> str:
    """A line on a condition: whether it failed, and if not why."""
    run = comparison.runs[result.run].folder
    if result.fails:
        return f"✗ {result.condition}: {run} fails, and it is more than chance"
    if not result.is_known:
        return f"? {result.condition}: {run} has no interval for it, so nothing is more than chance"
    return f"✓ {result.condition}: {run} keeps it" + (", as far as chance allows to say" if result.beyond else "")
