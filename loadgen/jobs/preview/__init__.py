"""`loadgen preview`: plot a scenario's traffic on one HTML page that opens offline, without sending anything. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from loadgen.charts import Markup, arrange_cards, el, render_bars, render_card, render_header, render_page, render_tiles
from loadgen.jobs.inputs import prepare_output, read_scenario, take_first_monitor
from loadgen.jobs.preview import plots
from loadgen.jobs.preview.traffic_sample import TrafficSample, sample_traffic
from loadgen.jobs.progress import OnProgress, ignore_progress
from loadgen.options import require_callback, resolve_options, show_options
from loadgen.output import write_output
from loadgen.scenario import Scenario, resolve_seed
from loadgen.traffic import check_size
from loadgen.units import format_clock, format_count, format_digits, format_rate
from loadgen.verb_options import PreviewOptions

__all__ = ["TrafficSample", "preview"]

VITAL_NAMES = {
    "LCP": "Largest contentful paint",
    "FCP": "First contentful paint",
    "TTFB": "Time to first byte",
    "INP": "Interaction to next paint",
    "CLS": "Cumulative layout shift",
}


@show_options(PreviewOptions)
def preview(
    scenario: Scenario | Path | str,
    *,
    out: Path | str | None = None,
    on_progress: OnProgress = ignore_progress,
    **options: Any,
) -> TrafficSample:
    """Draw a scenario's arrivals and a sample of its visits, and plot them on a page.

    Args:
        scenario: The scenario or its file; only its first app monitor counts.
        out: The file for the page; None: no page.
        on_progress: Is called with lines of text, such as which neighbours are left out.
        **options: Fields of `PreviewOptions`; without a seed the scenario's, else 0.

    Raises:
        LoadgenError: An option is unknown or out of bounds, or the scenario has more visits than fit into memory.
    """
    require_callback(on_progress, "on_progress")
    page = prepare_output(out, "out", [scenario])
    asked = resolve_options(PreviewOptions, options)
    first = take_first_monitor(read_scenario(scenario, asked.duration), "preview", on_progress)
    first = first.adjust(duration=asked.duration, rate=asked.rate)
    check_size(first)
    sample = sample_traffic(first, resolve_seed(first, asked.seed, 0), on_progress)
    if page is not None:
        write_output(page, build_preview_page(sample))
    return sample


def build_preview_page(sample: TrafficSample) -> str:
    """Return the page's HTML."""
    return render_page(
        f"{sample.scenario.name}: preview · loadgen",
        build_headline(sample),
        build_tiles(sample),
        arrange_cards(*list_cards(sample)),
        el("footer", "Made by loadgen. Arrivals are those of the whole run; all other plots show the visits drawn."),
    )


def list_cards(sample: TrafficSample) -> Iterator[Markup]:
    """Yield a card for each plot."""
    some_visits = "Each line is a visit, dots on it are the events, dots below it are the requests."
    begin = "Visits that begin in each second, with this seed."
    yield render_card("Arrivals", plots.plot_arrivals(sample), about=begin, wide=True)
    depth = "Page views of a visit, as a share of all visits."
    yield render_card("Session depth", plots.plot_depths(sample), about=depth)
    think = "From one page view to the next, as a share of all."
    yield render_card("Think times", plots.plot_think_times(sample), about=think)
    for name, words in VITAL_NAMES.items():
        plot = plots.plot_vital(sample, name)
        yield render_card(f"{name}: {words.lower()}", plot, about="Over the share of page loads with less.")
    sizes = "Events in a request, as a share of all requests."
    yield render_card("Batch sizes", plots.plot_batch_sizes(sample), about=sizes)
    yield render_card("Some visits", plots.plot_visits(sample), about=some_visits, wide=True)
    mix = render_bars(plots.count_events(sample), "accepted", "Events by type")
    yield render_card("Event mix", mix, about="As the client notices them, before sampling and limits.", wide=True)


def build_headline(sample: TrafficSample) -> Markup:
    """Build the page's header with the scenario's description."""
    scenario = sample.scenario
    return render_header(
        "preview",
        scenario.name,
        el("p", " ".join(scenario.description.split()), class_="sentence") if scenario.description else None,
        meta=[f"{format_clock(scenario.duration)} · seed {sample.seed} · {format_drawn(sample)} · nothing was sent"],
    )


def format_drawn(sample: TrafficSample) -> str:
    """Say how many of the run's visits were drawn in full."""
    whole = len(sample.starts)
    return (
        f"{format_count(sample.visits)} of {format_count(whole)} visits drawn"
        if sample.visits < whole
        else "all visits drawn"
    )


def build_tiles(sample: TrafficSample) -> Markup:
    """Build tiles with the main figures of the traffic that the scenario implies."""
    described, visits = sample.implied, max(sample.visits, 1)
    requests = sample.batches.total()
    return render_tiles(
        (
            "Visits",
            format_count(len(sample.starts)),
            f"{format_rate(len(sample.starts) / sample.scenario.duration)} on the mean",
        ),
        ("Busiest", format_rate(described.peak_rate), "visits, mean rate"),
        ("Bounce", f"{described.bounce:.0%}", "see one page"),
        ("Pages", format_digits(described.pages), f"a visit; median {described.pages_median:.0f}"),
        ("Length", format_clock(described.seconds), f"a visit; median {format_clock(described.seconds_median)}"),
        (
            "Requests",
            format_digits(requests / visits),
            f"a visit; {format_digits(sample.mix.total() / visits)} events noticed",
        ),
        ("Mobile", f"{1 - described.devices['desktop']:.0%}", "of visits, tablets included"),
    )
