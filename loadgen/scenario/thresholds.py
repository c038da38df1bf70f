"""Thresholds: the bounds that a run's figures must keep so that the run passes."""

from __future__ import annotations

import re

from pydantic import Field, ValidationError

from loadgen.scenario.problems import Seconds, Section, Share
from loadgen.units import parse_count


class Thresholds(Section):
    """Bounds on a run's figures; a figure without a bound is not checked."""

    latency_p50_ms: float | None = Field(None, gt=0, description="Highest median latency, from the intended moment.")
    latency_p95_ms: float | None = Field(None, gt=0, description="Highest 95th percentile of the latency.")
    latency_p99_ms: float | None = Field(None, gt=0, description="Highest 99th percentile of the latency.")
    throttled_share: Share | None = Field(None, description="Highest share of requests answered with 429.")
    failed_share: Share | None = Field(
        0.05, description="Highest share of requests that failed, 429s not counted; 1 allows all. Default: our choice."
    )
    lost_share: Share | None = Field(None, description="Highest share of sent events that were not accepted.")
    achieved_rate: float | None = Field(None, ge=0, description="Lowest ratio of requests sent to requests due.")
    abort_after: Seconds | None = Field(
        None,
        description="From this moment on, stop the run when its figures miss a threshold. No figure counts before 100 "
        "requests were sent; a share counts when the lower end of its 95 % Wilson interval is above the threshold.",
    )

    def merge(self, conditions: tuple[str, ...]) -> Thresholds:
        """Return these thresholds with conditions such as `latency_p99_ms < 500` applied; ValueError for a bad one."""
        return self.model_copy(update=dict(map(parse_threshold, conditions)))


LOWEST = ("achieved_rate",)
"""Thresholds that are lower bounds of their figures; all others are upper bounds."""

BOUNDS = [name for name in Thresholds.model_fields if name != "abort_after"]
CONDITION = re.compile(r"\s*(\w+)\s*([<>])=?\s*([\d.,_]+[kM]?)\s*(%?)\s*")


def parse_threshold(text: str) -> tuple[str, float]:
    """Read a condition such as `latency_p99_ms < 500` or `lost_share <= 1%`: the threshold's name and its bound.

    `<` and `<=` mean the same, as do `>` and `>=`: a figure that equals its bound keeps it. Raises ValueError, with
    what to write instead.
    """
    match = CONDITION.fullmatch(text)
    if match is None or match[1] not in BOUNDS:
        raise ValueError(
            f"{text!r} is no threshold; write one such as 'latency_p99_ms < 500'; there are {', '.join(BOUNDS)}"
        )
    name, bound = match[1], parse_count(match[3]) / (100 if match[4] else 1)
    if (match[2] == ">") is not (name in LOWEST):
        raise ValueError(
            f"{text!r} is the wrong way round; write '{name} {'>' if name in LOWEST else '<'} {match[3]}{match[4]}'"
        )
    try:
        Thresholds(**{name: bound})
    except ValidationError as wrong:
        raise ValueError(f"{text!r} is out of range: {wrong.errors()[0]['msg'].lower()}") from None
    return name, bound
