"""The page of one run: verdict first, then load, clocks, throttling, accounting, generator and environment."""

from __future__ import annotations

from loadgen.charts import (
    Child,
    Markup,
    arrange_cards,
    el,
    fold,
    render_bars,
    render_card,
    render_facts,
    render_header,
    render_page,
    render_stacked_bars,
    render_tiles,
)
from loadgen.report import plots
from loadgen.report.accounting import build_accounting_card, build_incomplete_card, describe_preflights
from loadgen.report.plots import plot_curve
from loadgen.report.tables import (
    build_clock_table,
    build_environment_card,
    build_incidents_card,
    build_neighbours_card,
    build_stage_table,
    build_thresholds_card,
    build_timeline_table,
    list_every_figure,
)
from loadgen.results import ATTEMPT_OUTCOMES, RunData, Summary, describe_unguarded, name_verdict
from loadgen.units import (
    format_bytes,
    format_count,
    format_digits,
    format_items,
    format_milliseconds,
    format_rate,
    format_share,
)

SIGNS = {"passed": "✓", "failed": "✕", "invalid": "?", "interrupted": "■"}
CUT_OFF = "cut off: the run ended before it could write its summary; the figures are recovered from its records"
NO_RECORDS = "The run's requests.parquet is missing in its folder; figures of single requests are left out."


def build_report_page(run: RunData) -> str:
    """Build the HTML page of a run."""
    summary = run.summary
    return render_page(
        f"{summary.scenario}: {name_verdict(summary)} · loadgen",
        build_headline(run),
        build_tiles(summary),
        arrange_cards(
            render_card(
                "Throughput and outcomes",
                plots.plot_requests(run).render(),
                fold("Stages as a table", build_stage_table(summary)) if summary.stages else None,
                about="Requests answered a second, every attempt counted, and the batches that were due.",
                note="What stands above the line are retries, and answers to batches that were due a step before. "
                + describe_width(run),
                wide=True,
            ),
            build_thresholds_card(summary),
            build_incidents_card(run),
            build_neighbours_card(run),
            *build_clock_cards(run),
            build_throttling_card(run),
            build_accounting_card(run),
            build_incomplete_card(run),
            build_retries_card(run),
            render_card("Sessions", plots.plot_visitors(run).render(), about="Visits that were open at a time."),
            build_mix_card(summary),
            build_generator_card(run),
            build_errors_card(summary),
            build_environment_card(run),
            render_card(
                "All figures",
                fold("Every figure of summary.json", list_every_figure(summary)),
                fold("The run over time", build_timeline_table(run)),
                wide=True,
            ),
        ),
        el("footer", f"Made by loadgen from {run.name}. The folder's files hold the same figures for programs."),
    )


def build_headline(run: RunData) -> Markup:
    """Build the top of the page: the verdict with its reasons, and the run in a sentence."""
    summary = run.summary
    texts = (CUT_OFF if summary.cut_off else None, *summary.reasons, describe_unguarded(summary), *run.gaps)
    reasons = [el("li", text) for text in texts if text]
    return render_header(
        "report",
        summary.scenario,
        build_badge(summary),
        el("p", describe_run(summary), class_="sentence"),
        el("ul", *reasons, class_=f"reasons {summary.verdict}") if reasons else None,
        meta=[f"{summary.started_at[:19].replace('T', ' ')} UTC · seed {summary.seed} · {summary.pace}"],
    )


def build_badge(summary: Summary) -> Markup:
    """Build the verdict as sign and word."""
    sign = "✂" if summary.cut_off else SIGNS[summary.verdict]
    return el(
        "p",
        el("span", sign, aria_hidden="true"),
        name_verdict(summary).capitalize(),
        class_=f"verdict {summary.verdict}",
    )


def describe_run(summary: Summary) -> str:
    """Describe the run in a sentence."""
    requests, events = summary.requests, summary.events
    if not requests.sent:
        return f"{format_items(summary.sessions, 'session')} started, and no request was sent."
    return (
        f"{format_items(summary.sessions, 'session')} sent {format_items(requests.sent, 'request')} "
        f"in {summary.seconds:,.1f} s. "
        f"{format_share(requests.accepted, requests.sent)} were accepted, "
        f"{format_some(requests.throttled, requests.sent)} throttled and "
        f"{format_some(requests.failed, requests.sent)} failed; "
        f"of the {format_items(events.sent, 'event')} sent, {format_share(events.lost, events.sent)} were lost."
    )


def format_some(part: int, whole: int) -> str:
    """Format a share; "none" for 0."""
    return format_share(part, whole) if part else "none"


def build_tiles(summary: Summary) -> Markup:
    """Build the tiles of the main figures."""
    requests, events, rates = summary.requests, summary.events, summary.rates
    quota = summary.quota
    return render_tiles(
        ("Throughput", format_rate(rates.requests), f"{format_rate(rates.events)} events"),
        ("Goodput", format_rate(rates.good_requests), f"{format_rate(rates.good_events)} events"),
        ("Throttled", format_share(requests.throttled, requests.sent), format_items(requests.throttled, "request")),
        (
            "Events lost",
            format_share(events.lost, events.sent),
            f"{format_count(events.lost)} of {format_count(events.sent)} sent",
        ),
        (
            "Latency p99",
            format_milliseconds(summary.latency_ms.p99),
            f"p50 {format_milliseconds(summary.latency_ms.p50)}",
        ),
        ("Schedule lag p99", format_milliseconds(summary.lag_ms.p99), f"p50 {format_milliseconds(summary.lag_ms.p50)}"),
        (
            "Quota estimate",
            format_rate(quota.rate) if quota else "none",
            f"{format_digits(quota.low)} to {format_digits(quota.high)}, burst {format_count(quota.burst)}"
            if quota
            else "too few requests were refused",
        ),
    )


def build_clock_cards(run: RunData) -> list[Markup]:
    """Build the cards of latency over time, the percentile curve, and the generator's own lag."""
    summary, requests = run.summary, run.requests
    if requests is None:
        spread = el("p", NO_RECORDS, class_="none")
    else:
        text = "Latency and service time that a share of the requests did not exceed."
        lines = [("p50", "latency", requests.latency, False), ("service", "service time", requests.service, True)]
        spread = plot_curve("curve", "Percentile curve", text, lines).render()
    return [
        render_card(
            "Latency",
            plots.plot_latency(run).render(),
            fold("The clocks as a table", build_clock_table(summary)),
            about="From the intended moment to the answer.",
            note=None if requests else NO_RECORDS,
        ),
        render_card(
            "Percentile curve",
            spread,
            about="What a share of the requests did not exceed; each step to the right is rarer.",
            note="Where latency lies above service time, requests waited before they were sent.",
        ),
        render_card(
            "Schedule lag",
            plots.plot_lag(run).render(),
            about="From the intended moment to the actual send: the generator's own lateness.",
            note="Above 200 ms at p99 the run is invalid, because its latencies would measure the generator.",
        ),
    ]


def build_throttling_card(run: RunData) -> Markup:
    """Build the card of throttling and the estimated quota."""
    quota = run.summary.quota
    note = "Too few requests were refused to estimate a quota."
    if quota:
        note = (
            f"The refusals fit a token bucket of {format_digits(quota.rate)} requests a second "
            f"(between {format_digits(quota.low)} and {format_digits(quota.high)}) "
            f"that holds {format_count(quota.burst)}."
        )
    return render_card(
        "Throttling and quota",
        plots.plot_throttling(run).render(),
        about="Requests sent, requests accepted, and the quota that explains the difference.",
        note=note,
    )


def build_retries_card(run: RunData) -> Markup:
    """Build the card of retries: what they cost and what they recovered."""
    requests, rates = run.summary.requests, run.summary.rates
    recovered = format_share(requests.recovered, requests.retried)
    told = render_facts(
        [
            ("Amplification", f"{format_digits(rates.amplification)} requests a batch" if rates.amplification else "–"),
            ("Retried", format_items(requests.retried, "request")),
            ("Recovered", f"{format_items(requests.recovered, 'batch')}, {recovered} of retries"),
            ("Given up", format_items(requests.given_up, "batch")),
            ("CORS preflights", describe_preflights(run.summary)),
            (
                "Failed",
                format_items(requests.failed, "request") if requests.failed else "no request, but for throttled ones",
            ),
        ]
    )
    attempts: Child = el("p", NO_RECORDS, class_="none")
    if run.requests is not None:
        rows = [
            (f"attempt {place + 1}", parts.tolist())
            for place, parts in enumerate(run.requests.by_attempt)
            if parts.any()
        ]
        attempts = render_stacked_bars(rows, ATTEMPT_OUTCOMES, "Outcomes by attempt") if rows else None
    return render_card("Retries", told, attempts, about="What retries cost, and what they recovered.")


def build_mix_card(summary: Summary) -> Markup:
    """Build the card of events by type."""
    if not summary.event_mix:
        return render_card("Event mix", el("p", "No event was due.", class_="none"))
    made = render_bars(summary.event_mix, "neutral", "Events in batches that were due, by type")
    return render_card("Event mix", made, about="Events in batches that were due, by type.")


def build_errors_card(summary: Summary) -> Markup | None:
    """Build the card of failed requests by cause, without throttled ones; None if none failed."""
    if not summary.errors:
        return None
    made = render_bars(summary.errors, "failed", "Failed requests by cause")
    return render_card("Errors", made, about="Failed requests by cause; a 429 is no failure.")


def build_generator_card(run: RunData) -> Markup:
    """Build the card of the generator's own processor time and memory."""
    generator = run.summary.generator
    told = render_facts(
        [
            ("Workers", format_count(generator.workers)),
            ("CPU", f"mean {generator.cpu_percent_mean:g}%, highest {generator.cpu_percent_max:g}% of one core"),
            ("Memory", f"highest {format_bytes(generator.rss_bytes_max)}"),
        ]
    )
    drawn = (plots.plot_cpu(run).render(), plots.plot_memory(run).render())
    return render_card("Generator", told, *drawn, about="Processor and memory of the generator itself.")


def describe_width(run: RunData) -> str:
    """Say how many seconds a step of the plots has."""
    width = run.timeline.width
    return "A step is a second." if width == 1 else f"A step is {width} s; rates are averages over it."
