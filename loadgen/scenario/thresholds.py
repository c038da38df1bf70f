"""What a run must keep to pass."""

from __future__ import annotations

from pydantic import Field

from loadgen.scenario.problems import Seconds, Section, Share


class Thresholds(Section):
    """Bounds on a run's figures; what is left out is not checked."""

    latency_p50_ms: float | None = Field(None, gt=0, description="Highest median latency, from the intended moment.")
    latency_p95_ms: float | None = Field(None, gt=0, description="Highest 95th percentile of it.")
    latency_p99_ms: float | None = Field(None, gt=0, description="Highest 99th percentile of it.")
    throttled_share: Share | None = Field(None, description="Highest share of requests answered with 429.")
    failed_share: Share | None = Field(
        0.05, description="Highest share of requests that failed otherwise. Our choice: one in twenty; 1 allows all."
    )
    lost_share: Share | None = Field(None, description="Highest share of sent events that were not accepted.")
    achieved_rate: float | None = Field(None, ge=0, description="Lowest ratio of requests sent to requests due.")
    abort_after: Seconds | None = Field(
        None, description="Stop the run when a threshold is missed by the figures so far, from this moment on."
    )
