"""A plan as one page, by the charts and cards of the run's page: the answer on top, then load, loss and money."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import log, nan

from loadgen.charts.elements import Markup, el
from loadgen.charts.page import card, cards, page, tiles
from loadgen.charts.plot import Layer, Mark, Plot, middles
from loadgen.charts.scales import Say, Scale, linear, time_ticks
from loadgen.jobs.plan.figures import Lines, Plan
from loadgen.jobs.plan.plan import Answer
from loadgen.jobs.plan.terminal import (
    LEVER_HEAD,
    LOAD_HEAD,
    RATE_HEAD,
    dollars,
    drawn,
    left_out,
    lever_rows,
    load_rows,
    number,
    rate_rows,
    span,
    verdict,
)
from loadgen.report.html.figures import count, moment, per_cent, rate, three
from loadgen.report.html.tables import folded, table

MARK_MARGIN = 1.25  # of the axis of quotas, so that the last mark's label has room behind it
CLOSE = 0.12  # of an axis; marks nearer to each other share a label
RATE_MARGIN = 1.2  # by which the axis of sample rates goes beyond the lowest and the highest


def plan_page(answer: Answer) -> str:
    """The page's text."""
    plan = answer.plan
    return page(
        f"{plan.scenario}: capacity plan · loadgen",
        headline(plan),
        headline_tiles(plan),
        cards(
            card(
                "Load over the run",
                load_plot(plan, answer.lines).html(),
                folded("First attempts by part of the run", table(LOAD_HEAD, load_rows(plan), "First attempts")),
                about="Requests a second against the quota: what visitors mean to send, and what retries make of it.",
                wide=True,
            ),
            card(
                "Loss against quota",
                loss_plot(plan).html(),
                about="Of all attempts throttled, and of all events lost, under each quota, retries included.",
                wide=True,
            ),
            card("Cost against sample rate", cost_plot(plan).html(), about="A month at the price below."),
            precision(plan),
            card("Sample rates", table(RATE_HEAD, rate_rows(plan), "Sample rates"), wide=True),
            card(
                "What client settings change",
                table(LEVER_HEAD, lever_rows(plan), "Client settings"),
                about="The same sessions through a client with one setting changed.",
                wide=True,
            ),
        ),
        el("footer", f"Price: {plan.money.source}. Made by loadgen plan; nothing was sent."),
    )


def headline(plan: Plan) -> Markup:
    """What was planned, and how exactly."""
    return el(
        "header",
        el("p", "loadgen plan", class_="brand"),
        el("h1", plan.scenario),
        el("p", f"At {plan.throttling.quota:g} requests a second: {verdict(plan.throttling)}.", class_="sentence"),
        el("p", f"{span(plan.duration)} · seed {plan.seed} · {drawn(plan)}", class_="meta"),
        el("p", f"Of {left_out(plan).removeprefix('of ')}.", class_="meta"),
    )


def headline_tiles(plan: Plan) -> Markup:
    """The plan in six numbers."""
    found, money, need = plan.throttling, plan.money, plan.need
    return tiles(
        ("Quota needed", f"{need.quota:,}/s", f"loses at most {need.lost_share:.2%} of the events"),
        (f"Lost at {found.quota:g}/s", f"{found.lost_share:.1%}", f"{found.throttled_share:.1%} throttled"),
        ("Requests a second", three(plan.whole.requests.mean), f"mean; {count(plan.whole.requests.peak)} at the peak"),
        ("Events a day", number(money.events_per_day), f"{number(money.events_per_month)} a month"),
        ("Cost a month", dollars(money.dollars_per_month), f"at ${money.price_per_event * 100_000:g} per 100,000"),
        ("Sessions", number(plan.load.sessions), f"{number(plan.load.requests)} requests, all first attempts"),
    )


def load_plot(plan: Plan, lines: Lines) -> Plot:
    """Requests a second over the run, against the quota."""
    quota, size = plan.throttling.quota, len(lines.offered)
    layers = [Layer("back", "busiest second", lines.peak)]
    if plan.throttling.throttled:
        layers.append(Layer("throttled", "with retries", lines.attempts))
    layers.append(Layer("sent", "first attempts", lines.offered))
    if plan.throttling.throttled:
        layers.append(Layer("service", "accepted", lines.accepted))
    layers.append(Layer("ink", f"quota {quota:g}/s", [quota], "rule", dashed=True))
    whole = size * lines.step
    return Plot(
        id="load",
        title="Load over the run",
        text=f"Requests a second over {span(plan.duration)}, beside a quota of {quota:g}.",
        y=linear(max(*lines.peak, *lines.attempts, quota)),
        say=rate,
        places=middles(size),
        named=[moment((place + 0.5) * lines.step) for place in range(size)],
        x_ticks=[(tick / whole, moment(tick)) for tick in time_ticks(plan.duration)],
        layers=layers,
    )


def loss_plot(plan: Plan) -> Plot:
    """What is throttled and lost at which quota."""
    points = plan.loss
    axis = linear(max(max(point.quota for point in points), plan.need.quota) * MARK_MARGIN)
    return Plot(
        id="loss",
        title="Loss against quota",
        text="Shares of the requests throttled and of the events lost, over the quota.",
        y=linear(1.0),
        say=per_cent,
        places=[axis.share(point.quota) for point in points],
        named=[f"quota {point.quota:g}/s" for point in points],
        x_ticks=[(axis.share(tick), rate(tick)) for tick in axis.ticks],
        layers=[
            Layer("throttled", "requests throttled", [point.throttled_share for point in points]),
            Layer("failed", "events lost", [point.lost_share for point in points]),
        ],
        marks=quota_marks(plan, axis),
    )


def quota_marks(plan: Plan, axis: Scale) -> list[Mark]:
    """The quota that is needed and the one that is asked about; one label for both where they stand close together."""
    quota, need = plan.throttling.quota, float(plan.need.quota)
    labels = {quota: f"quota {quota:g}/s", need: f"needed {need:g}/s"}
    if abs(axis.share(quota) - axis.share(need)) < CLOSE:
        labels = {min(quota, need): "", max(quota, need): f"needed {need:g}/s, quota {quota:g}/s"}
    spots = [(axis.share(value), labels[value]) for value in sorted(labels)]
    return [Mark(start, end, label) for (start, label), (end, _) in pairwise([*spots, (1.0, "")])]


def cost_plot(plan: Plan) -> Plot:
    """Dollars against sample rate."""
    return by_rate(
        plan,
        "cost",
        "Cost against sample rate",
        [Layer("sent", "dollars a month", [point.dollars_per_month for point in plan.rates])],
        lambda value: f"${number(value or 0.0)}",
    )


def precision(plan: Plan) -> Markup | None:
    """How well a day's figures are known at each sample rate; nothing where none is."""
    lines = (
        ("service", "p75 LCP", [point.p75_lcp_interval for point in plan.rates]),
        ("failed", "sessions with JS errors", [point.js_error_interval for point in plan.rates]),
    )
    layers = [
        Layer(colour, name, [nan if value is None else value for value in values])
        for colour, name, values in lines
        if any(value is not None for value in values)
    ]
    if not layers:
        return None
    drawn_lines = by_rate(
        plan, "precision", "Precision against sample rate", layers, lambda value: f"±{per_cent(value)}"
    )
    return card(
        "Precision against sample rate",
        drawn_lines.html(),
        about="How far a day's figure may be off, with 95 % confidence.",
    )


def by_rate(plan: Plan, key: str, title: str, layers: Sequence[Layer], say: Say) -> Plot:
    """Lines over the sample rates, by their logarithm."""
    rates = [point.sample_rate for point in plan.rates]
    low, high = min(rates) / RATE_MARGIN, max(rates) * RATE_MARGIN
    places = [log(each / low) / log(high / low) for each in rates]
    highest = max(value for layer in layers for value in layer.values if value == value)
    return Plot(
        id=key,
        title=title,
        text=f"{title}: {', '.join(layer.label for layer in layers)}.",
        y=linear(highest),
        say=say,
        places=places,
        named=[f"sample rate {each:g}" for each in rates],
        x_ticks=[(place, f"{each:g}") for place, each in zip(places, rates, strict=True)],
        layers=layers,
        height=200,
    )
