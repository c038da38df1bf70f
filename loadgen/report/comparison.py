"""Runs → Comparison: how runs differ, with intervals that tell a difference from chance.

Method. Intervals are 95 % percentile intervals of a circular block bootstrap over time: a run is cut into slices of
whole seconds, blocks of neighbouring slices (at least 5 s, because a retry chain lasts that long and seconds that
stand side by side are alike) are drawn with replacement, and each figure is computed anew from what was drawn;
quantiles come from the requests' own histograms. Runs of one plan (scenario, duration, rate and pace) are drawn at
the same moments, since their load varies by plan and not by chance; others independently. A rate's time is known to a
second, in which the last answer falls by chance. A share of nothing or of all takes Jeffreys' binomial interval,
because drawing again cannot vary it. A maximum has no interval: a bootstrap never draws more than was seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import numpy as np

from loadgen.errors import LoadgenError
from loadgen.model import Noun
from loadgen.results import Floats, RunData, Summary, find_bin_width

DRAWS = 1000
BLOCK_SECONDS = 5
SEED = 1  # the same runs give the same intervals
CLOCKS = ("latency", "service", "lag")
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
NAMES = {  # figure: label
    "requests_per_second": "requests/s",
    "goodput_per_second": "goodput, requests/s",
    "throttled_share": "throttled share",
    "lost_share": "events lost share",
    **{
        f"{clock}_{quantile}_ms": f"{label} {quantile}, ms"
        for clock, label in zip(CLOCKS, ("latency", "service time", "schedule lag"), strict=True)
        for quantile in (*QUANTILES, "max")
    },
}
METHOD = (
    f"95 % intervals by a circular block bootstrap over time ({DRAWS} draws, blocks of at least {BLOCK_SECONDS} s); "
    "runs of one plan are drawn at the same moments; shares of nothing or all by Jeffreys' binomial interval; "
    "maxima have none."
)


class FigureInterval(Noun):
    """A figure with its 95 % interval; None where there is none. Rates a second, shares 0..1, clocks in ms."""

    value: float | None
    low: float | None = None
    high: float | None = None
    too_few: bool = False  # requests for an interval of this quantile


class Difference(Noun):
    """A run's figure less the first run's."""

    figure: str
    run: int  # its place among the runs, from 0
    difference: FigureInterval
    relative: float | None  # of the first run's figure

    @property
    def is_more_than_chance(self) -> bool:
        """Whether it is more than chance: the interval leaves 0 out."""
        low, high = self.difference.low, self.difference.high
        return low is not None and high is not None and not low <= 0 <= high


class ComparedRun(Noun):
    """One of the runs."""

    folder: str
    scenario: str
    seed: int
    verdict: str
    cut_off: bool
    figures: dict[str, FigureInterval]


class ConditionResult(Noun):
    """A condition of `compare --fail-on`, checked for one run."""

    condition: str  # as it was written
    run: int  # its place among the runs, from 0
    fails: bool  # beyond its limit, and more than chance
    beyond: bool  # its limit
    is_known: bool  # whether there is an interval to tell chance by


class Comparison(Noun):
    """All runs against the first."""

    runs: tuple[ComparedRun, ...]
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]
    method: str = METHOD
    conditions: tuple[ConditionResult, ...] = ()
    version: int = 1  # of this format


def compare_runs(given: Sequence[RunData]) -> Comparison:
    """Compare runs with the first of them."""
    if len(given) < 2:
        raise LoadgenError("compare needs two runs or more; name their folders")
    runs = align(given)
    rng = np.random.default_rng(SEED)
    size = max(run.timeline.size for run in runs if has_same_plan(runs[0], run))
    common = draw_weights(size, runs[0].timeline.width, rng)
    weights = [
        common if has_same_plan(runs[0], run) else draw_weights(run.timeline.size, run.timeline.width, rng)
        for run in runs
    ]
    draws = [resample(run, each, rng) for run, each in zip(runs, weights, strict=True)]
    compared = tuple(describe_compared(run, each) for run, each in zip(runs, draws, strict=True))
    return Comparison(compared, find_differences(compared, draws), list_notes(runs))


def align(runs: Sequence[RunData]) -> list[RunData]:
    """The runs in slices of one width."""
    width = max(find_bin_width(run.timeline.seconds) for run in runs)
    return [run.rebin(width) for run in runs]


def has_same_plan(one: RunData, other: RunData) -> bool:
    """Whether load was meant to be the same at the same moment."""
    if one.summary.cut_off or other.summary.cut_off:
        return one is other
    plans = [
        (
            run.summary.scenario,
            run.summary.pace,
            run.spec and (run.spec.duration, run.spec.rate, run.spec.sample_rate),
        )
        for run in (one, other)
    ]
    return plans[0] == plans[1]


def draw_weights(size: int, width: int, rng: np.random.Generator) -> Floats:
    """How often each slice is drawn, shape (DRAWS, size)."""
    block = min(max(round(size ** (1 / 3)), -(-BLOCK_SECONDS // width)), max(size // 4, 1))
    starts = rng.integers(0, size, (DRAWS, -(-size // block), 1))
    places = ((starts + np.arange(block)) % size).reshape(DRAWS, -1)[:, :size]
    weights = np.zeros((DRAWS, size))
    np.add.at(weights, (np.arange(DRAWS)[:, None], places), 1)
    return weights


def resample(run: RunData, weights: Floats, rng: np.random.Generator) -> dict[str, Floats]:
    """Each figure as it came out of the draws, around its value in the summary."""
    values, lines = list_values(run.summary), run.timeline
    weights = weights[:, : lines.size]  # a shorter run has nothing at the later moments
    made = {
        "requests_per_second": resample_ratio(weights, lines.sum_slices("sent"), lines.lengths),
        "goodput_per_second": resample_ratio(weights, lines.sum_slices("accepted"), lines.lengths),
        "throttled_share": resample_ratio(weights, lines.sum_slices("throttled"), lines.sum_slices("sent")),
        "lost_share": resample_ratio(weights, lines.sum_slices("given_up_events"), lines.sum_slices("events_sent")),
    }
    if run.requests is not None:
        for name in CLOCKS:
            clock = getattr(run.requests, name)
            found = clock.compute_quantiles(weights, tuple(QUANTILES.values())) - clock.compute_run_quantiles(
                tuple(QUANTILES.values())
            )
            made |= {f"{name}_{quantile}_ms": found[:, place] for place, quantile in enumerate(QUANTILES)}
    made = {name: draws for name, draws in made.items() if not has_too_few(run.summary, name)}
    centred = {name: draws + value for name, draws in made.items() if (value := values[name]) is not None}
    for name in ("requests_per_second", "goodput_per_second"):
        centred[name] = centred[name] * (1 + rng.uniform(-0.5, 0.5, DRAWS) / lines.seconds)
    return centred | resample_certain_shares(run, rng)


def has_too_few(summary: Summary, figure: str) -> bool:
    """Whether not even one request is expected beyond a quantile: p99 takes 100, p95 takes 20."""
    quantile = next((share for name, share in QUANTILES.items() if figure.endswith(f"_{name}_ms")), None)
    return quantile is not None and summary.requests.sent * (1 - quantile) < 1 - 1e-9


def resample_ratio(weights: Floats, part: Floats, whole: Floats) -> Floats:
    """What was drawn of the part for each of the whole, less what that is when nothing is drawn but taken as it is."""
    if not whole.sum():
        return np.full(len(weights), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = (weights @ part) / (weights @ whole) - part.sum() / whole.sum()
    return found


def resample_certain_shares(run: RunData, rng: np.random.Generator) -> dict[str, Floats]:
    """Draws for shares of nothing or of all, from Jeffreys' binomial posterior."""
    requests, events = run.summary.requests, run.summary.events
    counts = {"throttled_share": (requests.throttled, requests.sent), "lost_share": (events.lost, events.sent)}
    return {
        name: rng.beta(part + 0.5, whole - part + 0.5, DRAWS)
        for name, (part, whole) in counts.items()
        if whole and part in (0, whole)
    }


def list_values(summary: Summary) -> dict[str, float | None]:
    """The figures as the summary has them."""
    requests, events = summary.requests, summary.events
    clocks = {"latency": summary.latency_ms, "service": summary.service_time_ms, "lag": summary.lag_ms}
    return {
        "requests_per_second": summary.rates.requests,
        "goodput_per_second": summary.rates.good_requests,
        "throttled_share": requests.throttled / requests.sent if requests.sent else None,
        "lost_share": events.lost / events.sent if events.sent else None,
        **{
            f"{name}_{quantile}_ms": getattr(clock, quantile)
            for name, clock in clocks.items()
            for quantile in (*QUANTILES, "max")
        },
    }


def describe_compared(run: RunData, draws: dict[str, Floats]) -> ComparedRun:
    """One run's figures with their intervals."""
    summary = run.summary
    figures = {
        name: estimate_interval(value, draws.get(name), has_too_few(summary, name))
        for name, value in list_values(summary).items()
    }
    return ComparedRun(str(run.folder.path), summary.scenario, summary.seed, summary.verdict, summary.cut_off, figures)


def find_differences(runs: Sequence[ComparedRun], draws: Sequence[dict[str, Floats]]) -> tuple[Difference, ...]:
    """Every figure of every other run less the first run's."""
    first, made = runs[0], []
    for place, run in enumerate(runs[1:], 1):
        for name in NAMES:
            before, after = first.figures[name].value, run.figures[name].value
            value = None if before is None or after is None else after - before
            both = name in draws[0] and name in draws[place]
            spread = draws[place][name] - draws[0][name] if both else None
            relative = value / before if value is not None and before else None
            few = first.figures[name].too_few or run.figures[name].too_few
            made.append(Difference(name, place, estimate_interval(value, spread, few), relative))
    return tuple(made)


def estimate_interval(value: float | None, draws: Floats | None, few: bool) -> FigureInterval:
    """A value with the middle 95 % of its draws, which hold the value; without draws where requests are too few."""
    if value is None or draws is None or not np.isfinite(draws).any():
        return FigureInterval(value, too_few=few)
    low, high = (float(edge) for edge in np.nanpercentile(draws, (2.5, 97.5)))
    return (
        FigureInterval(value, min(low, value), max(high, value))
        if isfinite(low) and isfinite(high)
        else FigureInterval(value)
    )


def list_notes(runs: Sequence[RunData]) -> tuple[str, ...]:
    """What to know before believing a difference."""
    found = []
    scenarios = list(dict.fromkeys(run.summary.scenario for run in runs))
    if len(scenarios) > 1:
        found.append(
            f"different scenarios ({', '.join(scenarios)}): a difference may be theirs and not the target's; "
            "what can be compared is compared"
        )
    for run in runs:
        summary, name = run.summary, run.name
        if summary.cut_off:
            found.append(f"{name} was cut off after {summary.seconds:g} s: it may lack the part that differs")
        elif summary.verdict in ("invalid", "interrupted"):
            found.append(f"{name} is {summary.verdict}: {'; '.join(summary.reasons) or 'no reason given'}")
        if lacking := [quantile for quantile in QUANTILES if has_too_few(summary, f"latency_{quantile}_ms")]:
            found.append(
                f"{name} has only {summary.requests.sent} requests: too few for an interval of {' and '.join(lacking)}"
            )
        if run.requests is None:
            found.append(f"{name} lacks its requests.parquet: its clocks have no intervals")
        found += [f"{name}: {gap}" for gap in run.gaps]
        found += list_different_options(runs[0], run)
    return tuple(found)


def list_different_options(first: RunData, other: RunData) -> list[str]:
    """In what another run was asked for something else than the first."""
    if first.spec is None or other.spec is None:
        return []
    changed = [
        f"{name} {format_option(one)} → {format_option(two)}"
        for name, (one, two) in first.spec.find_differences(other.spec).items()
    ]
    return [f"{other.name} differs from {first.name} in {', '.join(changed)}"] if changed else []


def format_option(value: object) -> str:
    """An option as people say it."""
    if isinstance(value, float):
        return f"{value:g}"
    return "none" if value is None else str(value)
