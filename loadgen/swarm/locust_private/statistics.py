"""Locust's own statistics: they get our requests, and do not grow with the length of a run."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from locust import stats as locust_stats
from locust.env import Environment
from locust.runners import Runner

from loadgen.model import Result
from loadgen.results import THROTTLED

REQUEST_TYPE = "PutRumEvents"
KEPT_SECONDS = 60  # Locust's UI shows rates over the last twelve seconds


def report_to_locust(environment: Environment, results: Sequence[Result]) -> None:
    """Add finished requests to Locust's statistics; 429 counts under its own name there, not as a failure.

    If other code listens to Locust's request event, the event is fired for each request. Otherwise requests without an
    error are added to the statistics as a group, in a fifth of the time.
    """
    grouped: defaultdict[str, list[float]] = defaultdict(list)  # milliseconds, by outcome
    alone = len(environment.events.request._handlers) == 1
    fire: Any = environment.events.request.fire
    for result in results:
        name = "throttled" if result.status == THROTTLED else "failed" if result.error is not None else "accepted"
        if alone and result.error is None:
            grouped[name].append(result.latency * 1000)
            continue
        fire(
            request_type=REQUEST_TYPE,
            name=name,
            response_time=result.latency * 1000,
            response_length=0,
            exception=None if result.error is None else RuntimeError(result.error),
            context={},
        )
    for name, milliseconds in grouped.items():
        add_to_statistics(environment.stats, name, milliseconds)


def add_to_statistics(stats: Any, name: str, milliseconds: list[float]) -> None:
    """Do what Locust's `log_request` does, for many response times of requests with the same name at once.

    Locust's own function adds the first one, which also advances the time of the last request.
    """
    first, *others = milliseconds
    stats.log_request(REQUEST_TYPE, name, first, 0)
    if not others:
        return
    buckets = Counter(map(locust_stats.bucket_response_time, others))
    for entry in (stats.total, stats.entries[name, REQUEST_TYPE]):
        entry.num_requests += len(others)
        entry.num_reqs_per_sec[int(entry.last_request_timestamp)] += len(others)
        entry.total_response_time += sum(others)
        entry.min_response_time = min(entry.min_response_time, *others)
        entry.max_response_time = max(entry.max_response_time, *others)
        for bucket, number in buckets.items():
            entry.response_times[bucket] += number


def trim_statistics(runner: Runner) -> None:
    """Drop the old seconds of Locust's statistics, which would grow with the length of the run; we do not use them."""
    stats = runner.stats
    for entry in (stats.total, *stats.entries.values()):
        for counts in (entry.num_reqs_per_sec, entry.num_fail_per_sec):
            for second in sorted(counts)[:-KEPT_SECONDS]:
                del counts[second]
    del stats.history[:-KEPT_SECONDS]
