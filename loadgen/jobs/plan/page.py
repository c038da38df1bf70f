"""A plan as one HTML page with the charts and cards of a run's report: the answer on top, then load, loss and cost."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import log, nan

from loadgen.charts import (
    Axis,
    Layer,
    Mark,
    Markup,
    Plot,
    Scale,
    Write,
    arrange_cards,
    el,
    find_highest,
    fold,
    label_times,
    make_linear_scale,
    render_card,
    render_header,
    render_page,
    render_table,
    render_tiles,
)
from loadgen.jobs.plan.advice import write_advice
from loadgen.jobs.plan.figures import CapacityPlan, LoadCurves
from loadgen.jobs.plan.view import (
    LOAD_HEAD,
    RATE_HEAD,
    SETTING_HEAD,
    format_exactness,
    format_left_out,
    format_verdict,
    list_load_rows,
    list_rate_rows,
    list_setting_rows,
)
from loadgen.units import (
    format_clock,
    format_count,
    format_digits,
    format_dollars,
    format_duration,
    format_percent,
    format_rate,
    format_short,
)

MARK_MARGIN = 1.25  # factor on the axis of quotas, so that the last mark's label has room
RATE_MARGIN = 1.2  # factor by which the axis of sample rates exceeds the lowest and highest rate


def build_plan_page(plan: CapacityPlan) -> str:
    """Return the page's HTML."""
    return render_page(
        f"{plan.scenario}: capacity plan · loadgen",
        build_headline(plan),
        build_tiles(plan),
        el("p", " ".join(write_advice(plan)), class_="sentence"),
        arrange_cards(
            render_card(
                "Load over the run",
                plot_load(plan, plan.curves).render() if plan.curves else None,
                fold(
                    "First attempts by part of the run", render_table(LOAD_HEAD, list_load_rows(plan), "First attempts")
                ),
                about="Requests a second against the quota: first attempts, and attempts with retries.",
                wide=True,
            ),
            render_card(
                "Loss against quota",
                plot_loss(plan).render(),
                about="Share of attempts throttled and of events lost under each quota, retries included.",
                wide=True,
            ),
            render_card(
                "Cost against sample rate", plot_cost(plan).render(), about="Cost of a month at the price below."
            ),
            build_precision_card(plan),
            render_card("Sample rates", render_table(RATE_HEAD, list_rate_rows(plan), "Sample rates"), wide=True),
            render_card(
                "What client settings change",
                render_table(SETTING_HEAD, list_setting_rows(plan), "Client settings"),
                about="The same sessions through a client with one setting changed.",
                wide=True,
            ),
        ),
        el("footer", f"Price: {plan.money.source}. Made by loadgen plan; nothing was sent."),
    )


def build_headline(plan: CapacityPlan) -> Markup:
    """Build the page's header: what was planned, how exactly, and the verdict under the quota."""
    answer = f"At {plan.throttling.quota:g} requests a second: {format_verdict(plan.throttling)}."
    return render_header(
        "plan",
        plan.scenario,
        el("p", answer, class_="sentence"),
        meta=[
            f"{format_duration(plan.duration)} · seed {plan.seed} · {format_exactness(plan)}",
            f"Of {format_left_out(plan).removeprefix('of ')}.",
        ],
    )


def build_tiles(plan: CapacityPlan) -> Markup:
    """Build six tiles with the plan's main figures."""
    found, money, need = plan.throttling, plan.money, plan.need
    return render_tiles(
        ("Quota needed", f"{need.quota:,}/s", f"loses at most {need.lost_share:.2%} of the events"),
        (f"Lost at {found.quota:g}/s", f"{found.lost_share:.1%}", f"{found.throttled_share:.1%} throttled"),
        (
            "Requests a second",
            format_digits(plan.whole.requests.mean),
            f"mean; {format_count(plan.whole.requests.peak)} at the peak",
        ),
        ("Events a day", format_short(money.events_per_day), f"{format_short(money.events_per_month)} a month"),
        (
            "Cost a month",
            format_dollars(money.dollars_per_month),
            f"at ${money.price_per_event * 100_000:g} per 100,000",
        ),
        (
            "Sessions",
            format_short(plan.load.sessions),
            f"{format_short(plan.load.requests)} requests, all first attempts; "
            f"{format_short(plan.load.preflights)} CORS preflights besides",
        ),
    )


def plot_load(plan: CapacityPlan, curves: LoadCurves) -> Plot:
    """Plot requests a second over the run, against the quota."""
    quota, size = plan.throttling.quota, len(curves.offered)
    layers = [Layer("back", "busiest second", curves.peak)]
    if plan.throttling.throttled:
        layers.append(Layer("throttled", "with retries", curves.attempts))
    layers.append(Layer("sent", "first attempts", curves.offered))
    if plan.throttling.throttled:
        layers.append(Layer("service", "accepted", curves.accepted))
    layers.append(Layer("ink", f"quota {quota:g}/s", [quota], "rule", dashed=True))
    moments = [format_clock((place + 0.5) * curves.step) for place in range(size)]
    axis = Axis.of_columns(moments, label_times(size * curves.step))
    text = f"Requests a second over {format_duration(plan.duration)}, beside a quota of {quota:g}."
    scale = make_linear_scale(max(*curves.peak, *curves.attempts, quota))
    return Plot("load", "Load over the run", text, axis, scale, format_rate, layers)


def plot_loss(plan: CapacityPlan) -> Plot:
    """Plot the shares of requests throttled and of events lost, over the quota."""
    points = plan.loss
    scale = make_linear_scale(max(max(point.quota for point in points), plan.need.quota) * MARK_MARGIN)
    axis = Axis(
        places=[scale.share(point.quota) for point in points],
        named=[f"quota {point.quota:g}/s" for point in points],
        ticks=[(scale.share(tick), format_rate(tick)) for tick in scale.ticks],
        marks=place_quota_marks(plan, scale),
    )
    layers = [
        Layer("throttled", "requests throttled", [point.throttled_share for point in points]),
        Layer("failed", "events lost", [point.lost_share for point in points]),
    ]
    text = "Shares of the requests throttled and of the events lost, over the quota."
    return Plot("loss", "Loss against quota", text, axis, make_linear_scale(1.0), format_percent, layers)


def place_quota_marks(plan: CapacityPlan, scale: Scale) -> list[Mark]:
    """Return marks at the needed quota and at the asked quota; if they are equal, they share one."""
    quota, need = plan.throttling.quota, float(plan.need.quota)
    labels = {quota: f"quota {quota:g}/s", need: f"needed {need:g}/s"}
    if quota == need:
        labels = {need: f"needed and given {need:g}/s"}
    spots = [(scale.share(value), labels[value]) for value in sorted(labels)]
    return [Mark(start, end, label) for (start, label), (end, _) in pairwise([*spots, (1.0, "")])]


def plot_cost(plan: CapacityPlan) -> Plot:
    """Plot dollars a month against sample rate."""
    return plot_by_rate(
        plan,
        "cost",
        "Cost against sample rate",
        [Layer("sent", "dollars a month", [point.dollars_per_month for point in plan.rates])],
        lambda value: f"${format_short(value or 0.0)}",
    )


def build_precision_card(plan: CapacityPlan) -> Markup | None:
    """Build the card of a day's precision at each sample rate; None if no precision is known."""
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
    drawn_lines = plot_by_rate(
        plan, "precision", "Precision against sample rate", layers, lambda value: f"±{format_percent(value)}"
    )
    return render_card(
        "Precision against sample rate",
        drawn_lines.render(),
        about="How far a day's figure may be off, with 95 % confidence.",
    )


def plot_by_rate(plan: CapacityPlan, key: str, title: str, layers: Sequence[Layer], say: Write) -> Plot:
    """Plot lines over the logarithm of the sample rate."""
    rates = [point.sample_rate for point in plan.rates]
    low, high = min(rates) / RATE_MARGIN, max(rates) * RATE_MARGIN
    places = [log(each / low) / log(high / low) for each in rates]
    ticks = [(place, f"{each:g}") for place, each in zip(places, rates, strict=True)]
    axis = Axis(places, [f"sample rate {each:g}" for each in rates], ticks)
    text = f"{title}: {', '.join(layer.label for layer in layers)}."
    return Plot(
        key, title, text, axis, make_linear_scale(find_highest(*(layer.values for layer in layers))), say, layers, 200
    )
