"""What workers measured becomes one run, whoever measured it and in whichever order it comes."""

from __future__ import annotations

import random
from dataclasses import dataclass

import msgspec
import pytest

from loadgen.model import Result, Volume
from loadgen.results import (
    Aggregate,
    EventCounts,
    LedgerComparison,
    Meter,
    RunEnd,
    Summary,
    find_breaches_so_far,
    summarize_run,
)
from loadgen.results.outcomes import MOST_CAUSES, Content
from loadgen.results.timeline import TimelineRow, build_timeline_row
from loadgen.results.verdict import (
    add_ledgers,
)
from loadgen.scenario import Scenario

STATUSES = [200] * 6 + [429] * 2 + [500, 403, None]
SHOP = """
name = "shop"
arrivals.stages = [{ duration = 60, target = 5 }, { duration = 60, target = 5 }]
[pages.home]
path = "/"
exit = 1
"""
JUMP = "{ duration = 0, target = 5 }"
LAX = "{ duration = 10, target = 5, thresholds = { latency_p50_ms = 1000 } }"
RUN = RunEnd(seed=1, pace="realtime", started_at="2026-11-21T12:00:00.000+00:00", workers=1)


def scenario(more: str = "") -> Scenario:
    return Scenario.parse(SHOP + more, "shop.toml")


def results(number: int) -> list[Result]:
    draw = random.Random(3)
    made = []
    for place in range(number):
        intended = place / 100
        started = intended + draw.expovariate(1000)
        status = draw.choice(STATUSES)
        attempt = draw.choice([1, 1, 1, 2, 3])
        final = status != 429 or attempt == 3
        error = None if status in (200, 429) else str(status)
        finished = started + draw.expovariate(100)
        waited = draw.uniform(0, 5)
        made.append(Result(intended, started, finished, status, 10, 900, 4000, attempt, final, error, place, waited))
    return made


def measured_by(workers: int, some: list[Result], stages: tuple[float, ...] = ()) -> Aggregate:
    """The same results, dealt to so many workers, in seconds that arrive out of order."""
    meters = [Meter(worker) for worker in range(workers)]
    by_second: dict[tuple[int, int], list[Result]] = {}
    for place, result in enumerate(some):
        by_second.setdefault((int(result.finished), place % workers), []).append(result)
    seconds = []
    for (second, worker), part in by_second.items():
        for result in part:
            meters[worker].record(result)
        seconds.append(meters[worker].take(second))
    random.Random(workers).shuffle(seconds)
    whole = Aggregate(stages)
    for report in seconds:
        whole.add(report)
    return whole


def balanced(measured: Aggregate) -> Aggregate:
    """With a tally that goes with the records."""
    measured.account(0, EventCounts(sessions=1, generated=measured.metrics.outcomes.tried.events))
    return measured


@dataclass
class Compared:
    summary: Summary
    rows: list[TimelineRow]


def compared(measured: Aggregate) -> Compared:
    rows = [build_timeline_row(second, ready, EventCounts()) for second, ready in measured.settle(10**6)]
    return Compared(summarize_run(balanced(measured), scenario(), RUN), rows)


@pytest.mark.parametrize(
    ("tally", "said"),
    [
        (EventCounts(), "no visitor came; give a longer --duration or a higher --rate"),
        (EventCounts(sessions=1, generated=5, not_sampled=5), "the events of 1 session were not sampled"),
        (
            EventCounts(sessions=2, generated=5, dropped_by_client=5),
            "the events of 2 sessions were none, or were all kept",
        ),
    ],
)
def test_a_run_that_was_due_to_send_nothing_is_not_passed(tally: EventCounts, said: str) -> None:
    measured = measured_by(1, [])
    measured.account(0, tally)
    summary = summarize_run(measured, scenario(), RUN)
    assert summary.verdict == "invalid"
    assert said in summary.reasons[0]
    for ended in ({"interrupted": True}, {"cut_off": True}):
        stopped = summarize_run(measured, scenario(), msgspec.structs.replace(RUN, **ended))
        assert (stopped.verdict, stopped.reasons) == ("interrupted", ("stopped before its end",))


def test_a_run_that_is_too_short_for_its_visitors_says_that_it_has_sent_nothing() -> None:
    measured = measured_by(1, [])
    measured.account(0, EventCounts(sessions=3, generated=5, unsent=5))
    summary = summarize_run(measured, scenario(), RUN)
    said = "nothing was sent: all requests were due after the run's end; give a longer --duration"
    assert (summary.verdict, summary.reasons) == ("passed", (said,))


def test_a_run_whose_every_due_batch_was_held_back_is_not_passed() -> None:
    measured = measured_by(1, [])
    meter = Meter(0)
    meter.offer(0.5, Volume(1, 3, 200, 900), ["page_view_event"])
    measured.add(meter.take(0))
    measured.account(0, EventCounts(sessions=1, generated=3, unsent=3))
    short = msgspec.structs.replace(RUN, cut_short=True, notes=("--max-events 1 reached",))
    summary = summarize_run(measured, scenario(), short)
    assert (summary.verdict, summary.reasons[0]) == ("invalid", "none of 1 due batches was sent")


@pytest.mark.parametrize("workers", [2, 7])
def test_a_hundred_thousand_results_give_one_summary_whoever_measured_them(workers: int) -> None:
    some = results(100_000)
    one, many = (compared(measured_by(number, some, (60.0, 1000.0))) for number in (1, workers))
    assert one.summary == msgspec.structs.replace(many.summary, generator=one.summary.generator)
    assert one.rows == many.rows


def test_every_request_is_accepted_throttled_or_failed() -> None:
    requests = compared(measured_by(3, results(5_000))).summary.requests
    assert requests.sent == 5_000 == requests.accepted + requests.throttled + requests.failed
    assert min(requests.accepted, requests.throttled, requests.failed, requests.retried, requests.given_up) > 0
    assert 0 < requests.recovered < requests.retried


def test_requests_events_and_bytes_are_counted_by_outcome_alike() -> None:
    """Every result here is 10 events, 900 bytes as sent and 4000 before gzip."""
    measured = measured_by(3, results(5_000))
    outcomes, summary = measured.metrics.outcomes, compared(measured).summary
    for name in ("sent", "accepted", "throttled", "failed", "retried", "recovered", "given_up"):
        requests = getattr(summary.requests, name)
        assert getattr(outcomes, name) == Volume(requests, 10 * requests, 900 * requests, 4000 * requests)
        assert getattr(summary.outcomes, name) == Content(10 * requests, 900 * requests, 4000 * requests)
        assert requests > 0
    assert outcomes.sent == outcomes.accepted + outcomes.throttled + outcomes.failed


def test_a_count_of_requests_stands_in_one_place() -> None:
    written = msgspec.to_builtins(compared(measured_by(2, results(5_000))).summary)
    for part in (written, *written["monitors"], *written["stages"]):
        assert set(part["outcomes"]) == set(part["requests"])
        assert all(set(content) == {"events", "wire_bytes", "raw_bytes"} for content in part["outcomes"].values())
    assert list(written["failures"]) == list(written["errors"])
    assert all("requests" not in content for content in written["failures"].values())


def test_failures_are_counted_by_cause_in_each_unit() -> None:
    measured = measured_by(3, results(5_000))
    summary, failures = compared(measured).summary, measured.metrics.failures
    assert {cause: volume.requests for cause, volume in failures.items()} == summary.errors
    assert {cause: Content.of(volume) for cause, volume in failures.items()} == summary.failures
    assert sum(failures.values(), Volume()) == measured.metrics.outcomes.failed
    assert sum(failed.events for failed in summary.failures.values()) == summary.outcomes.failed.events


def test_batches_of_a_page_that_was_switched_off_are_not_offered_in_any_unit() -> None:
    whole, meter, batch = Aggregate((10.0, 20.0)), Meter(0, (10.0, 20.0)), Volume(1, 10, 900, 4000)
    for at in (5.0, 15.0, 16.0):
        meter.offer(at, batch)
    meter.cancel(15.0, batch)
    tally = EventCounts(generated=30, dropped_by_client=30, switched_off=10, cancelled=batch)
    whole.add(msgspec.structs.replace(meter.take(16), tallies=(tally,)))
    summary = summarize_run(whole, scenario(), RUN)
    assert (summary.requests.offered, summary.outcomes.offered) == (2, Content(20, 1800, 8000))
    assert [stage.requests.offered for stage in summary.stages] == [1, 1]


def test_of_a_lost_worker_what_was_tried_and_not_accepted_is_given_up() -> None:
    measured = measured_by(2, results(1000))
    summary = summarize_run(measured, scenario(), msgspec.structs.replace(RUN, losses=("lost",)))
    tried_in_vain = measured.metrics.outcomes.tried - measured.metrics.outcomes.accepted
    assert (summary.requests.given_up, summary.outcomes.given_up) == (tried_in_vain.requests, Content.of(tried_in_vain))


def test_the_stages_add_up_to_the_run() -> None:
    summary = compared(measured_by(2, results(20_000), (50.0, 120.0))).summary
    assert [(stage.start, stage.end) for stage in summary.stages] == [(0.0, 50.0), (50.0, 120.0)]
    for name in ("sent", "accepted", "throttled", "failed"):
        assert sum(getattr(stage.requests, name) for stage in summary.stages) == getattr(summary.requests, name)
    assert summary.stages[0].requests.sent == 5_000


def test_stages_are_cut_at_the_end_of_the_run_and_follow_the_pace() -> None:
    assert scenario().find_stage_ends(1.0) == (60.0, 120.0)
    assert scenario().adjust(duration=70).find_stage_ends(1.0) == (60.0, 70.0)
    assert scenario().adjust(duration=40).find_stage_ends(2.0) == (20.0,)


def test_throttling_is_no_error() -> None:
    meter = Meter(0)
    meter.record(Result(0.0, 0.0, 0.1, 429, 10, 1, 1))
    whole = Aggregate()
    whole.add(meter.take(0))
    assert (
        whole.metrics.outcomes.throttled.requests,
        whole.metrics.outcomes.failed.requests,
        whole.metrics.errors,
    ) == (1, 0, {})


def test_failures_are_counted_by_cause() -> None:
    meter = Meter(0)
    for error in ("reset", "timeout", "reset", "403 AccessDeniedException"):
        meter.record(Result(0.0, 0.0, 0.1, None, 10, 1, 1, error=error))
    whole = Aggregate()
    whole.add(meter.take(0))
    assert whole.metrics.errors == {"reset": 2, "timeout": 1, "403 AccessDeniedException": 1}


def test_a_target_that_names_each_of_its_errors_anew_fills_no_memory() -> None:
    meter, whole = Meter(0), Aggregate()
    for number in range(3000):
        kind = ("403 Error{}", "not RUM's answer: 200 text/{}", "generator: a{}")[number % 3]
        meter.record(Result(0.0, 0.0, 0.1, 200, 10, 1, 1, error=kind.format(number if number % 3 < 2 else 0)))
        if number % 100 == 99:
            whole.add(meter.take(number // 100))
    failures = whole.metrics.failures
    assert len(failures) <= MOST_CAUSES + 2
    assert sum(failures.values(), Volume()) == whole.metrics.outcomes.failed
    assert failures["other errors"].requests > 800
    assert sum(each.requests for cause, each in failures.items() if cause.startswith("not RUM's answer: ")) == 1000
    assert failures["generator: a0"].requests == 1000


def test_the_time_from_event_to_acceptance_counts_every_accepted_event_once() -> None:
    meter = Meter(0)
    meter.record(Result(5.0, 5.0, 5.1, 200, 10, 1, 1, waited=2.5))
    meter.record(Result(5.0, 5.0, 5.1, 429, 30, 1, 1, waited=2.5))
    whole = Aggregate()
    whole.add(meter.take(5))
    assert whole.metrics.acceptance.count == 10
    assert whole.metrics.acceptance.mean_ms == pytest.approx(2600)


def test_a_second_that_comes_late_is_counted_in_a_later_row() -> None:
    whole, meter = Aggregate(), Meter(0)
    meter.record(Result(0.0, 0.0, 0.1, 200, 10, 1, 1))
    late = meter.take(0)
    assert whole.settle(3) == []
    whole.add(late)
    [(second, ready)] = whole.settle(10)
    assert (second, ready.metrics.outcomes.accepted.requests) == (3, 1)


def test_a_batch_that_waits_for_its_retry_at_the_end_is_lost() -> None:
    meter = Meter(0)
    meter.record(Result(0.0, 0.0, 0.1, 429, 10, 1, 1, final=False))
    whole = Aggregate()
    whole.add(meter.take(0))
    whole.account(0, EventCounts(generated=10, pending_at_end=Volume(1, 10, 1, 1)))
    summary = summarize_run(whole, scenario(), RUN)
    assert (summary.requests.given_up, summary.events.sent, summary.events.lost) == (1, 10, 10)
    assert summary.events.balanced


def test_one_answer_that_is_not_rums_stops_a_run_before_100_requests() -> None:
    """It fails the run whatever follows; a refusal of RUM's own, or a time-out, may be one of few."""
    for error, said in (
        ("not RUM's answer: 200 text/html", ["1 answer was not RUM's"]),
        ("403 AccessDeniedException", []),
        ("timeout", []),
    ):
        some = [*results(20), Result(1.0, 1.0, 1.1, 200, 10, 900, 4000, error=error)]
        so_far = balanced(measured_by(1, some))
        assert find_breaches_so_far(so_far, scenario()) == said


def test_a_stage_has_thresholds_of_its_own() -> None:
    """Latencies are some 11 ms throughout: only the second stage asks for less."""
    strict = "{ duration = 10, target = 5, thresholds = { latency_p50_ms = 1 } }"
    text = SHOP.replace("{ duration = 60, target = 5 }, { duration = 60, target = 5 }", f"{JUMP}, {LAX}, {strict}")
    site = Scenario.parse(text, "shop.toml")
    measured = balanced(measured_by(1, results(2000), site.find_stage_ends(1.0)))
    summary = summarize_run(measured, site, RUN)
    assert [stage.stage for stage in summary.stages] == [1, 2]
    found = [line for line in summary.reasons if line.startswith("stage")]
    assert len(found) == 1
    assert found[0].startswith("stage 2: latency_p50_ms is ")


def test_ledgers_that_do_not_agree_fail_the_run() -> None:
    passed = compared(measured_by(1, results(1000))).summary
    passed = msgspec.structs.replace(passed, verdict="passed", reasons=())
    assert add_ledgers(passed, [LedgerComparison(False, 1, 2)], None).verdict == "failed"
    assert add_ledgers(passed, [LedgerComparison(True, 1, 2)], None).verdict == "passed"
    assert add_ledgers(passed, [LedgerComparison()], "the endpoint died").verdict == "failed"
    invalid = msgspec.structs.replace(passed, verdict="invalid")
    assert (
        add_ledgers(invalid, [LedgerComparison(False, 1, 2)], None).verdict == "invalid"
    )  # its own figures are not believed
    assert add_ledgers(invalid, [LedgerComparison()], "the endpoint died").verdict == "failed"


def test_a_lost_worker_makes_the_run_invalid_and_its_events_stay_accounted_for() -> None:
    measured = measured_by(2, results(1000))
    measured.account(0, EventCounts(generated=100_000, not_sampled=10))
    run = msgspec.structs.replace(RUN, losses=("worker 1 of 2 was lost",))
    summary = summarize_run(measured, scenario(), run)
    assert summary.verdict == "invalid"
    assert summary.events.balanced
