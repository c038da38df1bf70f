"""Runs → Comparison: the differences of runs, with intervals that tell a difference from chance.

Method. Intervals are 95 % percentile intervals of a circular block bootstrap over time: a run is divided into bins of
whole seconds; blocks of neighbouring bins (at least 5 s, because a retry chain lasts that long and neighbouring
seconds are alike) are drawn with replacement; each figure is computed again from the draw. Quantiles come from the
histograms of the bins. Runs of one plan (scenario, duration, rate and pace) are drawn at the same moments, since
their load varies by plan and not by chance; other runs are drawn independently. The duration of a rate is known to a
second only, in which the last answer falls by chance. A share of 0 or 1 takes Jeffreys' binomial interval, because
drawing again cannot vary it. A maximum has no interval: a bootstrap never draws more than was seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import numpy as np

from loadgen.errors import LoadgenError
from loadgen.model import Noun
from loadgen.results import BinnedTimes, Floats, RunData, Summary, find_bin_width
from loadgen.units import format_items

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
    """A figure with its 95 % interval; None: not known. Rates per second, shares 0..1, clocks in ms."""

    value: float | None
    low: float | None = None
    high: float | None = None
    too_few: bool = False  # True: too few requests for an interval of this quantile


class Difference(Noun):
    """A run's figure minus the first run's."""

    figure: str
    run: int  # the run's index, from 0
    difference: FigureInterval
    relative: float | None  # as a part of the first run's figure; None: not known, or that is 0

    @property
    def is_more_than_chance(self) -> bool:
        """Whether the difference is more than chance: its interval does not contain 0."""
        low, high = self.difference.low, self.difference.high
        return low is not None and high is not None and not low <= 0 <= high


class ComparedRun(Noun):
    """One of the compared runs, with its figures by name."""

    folder: str
    scenario: str
    seed: int
    verdict: str
    cut_off: bool
    figures: dict[str, FigureInterval]


class ConditionResult(Noun):
    """A condition of `compare --fail-on`, checked for one run."""

    condition: str  # as it was written
    run: int  # the run's index, from 0
    fails: bool  # the change is beyond the limit, and more than chance
    beyond: bool  # the change is beyond the limit
    is_known: bool  # the difference has an interval


class Comparison(Noun):
    """The comparison of runs with the first run."""

    runs: tuple[ComparedRun, ...]
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]
    method: str = METHOD
    conditions: tuple[ConditionResult, ...] = ()
    version: int = 1  # of this format


def compare_runs(given: Sequence[RunData]) -> Comparison:
    """Compare runs with the first of them. LoadgenError: fewer than two runs."""
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
    """Return the runs in bins of one width."""
    width = max(find_bin_width(run.timeline.seconds) for run in runs)
    return [run.rebin(width) for run in runs]


def has_same_plan(one: RunData, other: RunData) -> bool:
    """Return whether two runs had the same planned load at the same moments."""
    if one.summary.cut_off or other.summary.cut_off:
        return one is other
    plans = [
        (run.summary.scenario, run.summary.pace, run.spec and (run.spec.duration, run.spec.rate, run.spec.sample_rate))
        for run in (one, other)
    ]
    return plans[0] == plans[1]


def draw_weights(size: int, width: int, rng: np.random.Generator) -> Floats:
    """Draw how often each bin counts, shape (DRAWS, size); `width` is the seconds of a bin."""
    block = min(max(round(size ** (1 / 3)), -(-BLOCK_SECONDS // width)), max(size // 4, 1))
    starts = rng.integers(0, size, (DRAWS, -(-size // block), 1))
    places = ((starts + np.arange(block)) % size).reshape(DRAWS, -1)[:, :size]
    weights = np.zeros((DRAWS, size))
    np.add.at(weights, (np.arange(DRAWS)[:, None], places), 1)
    return weights


def resample(run: RunData, weights: Floats, rng: np.random.Generator) -> dict[str, Floats]:
    """Return each figure's values over the draws, shape (DRAWS,), centred on its value in the summary."""
    values, lines = list_values(run.summary), run.timeline
    weights = weights[:, : lines.size]  # a shorter run has no bins at the later moments
    deviations = {
        "requests_per_second": resample_ratio(weights, lines.sum_bins("sent"), lines.lengths),
        "goodput_per_second": resample_ratio(weights, lines.sum_bins("accepted"), lines.lengths),
        "throttled_share": resample_ratio(weights, lines.sum_bins("throttled"), lines.sum_bins("sent")),
        "lost_share": resample_ratio(weights, lines.sum_bins("given_up_events"), lines.sum_bins("events_sent")),
    }
    if run.requests is not None:
        shares = tuple(QUANTILES.values())
        for name in CLOCKS:
            clock: BinnedTimes = getattr(run.requests, name)
            change = clock.compute_quantiles(weights, shares) - clock.compute_run_quantiles(shares)
            deviations |= {f"{name}_{quantile}_ms": change[:, place] for place, quantile in enumerate(QUANTILES)}
    deviations = {name: draws for name, draws in deviations.items() if not has_too_few(run.summary, name)}
    centred = {name: draws + value for name, draws in deviations.items() if (value := values[name]) is not None}
    for name in ("requests_per_second", "goodput_per_second"):
        centred[name] = centred[name] * (1 + rng.uniform(-0.5, 0.5, DRAWS) / lines.seconds)
    return centred | resample_certain_shares(run, rng)


def has_too_few(summary: Summary, figure: str) -> bool:
    """Return whether fewer than one request is expected beyond a quantile: p99 needs 100 requests, p95 needs 20."""
    quantile = next((share for name, share in QUANTILES.items() if figure.endswith(f"_{name}_ms")), None)
    return quantile is not None and summary.requests.sent * (1 - quantile) < 1 - 1e-9


def resample_ratio(weights: Floats, part: Floats, whole: Floats) -> Floats:
    """Return the ratio part / whole of each draw minus the ratio of all bins, shape (DRAWS,); NaN if that is 0/0."""
    if not whole.sum():
        return np.full(len(weights), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        deviations: Floats = (weights @ part) / (weights @ whole) - part.sum() / whole.sum()
    return deviations


def resample_certain_shares(run: RunData, rng: np.random.Generator) -> dict[str, Floats]:
    """Return draws for shares that are 0 or 1, from Jeffreys' binomial posterior, shape (DRAWS,) each."""
    requests, events = run.summary.requests, run.summary.events
    counts = {"throttled_share": (requests.throttled, requests.sent), "lost_share": (events.lost, events.sent)}
    return {
        name: rng.beta(part + 0.5, whole - part + 0.5, DRAWS)
        for name, (part, whole) in counts.items()
        if whole and part in (0, whole)
    }


def list_values(summary: Summary) -> dict[str, float | None]:
    """Return a summary's figures by name; None: not known."""
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
    """Describe one run: its figures with their intervals."""
    summary = run.summary
    figures = {
        name: estimate_interval(value, draws.get(name), has_too_few(summary, name))
        for name, value in list_values(summary).items()
    }
    return ComparedRun(str(run.folder.path), summary.scenario, summary.seed, summary.verdict, summary.cut_off, figures)


def find_differences(runs: Sequence[ComparedRun], draws: Sequence[dict[str, Floats]]) -> tuple[Difference, ...]:
    """Return each figure of each further run minus the first run's."""
    first, differences = runs[0], []
    for place, run in enumerate(runs[1:], 1):
        for name in NAMES:
            before, after = first.figures[name].value, run.figures[name].value
            value = None if before is None or after is None else after - before
            both = name in draws[0] and name in draws[place]
            spread = draws[place][name] - draws[0][name] if both else None
            relative = value / before if value is not None and before else None
            few = first.figures[name].too_few or run.figures[name].too_few
            differences.append(Difference(name, place, estimate_interval(value, spread, few), relative))
    return tuple(differences)


def estimate_interval(value: float | None, draws: Floats | None, few: bool) -> FigureInterval:
    """Return a value with the middle 95 % of its draws, widened to hold the value; without an interval if no draws."""
    if value is None or draws is None or not np.isfinite(draws).any():
        return FigureInterval(value, too_few=few)
    low, high = (float(edge) for edge in np.nanpercentile(draws, (2.5, 97.5)))
    known = isfinite(low) and isfinite(high)
    return FigureInterval(value, min(low, value), max(high, value)) if known else FigureInterval(value)


def list_notes(runs: Sequence[RunData]) -> tuple[str, ...]:
    """List what to know before believing a difference."""
    notes = []
    scenarios = list(dict.fromkeys(run.summary.scenario for run in runs))
    if len(scenarios) > 1:
        notes.append(
            f"different scenarios ({', '.join(scenarios)}): a difference may come from them and not from the target"
        )
    for run in runs:
        summary, name = run.summary, run.name
        if summary.cut_off:
            notes.append(f"{name} was cut off after {summary.seconds:g} s: it may lack the part that differs")
        elif summary.verdict in ("invalid", "interrupted"):
            notes.append(f"{name} is {summary.verdict}: {'; '.join(summary.reasons) or 'no reason given'}")
        if lacking := [quantile for quantile in QUANTILES if has_too_few(summary, f"latency_{quantile}_ms")]:
            notes.append(
                f"{name} has only {format_items(summary.requests.sent, 'request')}: "
                f"too few for an interval of {' and '.join(lacking)}"
            )
        if run.requests is None:
            notes.append(f"{name} lacks its requests.parquet: its clocks have no intervals")
        notes += [f"{name}: {gap}" for gap in run.gaps]
        notes += list_different_options(runs[0], run)
    return tuple(dict.fromkeys(notes))  # a run may be given twice


def list_different_options(first: RunData, other: RunData) -> list[str]:
    """Return a line on the options in which another run differs from the first; an empty list if in none."""
    if first.spec is None or other.spec is None:
        return []
    changed = [
        f"{name} {format_option(one)} → {format_option(two)}"
        for name, (one, two) in first.spec.find_differences(other.spec).items()
    ]
    return [f"{other.name} differs from {first.name} in {', '.join(changed)}"] if changed else []


def format_option(value: object) -> str:
    """Format an option's value; "none" for None."""
    if isinstance(value, float):
        return f"{value:g}"
    return "none" if value is None else str(value)
