"""`loadgen plan`: compute what scenarios will send, cost and lose, without sending anything."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loadgen.jobs.inputs import prepare_output, read_scenario
from loadgen.jobs.plan.capacity import build_plan
from loadgen.jobs.plan.day import DAY_SECONDS, spread_over_day
from loadgen.jobs.plan.figures import CapacityPlan
from loadgen.jobs.plan.page import build_plan_page
from loadgen.jobs.plan.rehearse import ExpectedVolume, estimate_volume
from loadgen.jobs.plan.view import build_plan_view, describe_plan
from loadgen.jobs.progress import OnProgress, ignore_progress
from loadgen.options import list_given, require_callback, resolve_options, show_options
from loadgen.output import write_output
from loadgen.scenario import Scenario, resolve_seed
from loadgen.traffic import compute_mean_rate
from loadgen.verb_options import PlanOptions

__all__ = [
    "CapacityPlan",
    "ExpectedVolume",
    "build_plan_view",
    "describe_plan",
    "estimate_volume",
    "plan",
]


@show_options(PlanOptions)
def plan(
    scenario: Scenario | Path | str,
    *,
    others: Sequence[Scenario | Path | str] = (),
    html: Path | str | None = None,
    on_progress: OnProgress = ignore_progress,
    **options: Any,
) -> CapacityPlan:
    """Compute what scenarios will send, cost and lose.

    Args:
        scenario: The scenario or its file; the scenario's neighbours are planned too.
        others: Scenarios of further app monitors of the account, under the same quota.
        html: The file for a page with plots; None: no page.
        on_progress: Is called with a line of text for each step.
        **options: Fields of `PlanOptions`.

    Raises:
        LoadgenError: An option is unknown or out of bounds, or the plan is too large for this machine.
    """
    require_callback(on_progress, "on_progress")
    several = list_given(others, "others", (str, Path, Scenario))
    page = prepare_output(html, "html", [scenario, *several])
    asked = resolve_options(PlanOptions, options)
    scenarios = [
        monitor
        for place, given in enumerate((scenario, *several))
        for monitor in adjust_scenario(
            read_scenario(given, asked.duration), asked, on_progress, is_first=not place
        ).monitors
    ]
    found = build_plan(scenarios, resolve_seed(scenarios[0], asked.seed), asked, on_progress)
    if page is not None:
        write_output(page, build_plan_page(found))
    return found


def adjust_scenario(scenario: Scenario, options: PlanOptions, on_progress: OnProgress, *, is_first: bool) -> Scenario:
    """Return the scenario as the options change it. `sessions_per_day` counts for the first; others keep their rate."""
    scenario = scenario.adjust(duration=options.duration, sample_rate=options.sample_rate)
    if visits := options.sessions_per_day:
        if not is_first:
            visits = compute_mean_rate(scenario).expected * DAY_SECONDS / scenario.duration
        scenario = spread_over_day(scenario, visits, options.peak_to_trough, on_progress)
    more = (1 + options.growth) * options.weekday_peak
    return scenario.adjust(rate=more * options.rate if is_first else more)
