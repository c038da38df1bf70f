"""A fit as one HTML page: plots of recorded and generated traffic over each other, and the table of comparisons."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import isfinite

from loadgen.charts import (
    Axis,
    Layer,
    Markup,
    Plot,
    arrange_cards,
    el,
    fold,
    label_columns,
    make_linear_scale,
    make_log_scale,
    render_card,
    render_header,
    render_page,
    render_table,
    render_tiles,
)
from loadgen.jobs.fit.comparison.judgement import Judgement, Pair
from loadgen.jobs.fit.view import MARKS, Fitted, format_chance, format_distance, format_figure, list_figures
from loadgen.units import format_count, format_digits, format_percent

MOST_COLUMNS = 24
RECORDED, GENERATED = "run0", "run1"
SHARES = "Shares of all: recorded as columns, generated as dots."
QUANTILES = "Values over the share of observations that are below them."
LABELS_ROOM = 60
"""Characters of labels that fit below a plot."""


def build_fit_page(fitted: Fitted) -> str:
    """Return the page's HTML."""
    judgement = fitted.judgement
    held = ", compared with sessions that were not fitted" if judgement.held_out else ""
    headline = render_header(
        "fit",
        fitted.scenario.name,
        el("p", " ".join(fitted.scenario.description.split()), class_="sentence"),
        meta=[f"{format_count(fitted.sessions)} sessions · {format_count(fitted.events)} events{held}"],
    )
    needed = f"half would be told with some {judgement.sessions_to_tell:,} sessions on each side"
    tiles = render_tiles(
        ("Close", format_count(judgement.count("close")), "figures within what matters, or within chance"),
        ("Off", format_count(judgement.count("off")), "beyond both"),
        ("Too little data", format_count(judgement.count("too little data")),
         needed if judgement.sessions_to_tell else "chance could hide a difference"),
        ("Compared", format_count(judgement.recorded_sessions), f"with {judgement.generated_sessions:,} generated"),
    )  # fmt: skip
    footer = el("footer", "Made by loadgen. It shows values of the recorded data, such as paths and messages.")
    title = f"{fitted.scenario.name}: fit · loadgen"
    return render_page(title, headline, tiles, arrange_cards(*list_cards(fitted)), footer)


def list_cards(fitted: Fitted) -> Iterator[Markup]:
    """Yield the cards: plots, comparisons, pages, notes and the scenario."""
    for pair in fitted.judgement.pairs:
        draw, about = (draw_shares, SHARES) if pair.labels else (draw_quantiles, QUANTILES)
        yield render_card(f"{pair.group.capitalize()}: {pair.name}", draw(pair), about=about)
    yield render_card("Comparisons", build_table(fitted.judgement), wide=True,
               note="“By chance” is what 95 of 100 random divisions of all visitors show.")  # fmt: skip
    pages = render_table(("page", "path"), list(fitted.templates.items()), "Pages of the scenario and their paths")
    yield render_card("Pages", pages, wide=True)
    yield render_card("What to know", el("ul", *(el("li", note) for note in fitted.notes)), wide=True)
    yield render_card("The scenario", fold(f"{fitted.scenario.name}.toml", el("pre", fitted.text)), wide=True)


def build_table(judgement: Judgement) -> Markup:
    """Build the table of comparisons, one row for each."""
    head = ("", "recorded", "generated", "distance", "by chance", "verdict", "observations")
    rows = [(f"{MARKS[each.verdict]} {each.group}: {each.name}", *list_figures(each), format_distance(each),
             format_chance(each), each.verdict, f"{each.recorded_count:,} / {each.generated_count:,}")
            for each in judgement.comparisons]  # fmt: skip
    return render_table(head, rows, "Recorded beside generated traffic")


def make_id(pair: Pair) -> str:
    return re.sub(r"[^a-z0-9]+", "-", f"{pair.group} {pair.name}".lower()).strip("-")


def draw_shares(pair: Pair) -> Markup:
    """Plot shares by label, recorded as columns and generated as dots; of many labels only the largest."""
    order = list(range(len(pair.labels)))
    if len(order) > MOST_COLUMNS:
        order = sorted(order, key=lambda place: -max(pair.recorded[place], pair.generated[place]))[:MOST_COLUMNS]
    labels = [pair.labels[place] for place in order]
    recorded, generated = ([side[place] for place in order] for side in (pair.recorded, pair.generated))
    every = max(-(-sum(len(label) + 2 for label in labels) // LABELS_ROOM), 1)
    axis, scale = Axis.of_columns(labels, label_columns(labels, every)), make_linear_scale(max(*recorded, *generated))
    layers = [Layer(RECORDED, "recorded", recorded, "stack"), Layer(GENERATED, "generated", generated, "dots")]
    title = f"{pair.name}, recorded and generated"
    plot = Plot(make_id(pair), title, SHARES, axis, scale, format_percent, layers).render()
    rows = [(label, *map(format_percent, both)) for label, *both in zip(labels, recorded, generated, strict=True)]
    return Markup(plot + fold("All shares", render_table(("", "recorded", "generated"), rows, title)))


def draw_quantiles(pair: Pair) -> Markup:
    """Plot values over the share of observations below them."""
    whole = [value for value in (*pair.recorded, *pair.generated) if isfinite(value)]
    high, low = max(whole), min(value for value in [*whole, max(whole) or 1.0] if value > 0)
    low = max(low, high / 10_000)
    even = pair.group == "arrivals" or high < 20 * low
    recorded, generated = ([value if even else max(value, low) for value in side]  # a logarithmic scale has no 0
                           for side in (pair.recorded, pair.generated))  # fmt: skip
    steps = len(pair.recorded) - 1
    places = [place / steps for place in range(steps + 1)]
    ticks = [(share, f"{share:.0%}") for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    return Plot(
        id=make_id(pair),
        title=f"{pair.name}, recorded and generated",
        text=QUANTILES,
        x=Axis(places, [f"{place:.1%} are below" for place in places], ticks),
        y=make_linear_scale(high) if even else make_log_scale(low, high * 1.001),
        say=lambda value: format_digits(value) if value is None else format_figure(value, pair.unit),
        layers=[Layer(RECORDED, "recorded", recorded), Layer(GENERATED, "generated", generated, dashed=True)],
    ).render()
