"""`compare --fail-on`: conditions on the differences between runs, such as `latency_p99_ms > +10%`.

Rule: a condition limits the change against the first run, never the figure itself, so its number has a sign. It fails
only if the difference is more than chance, that is, if its 95 % interval does not contain 0. A change in per cent is
relative to the first run; a change without is in the figure's own unit (milliseconds, requests a second, a share of 1).
If the first run's figure is 0, every change that is more than chance exceeds any per cent. A figure without an interval
(a maximum, a quantile of too few requests) never fails a condition, and the result says so.
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
    """A condition: the change of a figure at which a comparison fails."""

    text: str
    figure: str
    rises: bool  # True: a change above the limit fails; False: below it
    limit: float  # with its sign; a relative limit is a part of 1
    is_relative: bool


def parse_condition(text: str) -> Condition:
    """Parse the text of a condition. LoadgenError says what to write instead."""
    match = FORM.fullmatch(text)
    if match is None or match[1] not in NAMES:
        raise LoadgenError(
            f"--fail-on {text!r} is no condition; write one such as 'latency_p99_ms > +10%' or "
            f"'goodput_per_second < -5%'; the figures are {', '.join(NAMES)}"
        )
    rises = match[2] == ">"
    if not match[3]:
        signed = f"{'+' if rises else '-'}{match[4]}{match[5]}"
        raise LoadgenError(
            f"--fail-on {text!r} may mean the figure itself or its change; write '{match[1]} {match[2]} {signed}' for "
            "a change against the first run; `run --threshold` limits the figure itself"
        )
    limit = (1 if match[3] == "+" else -1) * float(match[4]) / (100 if match[5] else 1)
    if (limit < 0) is rises and limit:
        raise LoadgenError(f"--fail-on {text!r} would fail on no change at all; write > with +, or < with -")
    return Condition(" ".join(text.split()), match[1], rises, limit, bool(match[5]))


def check_conditions(comparison: Comparison, texts: Sequence[str]) -> Comparison:
    """Check each condition for each run except the first; return the comparison with the results."""
    conditions = [parse_condition(text) for text in texts]
    checked = tuple(
        check_condition(condition, each)
        for condition in conditions
        for each in comparison.differences
        if each.figure == condition.figure
    )
    return msgspec.structs.replace(comparison, conditions=checked)


def check_condition(condition: Condition, each: Difference) -> ConditionResult:
    """Check one condition on the difference of one run."""
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
    """Describe the result of a condition on one line."""
    run = comparison.runs[result.run].folder
    if result.fails:
        return f"✗ {result.condition}: {run} fails, and it is more than chance"
    if not result.is_known:
        return f"? {result.condition}: {run} has no interval for this figure, so no difference is more than chance"
    return f"✓ {result.condition}: {run} keeps it" + (
        ": the change is beyond the limit, but may be chance" if result.beyond else ""
    )
