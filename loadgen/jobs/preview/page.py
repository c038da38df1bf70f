"""What was looked at → one HTML page; it opens offline, in light and dark."""

from __future__ import annotations

from loadgen.charts import Markup, card, cards, el, page, tiles
from loadgen.jobs.preview import plots
from loadgen.jobs.preview.look import Look
from loadgen.report.html.tables import bars
from loadgen.units import format_clock, format_count, format_digits, format_rate

WHAT = {
    "LCP": "Largest contentful paint",
    "FCP": "First contentful paint",
    "TTFB": "Time to first byte",
    "INP": "Interaction to next paint",
    "CLS": "Cumulative layout shift",
}


def preview_page(look: Look) -> str:
    """The page's text."""
    vitals = [
        card(f"{name}: {WHAT[name].lower()}", plot, about="Over the share of page loads with less.")
        for name, plot in plots.vitals(look)
    ]
    return page(
        f"{look.scenario.name}: preview · loadgen",
        headline(look),
        figures(look),
        cards(
            card("Arrivals", plots.arrivals(look), about="Visits that begin, a second, under this seed.", wide=True),
            card("Session depth", plots.depths(look), about="Page views of a visit, as a share of all visits."),
            card("Think times", plots.think_times(look), about="From one page view to the next, as a share of all."),
            *vitals,
            card("Batch sizes", plots.batch_sizes(look), about="Events in a request, as a share of all requests."),
            card(
                "Some visits",
                plots.timelines(look),
                about="Each line is a visit, dots are what the web client notices, those below are what it sends.",
                wide=True,
            ),
            card(
                "Event mix",
                bars(plots.counted(look), "accepted", "Events by type"),
                about="As the client notices them, before sampling and limits.",
                wide=True,
            ),
        ),
        el("footer", "Made by loadgen. Arrivals and visits are those of the whole run, the rest of the visits drawn."),
    )


def headline(look: Look) -> Markup:
    """What the scenario is for."""
    scenario = look.scenario
    return el(
        "header",
        el("p", "loadgen preview", class_="brand"),
        el("h1", scenario.name),
        el("p", " ".join(scenario.description.split()), class_="sentence") if scenario.description else None,
        el(
            "p",
            f"{format_clock(scenario.duration)} · seed {look.seed} · {drawn(look)} · nothing was sent",
            class_="meta",
        ),
    )


def drawn(look: Look) -> str:
    """How many visits the page shows in full."""
    whole = len(look.starts)
    return (
        f"{format_count(look.visits)} of {format_count(whole)} visits drawn"
        if look.visits < whole
        else "all visits drawn"
    )


def figures(look: Look) -> Markup:
    """The implied traffic in large type."""
    told, visits = look.implied, max(look.visits, 1)
    requests = look.batches.total()
    return tiles(
        (
            "Visits",
            format_count(len(look.starts)),
            f"{format_rate(len(look.starts) / look.scenario.duration)} on the mean",
        ),
        ("Busiest", format_rate(told.peak_rate), "visits, mean rate"),
        ("Bounce", f"{told.bounce:.0%}", "see one page"),
        ("Pages", format_digits(told.pages), f"a visit; median {told.pages_median:.0f}"),
        ("Length", format_clock(told.seconds), f"a visit; median {format_clock(told.seconds_median)}"),
        (
            "Requests",
            format_digits(requests / visits),
            f"a visit; {format_digits(look.mix.total() / visits)} events noticed",
        ),
        ("Mobile", f"{1 - told.devices['desktop']:.0%}", "of visits, tablets included"),
    )
