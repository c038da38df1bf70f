"""Figures as tables: thresholds, the plots as numbers, incidents, app monitors, environment, all of summary.json."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from loadgen.charts import Child, Markup, el, render_card, render_facts, render_table
from loadgen.model import Noun
from loadgen.report.plots import find_incidents, plot_monitors, plot_monitors_throttled
from loadgen.results import Requests, RunData, Summary, ThresholdResult
from loadgen.scenario import Incident
from loadgen.units import (
    NONE,
    format_bytes,
    format_clock,
    format_count,
    format_digits,
    format_items,
    format_milliseconds,
    format_percent,
    format_share,
)

TICK, CROSS = "✓", "✗"


class ThresholdText(Noun):
    """The texts of a threshold: sign, name, figure and bound."""

    sign: str  # NONE if nothing was measured
    name: str  # with its stage, if it has one
    figure: str
    bound: str  # with the relation of the figure to it, such as ≤ 500 ms

    @classmethod
    def of(cls, result: ThresholdResult) -> ThresholdText:
        """Return the texts of a threshold."""
        relation = ("≥" if result.kept else "<") if result.is_lowest else ("≤" if result.kept else ">")
        return cls(
            NONE if result.value is None else TICK if result.kept else CROSS,
            result.name if result.stage is None else f"stage {result.stage} {result.name}",
            format_bound(result.name, result.value),
            f"{relation} {format_bound(result.name, result.limit)}",
        )


def format_bound(name: str, value: float | None) -> str:
    """Format a figure or bound: clocks in milliseconds, shares in per cent; – for None."""
    if value is None:
        return NONE
    return f"{format_digits(value)} ms" if name.endswith("_ms") else format_percent(value)


def build_thresholds_card(summary: Summary) -> Markup:
    """Build the page's card of thresholds."""
    rows: list[tuple[Child, ...]] = [
        (each.name, build_sign(each.sign), each.figure, each.bound)
        for each in map(ThresholdText.of, summary.thresholds)
    ]
    if not rows:
        return render_card("Thresholds", el("p", "The scenario has none.", class_="none"))
    made = render_table(("threshold", "kept", "figure", "bound"), rows, "Thresholds with their figures", "thresholds")
    return render_card("Thresholds", made, about="What the run had to keep.")


def build_sign(sign: str) -> Markup:
    """Build a tick or a cross with a word for screen readers."""
    word = {TICK: "kept", CROSS: "missed"}.get(sign, "not measured")
    return el("span", el("span", sign, aria_hidden="true"), f" {word}", class_=word.partition(" ")[0])


def build_stage_table(summary: Summary) -> Markup:
    """Build the table of the stages, a row each."""
    head = ("stage", "from", "to", "offered", "sent", "accepted", "throttled", "failed", "events lost", "bytes sent",
            "p50", "p99")  # fmt: skip
    rows = [
        (
            f"stage {stage.stage}",
            format_clock(stage.start),
            format_clock(stage.end),
            *list_request_cells(stage.requests),
            format_share(stage.events.lost, stage.events.sent),
            format_count(stage.outcomes.sent.wire_bytes),
            format_milliseconds(stage.latency_ms.p50),
            format_milliseconds(stage.latency_ms.p99),
        )
        for stage in summary.stages
    ]
    return render_table(head, rows, "Stages, by the intended moments of their batches")


def list_request_cells(requests: Requests) -> tuple[str, ...]:
    """Return the texts of batches offered, requests sent, and the shares of these by outcome."""
    shares = (format_share(count, requests.sent) for count in (requests.accepted, requests.throttled, requests.failed))
    return format_count(requests.offered), format_count(requests.sent), *shares


def build_clock_table(summary: Summary) -> Markup:
    """Build the table of the clocks' quantiles, a row a clock."""
    named = (
        ("latency", summary.latency_ms),
        ("service time", summary.service_time_ms),
        ("schedule lag", summary.lag_ms),
        ("event to acceptance", summary.acceptance_ms),
    )
    quantiles = ("p50", "p90", "p95", "p99", "max", "mean")
    rows = [(name, *(format_milliseconds(getattr(clock, each)) for each in quantiles)) for name, clock in named]
    return render_table(("", *quantiles), rows, "The clocks")


def build_timeline_table(run: RunData) -> Markup:
    """Build the table of the plots over time, a row a bin."""
    lines = run.timeline
    names = ("offered", "sent", "accepted", "throttled", "failed", "retried", "accepted_events", "given_up_events")
    sums = [lines.sum_bins(name).tolist() for name in names]
    quantiles = [lines.find_maxima(f"{name}_ms").tolist() for name in ("latency_p50", "latency_p99", "lag_p99")]
    cpu, memory = lines.find_maxima("cpu_percent").tolist(), lines.find_maxima("rss_bytes").tolist()
    rows = [
        (
            format_clock(place * lines.width),
            *(format_count(values[place]) for values in sums),
            *(format_milliseconds(values[place]) for values in quantiles),
            f"{cpu[place]:.0f}%" if cpu[place] == cpu[place] else "–",
            format_bytes(memory[place]),
        )
        for place in range(lines.size)
    ]
    head = ("from", *(name.replace("_", " ") for name in names), "p50", "p99", "lag p99", "CPU", "memory")
    note = "" if lines.width == 1 else f", {lines.width} s a row; percentiles are those of a row's worst second"
    return render_table(head, rows, f"The run over time{note}")


def list_every_figure(summary: Summary) -> Markup:
    """Build the table of all figures in summary.json, under their own names."""
    rows = list(flatten("", msgspec.to_builtins(summary)))
    return render_table(("name in summary.json", "value"), rows, "Every figure", "every")


def flatten(name: str, value: object) -> Iterator[tuple[str, str]]:
    """Yield the leaves of a JSON value with their paths, such as requests.sent."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from flatten(f"{name}.{key}" if name else str(key), inner)
    elif isinstance(value, (list, tuple)) and value:
        for place, inner in enumerate(value):
            yield from flatten(f"{name}[{place}]", inner)
    else:
        yield name, format_leaf(value)


def format_leaf(value: object) -> str:
    """Format a leaf as JSON, texts without quotes."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def build_incidents_card(run: RunData) -> Markup | None:
    """Build the card of incidents: what happened, when, and whom it could hit; None without incidents."""
    incidents = find_incidents(run)
    if not incidents:
        return None
    rows = [
        (
            each.incident.name,
            each.incident.kind,
            format_clock(each.start),
            format_clock(each.end),
            describe_hit_group(each.incident),
        )
        for each in incidents
    ]
    made = render_table(("incident", "kind", "from", "to", "whom it could hit"), rows, "Incidents, with their ramps")
    return render_card(
        "Incidents", made, about="What the scenario let go wrong; ground-truth.ndjson names the visits hit."
    )


def describe_hit_group(incident: Incident) -> str:
    """Describe the group of visitors that an incident can hit, and the share of the group."""
    names = ("countries", "devices", "browsers", "pages")
    groups = [" or ".join(group) for name in names if (group := getattr(incident, name, ()))]
    share = getattr(incident, "share", 1.0)
    return ", ".join([*groups, *([f"{share:.0%} of them"] if share < 1 else [])]) or "everybody"


def build_neighbours_card(run: RunData) -> Markup | None:
    """Build the card of the app monitors; None for a run with only one."""
    if len(run.summary.monitors) < 2:
        return None
    plots = (plot_monitors(run).render(), plot_monitors_throttled(run).render()) if run.monitors else ()
    return render_card(
        "App monitors",
        *plots,
        build_monitor_table(run.summary),
        about="Requests asked for a second by app monitor, every attempt counted, and what share of each got a 429.",
        note="They share one quota: a neighbour whose load grows takes it from all.",
        wide=True,
    )


def build_monitor_table(summary: Summary) -> Markup:
    """Build the table of the app monitors, a row each."""
    head = ("app monitor", "sessions", "offered", "sent", "accepted", "throttled", "failed", "events sent",
            "events lost", "p50", "p99", "ledger")  # fmt: skip
    rows = [
        (
            each.name,
            format_count(each.sessions),
            *list_request_cells(each.requests),
            format_count(each.events.sent),
            format_share(each.events.lost, each.events.sent),
            format_milliseconds(each.latency_ms.p50),
            format_milliseconds(each.latency_ms.p99),
            {None: "not compared", True: "agrees", False: "does not agree"}[each.ledger.agrees],
        )
        for each in summary.monitors
    ]
    return render_table(head, rows, "App monitors, in shares of their own requests and events")


def build_environment_card(run: RunData) -> Markup:
    """Build the card of the run's command, options, machine and versions."""
    spec, summary = run.spec, run.summary
    pairs: list[tuple[str, Child]] = [("Seed", str(summary.seed)), ("Ledger", describe_ledger(summary))]
    if spec is not None:
        target = {"url": spec.url, "region": spec.region, **{each.name: each.id for each in spec.monitors}}
        told = {"Target": target, "Machine": spec.machine, "Versions": spec.versions, "Options": spec.asked}
        pairs = [("Command", el("code", spec.command or "–")), *pairs, *((k, list_pairs(v)) for k, v in told.items())]
    return render_card("Environment", render_facts(pairs), about=f"Folder {run.name}", wide=not summary.errors)


def list_pairs(named: Mapping[str, object]) -> str:
    """Format names and values on one line, without those that are None."""
    return " · ".join(f"{name} {value}" for name, value in named.items() if value is not None)


def describe_ledger(summary: Summary) -> str:
    """Say whether the endpoint's counts agree with ours."""
    ledger = summary.ledger
    if ledger.agrees is None:
        return "not compared: the target keeps no ledger, or did not answer"
    theirs = f"{format_items(ledger.endpoint_requests, 'request')}, {format_items(ledger.endpoint_events, 'event')}"
    if summary.in_doubt.requests:
        theirs += f", {format_count(summary.in_doubt.requests)} requests were in flight at a kill"
    return f"agrees: the endpoint accepted {theirs}" if ledger.agrees else f"does not agree: the endpoint says {theirs}"
