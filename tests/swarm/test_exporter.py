"""What other tools are told of a run is what its summary will say."""

from __future__ import annotations

import sys

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from loadgen.model import Result
from loadgen.results import Aggregate, Meter, PreflightResult
from loadgen.swarm.exporter import OUTCOMES, Exporter


def test_the_tests_process_is_not_patched_by_locust() -> None:
    assert "locust" not in sys.modules


def measured(*names: str) -> Aggregate:
    """Ten requests: to the one app monitor, or by turns to two."""
    meter = Meter(0, (), len(names) or 1)
    for place in range(10):
        status = 429 if place < 3 else None if place == 3 else 200
        meter.record(
            Result(
                0.0,
                0.1,
                0.3,
                status,
                5,
                100,
                400,
                error="reset" if status is None else None,
                monitor=place % (len(names) or 1),
            )
        )
    meter.preflights.append(PreflightResult(0.2, answered=True, allowed=True))
    whole = Aggregate(names=names or ("shop",))
    whole.add(meter.take(0))
    return whole


def exported(whole: Aggregate | None) -> dict[tuple[str, str], float]:
    registry = CollectorRegistry()
    registry.register(Exporter(lambda: whole))
    text = generate_latest(registry).decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(sample.name, ",".join(sample.labels.values())): sample.value for sample in samples}


def test_prometheus_is_told_requests_by_outcome_and_the_clocks() -> None:
    told = exported(measured())
    assert [told["loadgen_requests_total", outcome] for outcome in ("accepted", "throttled", "failed")] == [6, 3, 1]
    assert told["loadgen_events_total", "accepted"] == 30
    assert told["loadgen_latency_seconds_count", ""] == 10
    assert told["loadgen_preflights_total", ""] == 1
    assert abs(told["loadgen_latency_seconds", "0.5"] - 0.3) < 0.001
    assert abs(told["loadgen_lag_seconds_sum", ""] - 1.0) < 0.001


def test_before_a_run_there_is_nothing_to_tell() -> None:
    assert exported(None) == {}


def test_each_of_several_app_monitors_has_counters_of_its_own() -> None:
    told = exported(measured("shop", "blog"))
    assert [told["loadgen_monitor_requests_total", f"shop,{outcome}"] for outcome in OUTCOMES] == [3, 2, 0]
    assert [told["loadgen_monitor_requests_total", f"blog,{outcome}"] for outcome in OUTCOMES] == [3, 1, 1]
    assert told["loadgen_monitor_events_total", "blog,accepted"] == 15
