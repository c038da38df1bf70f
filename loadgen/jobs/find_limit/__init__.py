"""`loadgen find-limit`: scenario and conditions → the highest request rate that keeps them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from loadgen.jobs.find_limit.steps import (
    FindLimitOptions,
    FoundLimit,
    OnProgress,
    Progress,
    ignore_progress,
    search_limit,
)
from loadgen.jobs.find_limit.view import build_limit_view, format_step
from loadgen.jobs.inputs import resolve_options, take_first_monitor
from loadgen.jobs.targets import Confirm
from loadgen.scenario import Scenario, format_scenario, read_text

__all__ = ["FindLimitOptions", "FoundLimit", "Progress", "build_limit_view", "find_limit", "format_step"]


def find_limit(
    scenario: Scenario | Path | str,
    *,
    out: Path | str | None = None,
    on_progress: OnProgress = ignore_progress,
    confirm: Confirm | None = None,
    **options: Any,
) -> FoundLimit:
    """Find the highest request rate that keeps the conditions: climb, bracket, bisect, confirm.

    Args:
        scenario: The scenario or its file; its first app monitor is taken.
        out: A new or empty folder; results/<time>-<name>-limit unless given.
        on_progress: Takes each window (a `SearchStep`) as it ends, and lines of text.
        confirm: Asked before anything is sent to AWS; without it the answer is no.
        **options: Fields of `FindLimitOptions`.

    Raises:
        LoadgenError: An option is unknown or out of bounds, or the search cannot start.
        Interrupted: Ctrl-C came before any rate was known to keep the conditions.
    """
    asked = resolve_options(FindLimitOptions, options)
    text = format_scenario(scenario) if isinstance(scenario, Scenario) else read_text(scenario)
    source = f"{scenario.name}.toml" if isinstance(scenario, Scenario) else str(scenario)
    take_first_monitor(Scenario.parse(text, source), "find-limit", on_progress)
    return search_limit(source, text, asked, Path(out) if out else None, on_progress, confirm)
