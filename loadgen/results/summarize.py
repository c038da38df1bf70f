"""Measured → Summary: one way to sum a run up, at its end or from the folder of one that was cut off."""

from __future__ import annotations

from functools import reduce
from itertools import repeat
from math import inf

import msgspec

from loadgen.errors import LoadgenError
from loadgen.model import Noun
from loadgen.results.aggregate import Aggregate
from loadgen.results.meter import EventCounts, Volume
from loadgen.results.metrics import Metrics
from loadgen.results.outcomes import Outcomes
from loadgen.results.records import InDoubt
from loadgen.results.summary import (
    AppMonitor,
    Bytes,
    Events,
    Generator,
    Milliseconds,
    MonitorSummary,
    Rates,
    Requests,
    StageSummary,
    Summary,
    Verdict,
)
from loadgen.results.verdict import breaches, judge, share, validity_issues
from loadgen.scenario import Scenario, Stage, Thresholds


class RunEnd(Noun):
    """What was asked for, and how it ended."""

    seed: int
    pace: str
    started_at: str  # UTC, ISO 8601
    workers: int
    length: float = 0.0  # seconds that it was meant to last and did
    interrupted: bool = False
    cut_off: bool = False
    cut_short: bool = False  # it meant to stop before its end
    notes: tuple[str, ...] = ()  # what else is to be said, a line each
    lost_workers: tuple[str, ...] = ()  # what is missing, a line each
    lost: tuple[int, ...] = ()  # workers that did not live to say their last word
    stopped_at: float | None = None  # seconds from the run's zero, when it was stopped before its end
    in_doubt: tuple[InDoubt, ...] = ()  # by app monitor
    clock_offsets_ms: tuple[float | None, ...] = ()  # by worker: how far its clock was ahead of ours; None: not known
    monitors: tuple[AppMonitor, ...] = ()  # the scenario's own names unless given

    @property
    def complete(self) -> bool:
        """Whether every worker has said its last word."""
        return not self.cut_off and not self.lost_workers


def stages_reached(scenario: Scenario, pace: float) -> tuple[tuple[float, Stage], ...]:
    """The stages that the run reaches and that last, each with its end in seconds on the wall."""
    reached: list[tuple[float, Stage]] = []
    at = last = 0.0
    for stage in scenario.arrivals.stages:
        at = min(at + stage.duration, scenario.duration)
        if at / pace > last:
            last = at / pace
            reached.append((last, stage))
    return tuple(reached)


def stage_ends(scenario: Scenario, pace: float) -> tuple[float, ...]:
    """The ends of the stages in seconds on the wall, those that the run reaches."""
    return tuple(end for end, _ in stages_reached(scenario, pace))


def stage_breaches(scenario: Scenario, stages: tuple[StageSummary, ...]) -> list[str]:
    """One line per threshold that a stage has of its own and missed."""
    return [
        f"stage {found.stage}: {line}"
        for found, (_, stage) in zip(stages, stages_reached(scenario, 1.0), strict=False)
        if stage.thresholds.model_fields_set
        for line in breaches(own(stage.thresholds), found.latency_ms, found.requests, found.events)
    ]


def check_stages(file: str, scenario: Scenario, pace: float) -> None:
    """Refuse thresholds of stages where a run has no stages: as fast as possible nothing has a moment."""
    strict = [
        str(place) for place, stage in enumerate(scenario.arrivals.stages, 1) if stage.thresholds.model_fields_set
    ]
    if pace == inf and strict:
        raise LoadgenError(
            f"{file}: arrivals.stages: stage {', '.join(strict)} has thresholds of its own, and --pace max knows no "
            "stages; give --pace a factor such as 10x, or move them to [thresholds]"
        )


def own(thresholds: Thresholds) -> Thresholds:
    """A stage's thresholds without the defaults, which are the run's."""
    given = thresholds.model_fields_set
    return thresholds.model_copy(update={name: None for name in Thresholds.model_fields if name not in given})


def summarize(measured: Aggregate, scenario: Scenario, run: RunEnd) -> Summary:
    """The run's summary with its verdict."""
    figures = measured.figures
    events, outcomes = events_of(measured, run.complete), outcomes_of(measured, run.complete)
    requests = requests_of(outcomes)
    stages = stages_of(measured)
    verdict, reasons = judged(measured, scenario, run, requests, events)
    seconds = max(measured.last_answer, run.length)
    monitors = monitors_of(measured, scenario, run, seconds)
    return Summary(
        verdict=verdict,
        reasons=(*reasons, *run.notes),
        scenario=scenario.name,
        seed=run.seed,
        pace=run.pace,
        started_at=run.started_at,
        seconds=round(seconds, 3),
        sessions=measured.tally.sessions,
        requests=requests,
        events=events,
        bytes=bytes_of(figures),
        rates=rates_of(requests, events, seconds),
        latency_ms=Milliseconds.of(figures.latency),
        service_time_ms=Milliseconds.of(figures.service_time),
        lag_ms=Milliseconds.of(figures.lag),
        acceptance_ms=Milliseconds.of(figures.acceptance),
        errors=dict(figures.errors.most_common()),
        event_mix=dict(measured.event_mix.most_common()),
        stages=stages,
        quota=measured.quota(),
        generator=generator_of(measured, run),
        monitors=monitors,
        in_doubt=reduce(InDoubt.plus, (each.in_doubt for each in monitors)),
        cut_off=run.cut_off,
        outcomes=outcomes,
        stopped_at=run.stopped_at,
        lost_workers=run.lost,
        failures=dict(sorted(figures.failures.items(), key=lambda item: -item[1].requests)),
    )


def judged(
    measured: Aggregate, scenario: Scenario, run: RunEnd, requests: Requests, events: Events
) -> tuple[Verdict, tuple[str, ...]]:
    """The verdict and its reasons."""
    lag, latency = Milliseconds.of(measured.figures.lag), Milliseconds.of(measured.figures.latency)
    whole = not (run.interrupted or run.cut_off or run.cut_short)
    doubted = [*run.lost_workers, *validity_issues(lag, requests, events, run.pace != "max", whole)]
    missed = breaches(scenario.thresholds, latency, requests, events)
    missed += stage_breaches(scenario, stages_of(measured))
    return judge(missed, doubted, run.interrupted or run.cut_off)


def generator_of(measured: Aggregate, run: RunEnd) -> Generator:
    """What the generator took."""
    cpu = measured.cpu_percent
    return Generator(
        workers=run.workers,
        cpu_percent_mean=round(sum(cpu) / len(cpu), 1) if cpu else 0.0,
        cpu_percent_max=round(max(cpu, default=0.0), 1),
        rss_bytes_max=measured.rss_bytes_max,
        clock_offsets_ms=run.clock_offsets_ms,
    )


def outcomes_of(measured: Aggregate, whole: bool) -> Outcomes:
    """What became of the batches; those of pages that were switched off were never offered."""
    tally = measured.tally
    return Outcomes.of(measured.figures.counts, measured.offered.minus(tally.withdrawn), tally.stranded, whole)


def requests_of(outcomes: Outcomes) -> Requests:
    """The same in requests alone."""
    return Requests(**{name: getattr(outcomes, name).requests for name in Requests.__struct_fields__})


def events_of(measured: Aggregate, whole: bool) -> Events:
    """Where every event of the run went."""
    each = map(monitor_events, measured.tallies, measured.monitors, repeat(whole))
    return Events(*map(sum, zip(*map(msgspec.structs.astuple, each), strict=True)))


def monitor_events(tally: EventCounts, figures: Metrics, whole: bool) -> Events:
    """Where every event of an app monitor went.

    Of a worker that never said its last word (not `whole`), what is missing was not sent, or is lost.
    """
    counts = figures.counts
    kept_back = tally.not_sampled + tally.over_session_limit + tally.dropped_by_client
    # The last tally of a worker that was killed is older than its last records.
    generated = tally.generated if whole else max(tally.generated, kept_back + counts["events_sent"])
    unsent = tally.unsent if whole else generated - kept_back - counts["events_sent"]
    lost = counts["events_lost"] + tally.stranded.events if whole else counts["events_sent"] - counts["events_accepted"]
    return Events(
        generated=generated,
        not_sampled=tally.not_sampled,
        over_session_limit=tally.over_session_limit,
        dropped_by_client=tally.dropped_by_client,
        switched_off=tally.switched_off,
        unsent=unsent,
        sent=counts["events_sent"],
        accepted=counts["events_accepted"],
        lost=lost,
    )


def bytes_of(figures: Metrics) -> Bytes:
    """Bodies of all attempts, and of those accepted."""
    counts = figures.counts
    names = ("sent_wire_bytes", "sent_raw_bytes", "accepted_wire_bytes", "accepted_raw_bytes")
    return Bytes(*(counts[name] for name in names))


def rates_of(requests: Requests, events: Events, seconds: float) -> Rates:
    """Means over the run."""
    counts = (requests.sent, events.sent, requests.accepted, events.accepted)
    means = [round(count / seconds, 3) if seconds > 0 else 0.0 for count in counts]
    return Rates(
        requests=means[0],
        events=means[1],
        good_requests=means[2],
        good_events=means[3],
        amplification=requests.amplification,
    )


def stages_of(measured: Aggregate) -> tuple[StageSummary, ...]:
    """Each stage's figures."""
    starts, ends = (0.0, *measured.stage_ends), measured.stage_ends
    outcomes = [
        Outcomes.of(figures.counts, offered, Volume(), whole=True)
        for figures, offered in zip(measured.stages, measured.stage_offered, strict=True)
    ]
    return tuple(
        StageSummary(
            stage=place + 1,
            start=start,
            end=end,
            requests=requests_of(fates),
            events_sent=figures.counts["events_sent"],
            events_accepted=figures.counts["events_accepted"],
            events_lost=figures.counts["events_lost"],
            latency_ms=Milliseconds.of(figures.latency),
            service_time_ms=Milliseconds.of(figures.service_time),
            lag_ms=Milliseconds.of(figures.lag),
            outcomes=fates,
        )
        for place, (figures, fates, start, end) in enumerate(zip(measured.stages, outcomes, starts, ends, strict=False))
    )


def monitors_of(measured: Aggregate, scenario: Scenario, run: RunEnd, seconds: float) -> tuple[MonitorSummary, ...]:
    """Each app monitor's figures, over the seconds of the run."""
    own = tuple(AppMonitor(each.monitor.name, "") for each in scenario.monitors)
    return tuple(
        monitor_of(who, measured, place, run, seconds)
        for place, (who, _) in enumerate(zip(run.monitors or own, measured.monitors, strict=False))
    )


def monitor_of(who: AppMonitor, measured: Aggregate, place: int, run: RunEnd, seconds: float) -> MonitorSummary:
    """One app monitor's figures."""
    figures, tally = measured.monitors[place], measured.tallies[place]
    offered = measured.monitor_offered[place].minus(tally.withdrawn)
    outcomes = Outcomes.of(figures.counts, offered, tally.stranded, run.complete)
    requests, events = requests_of(outcomes), monitor_events(tally, figures, run.complete)
    unanswered = InDoubt(figures.counts["unanswered"], figures.counts["events_unanswered"])
    killed = run.in_doubt[place] if run.in_doubt else InDoubt()
    return MonitorSummary(
        name=who.name,
        id=who.id,
        sessions=tally.sessions,
        requests=requests,
        events=events,
        bytes=bytes_of(figures),
        rates=rates_of(requests, events, seconds),
        throttled_share=share(requests.throttled, requests.sent),
        lost_share=share(events.lost, events.sent),
        latency_ms=Milliseconds.of(figures.latency),
        service_time_ms=Milliseconds.of(figures.service_time),
        lag_ms=Milliseconds.of(figures.lag),
        errors=dict(figures.errors.most_common()),
        outcomes=outcomes,
        in_doubt=killed.plus(unanswered),
    )
