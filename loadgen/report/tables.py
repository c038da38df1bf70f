"""Figures as tables: the plots as numbers, incidents, app monitors, the environment, and everything in summary.json."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from loadgen.charts import Child, Markup, el, render_card, render_facts, render_table
from loadgen.report.plots import find_incidents, plot_monitors, plot_monitors_throttled
from loadgen.results import LedgerComparison, Requests, RunData, Summary
from loadgen.scenario import Incident
from loadgen.units import (
    format_bytes,
    format_clock,
    format_count,
    format_milliseconds,
    format_share,
)


def build_stage_table(summary: Summary) -> Markup:
    """Build the table of the stages, a row each."""
    head = (
        "stage",
        "from",
        "to",
        "offered",
        "sent",
        "accepted",
        "throttled",
        "failed",
        "events lost",
        "bytes sent",
        "p50",
        "p99",
    )
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
            describe_agreement(each.ledger),
        )
        for each in summary.monitors
    ]
    return render_table(head, rows, "App monitors, in shares of their own requests and events")


def describe_agreement(ledger: LedgerComparison) -> str:
    """Say in a word or two whether the endpoint's counts agree with ours."""
    return {None: "not compared", True: "agrees", False: "does not agree"}[ledger.agrees]


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
    theirs = f"{format_count(ledger.endpoint_requests)} requests, {format_count(ledger.endpoint_events)} events"
    if summary.in_doubt.requests:
        theirs += f", {format_count(summary.in_doubt.requests)} requests were in flight at a kill"
    return f"agrees: the endpoint accepted {theirs}" if ledger.agrees else f"does not agree: the endpoint says {theirs}"
