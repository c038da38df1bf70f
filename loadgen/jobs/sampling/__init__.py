"""`loadgen sampling`: compute what a dashboard would show of one population at each sample rate, and how precisely."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from loadgen.jobs.inputs import read_scenario, take_first_monitor
from loadgen.jobs.plan.day import spread_over_day
from loadgen.jobs.progress import OnProgress, ignore_progress
from loadgen.jobs.sampling.dashboards import SamplingReport, compare_rates
from loadgen.jobs.sampling.estimate import draw_population
from loadgen.jobs.sampling.view import list_lines
from loadgen.options import require_callback, resolve_options, show_options
from loadgen.scenario import Scenario, resolve_seed
from loadgen.verb_options import SamplingOptions

__all__ = ["SamplingReport", "list_lines", "sampling"]


@show_options(SamplingOptions)
def sampling(
    scenario: Scenario | Path | str, *, on_progress: OnProgress = ignore_progress, **options: Any
) -> SamplingReport:
    """Compute what a dashboard shows at each sample rate, and at which rate a change can be seen.

    Args:
        scenario: The scenario or its file; only its first app monitor counts.
        on_progress: Is called with lines of text, such as which neighbours are left out.
        **options: Fields of `SamplingOptions`; without a seed the scenario's, else 0.

    Raises:
        LoadgenError: An option is unknown or out of bounds.
    """
    require_callback(on_progress, "on_progress")
    asked = resolve_options(SamplingOptions, options)
    first = take_first_monitor(read_scenario(scenario, asked.duration), "sampling", on_progress)
    first = first.adjust(duration=asked.duration)
    if asked.sessions_per_day:
        first = spread_over_day(first, asked.sessions_per_day, asked.peak_to_trough, on_progress)
    first = first.adjust(rate=asked.rate)
    seed = resolve_seed(first, asked.seed, 0)
    return compare_rates(first.name, seed, draw_population(first, seed, asked.sessions, on_progress), asked)
