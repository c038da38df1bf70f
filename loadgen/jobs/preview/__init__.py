"""`loadgen preview`: one HTML page of plots of a scenario's traffic; nothing is sent. Pure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from loadgen.jobs.inputs import Positive, Seconds, Seed, read_scenario, resolve_options, take_first_monitor
from loadgen.jobs.preview.page import build_preview_page
from loadgen.jobs.preview.traffic_sample import TrafficSample, sample_traffic
from loadgen.jobs.progress import OnProgress, ignore_progress
from loadgen.model import Noun
from loadgen.scenario import Scenario, resolve_seed
from loadgen.traffic import check_size

__all__ = ["PreviewOptions", "TrafficSample", "build_preview_page", "preview"]


class PreviewOptions(Noun, kw_only=True):
    """How the scenario is changed first."""

    duration: Seconds | None = None  # in place of the scenario's
    rate: Positive = 1.0  # factor on the arrivals
    seed: Seed | None = None


def preview(
    scenario: Scenario | Path | str, *, on_progress: OnProgress = ignore_progress, **options: Any
) -> TrafficSample:
    """Draw a scenario's arrivals and a sample of its visits; `build_preview_page` makes the page of them.

    Args:
        scenario: The scenario or its file; its first app monitor is taken.
        on_progress: Takes a line of text, such as which neighbours are left out.
        **options: Fields of `PreviewOptions`; without a seed the scenario's, else 0.

    Raises:
        LoadgenError: An option is unknown or out of bounds, or the scenario has more visits than fit into memory.
    """
    asked = resolve_options(PreviewOptions, options)
    first = take_first_monitor(read_scenario(scenario, asked.duration), "preview", on_progress)
    first = first.adjust(duration=asked.duration, rate=asked.rate)
    check_size(first)
    return sample_traffic(first, resolve_seed(first, asked.seed, 0), on_progress)
