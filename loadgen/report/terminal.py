"""The summary of a run on the terminal, in 80 columns."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.segment import Segment, Segments
from rich.table import Table
from rich.text import Text

from loadgen.errors import escape_controls
from loadgen.report.tables import CROSS, TICK, ThresholdText
from loadgen.results import LedgerComparison, Milliseconds, QuotaEstimate, Summary, describe_unguarded, name_verdict
from loadgen.units import format_digits, format_items, format_share

COLOURS = {"passed": "green", "failed": "red", "invalid": "magenta", "interrupted": "yellow"}


def render_summary(summary: Summary) -> RenderableType:
    """Render a summary: verdict first, then requests, events, clocks and ledger."""
    verdict = Text(name_verdict(summary).upper(), style=f"bold {COLOURS[summary.verdict]}")
    sessions = format_items(summary.sessions, "session")
    done = f"  {summary.scenario}, seed {summary.seed}, {sessions} in {summary.seconds:.1f} s"
    word = "note:" if summary.verdict == "passed" else "because"
    errors = [("errors" if not place else "", *each, "") for place, each in enumerate(summary.errors.items())]
    return Group(
        Text.assemble(verdict, done),
        *(Text(f"  {word} {reason}") for reason in summary.reasons),
        *([Text(f"  note: {unguarded}")] if (unguarded := describe_unguarded(summary)) else []),
        Text(),
        *([list_thresholds(summary)] if summary.thresholds else []),
        list_requests(summary),
        list_events(summary),
        list_bytes(summary),
        *([list_preflights(summary)] if summary.preflights.sent else []),
        *([list_monitors(summary)] if len(summary.monitors) > 1 else []),
        build_quantile_table(
            ("latency ms", summary.latency_ms),
            ("service time ms", summary.service_time_ms),
            ("lag ms", summary.lag_ms),
            ("event → accepted ms", summary.acceptance_ms),
        ),
        *([build_count_rows(*errors)] if errors else []),
        *([Text.assemble(("quota     ", "bold"), describe_quota(summary.quota))] if summary.quota else []),
        Text.assemble(("ledger    ", "bold"), describe_ledger(summary.ledger, summary)),
    )


def list_thresholds(summary: Summary) -> Table:
    """List thresholds a row each."""
    lines = Table.grid(padding=(0, 2))
    lines.add_column(width=10, style="bold")
    lines.add_column(width=1)
    lines.add_column(width=28)
    for _ in range(2):
        lines.add_column(justify="right", width=12, no_wrap=True)
    for place, each in enumerate(map(ThresholdText.of, summary.thresholds)):
        style = {TICK: "green", CROSS: "bold red"}.get(each.sign, "dim")
        title = "" if place else "thresholds"
        lines.add_row(title, Text(each.sign, style=style), each.name, each.figure, each.bound)
    lines.add_row("")
    return lines


def list_requests(summary: Summary) -> Table:
    """List requests by outcome; every attempt counts."""
    requests, sent = summary.requests, summary.requests.sent
    return build_count_rows(
        ("requests", "sent", sent, format_per_second(sent, summary)),
        ("", "accepted", requests.accepted, format_share(requests.accepted, sent)),
        ("", "throttled (429)", requests.throttled, format_share(requests.throttled, sent)),
        ("", "failed", requests.failed, format_share(requests.failed, sent)),
        ("", "retried", requests.retried, format_share(requests.retried, sent)),
        ("", "recovered by a retry", requests.recovered, format_share(requests.recovered, requests.retried)),
        ("", "given up", requests.given_up, "batches"),
    )


def list_preflights(summary: Summary) -> Table:
    """List CORS preflights, which do not count as requests."""
    preflights = summary.preflights
    refused = preflights.refused + preflights.unanswered
    return build_count_rows(
        ("CORS", "preflights (no quota)", preflights.sent, format_per_second(preflights.sent, summary)),
        ("", "refused or unanswered", refused, format_share(refused, preflights.sent)),
    )


def list_events(summary: Summary) -> Table:
    """List events by what became of them."""
    events, generated = summary.events, summary.events.generated
    return build_count_rows(
        ("events", "generated", events.generated, ""),
        ("", "− not sampled", events.not_sampled, format_share(events.not_sampled, generated)),
        ("", "− over session limit", events.over_session_limit, format_share(events.over_session_limit, generated)),
        ("", "− dropped by client", events.dropped_by_client, format_share(events.dropped_by_client, generated)),
        ("", "− unsent (due after the end)", events.unsent, format_share(events.unsent, generated)),
        ("", "= sent", events.sent, format_per_second(events.sent, summary)),
        ("", "  accepted", events.accepted, format_share(events.accepted, events.sent)),
        ("", "  lost", events.lost, format_share(events.lost, events.sent)),
    )


def list_bytes(summary: Summary) -> Table:
    """List the bytes of the bodies; every attempt counts."""
    outcomes, sent = summary.outcomes, summary.outcomes.sent.wire_bytes
    return build_count_rows(
        ("bytes", "sent", sent, format_per_second(sent, summary)),
        ("", "accepted", outcomes.accepted.wire_bytes, format_share(outcomes.accepted.wire_bytes, sent)),
        ("", "sent, before gzip", outcomes.sent.raw_bytes, format_per_second(outcomes.sent.raw_bytes, summary)),
    )


def list_monitors(summary: Summary) -> Table:
    """List each app monitor's load, the throttled share of its requests, and the lost share of its events."""
    lines = Table.grid(padding=(0, 2))
    lines.add_column(width=26, overflow="fold")
    for _ in range(5):
        lines.add_column(justify="right", width=9)
    heads = ("app monitor", "offered", "sent", "accepted", "throttled", "events")
    lines.add_row(*(Text(head, style="bold") for head in heads))
    lines.add_row("", *(Text(unit, style="dim") for unit in ("batches", "requests", "requests", "of sent", "lost")))
    for each in summary.monitors:
        requests, events = each.requests, each.events
        counts = (f"{count:,}" for count in (requests.offered, requests.sent, requests.accepted))
        lines.add_row(
            each.name, *counts, format_share(requests.throttled, requests.sent), format_share(events.lost, events.sent)
        )
    lines.add_row("")
    return lines


def describe_quota(quota: QuotaEstimate) -> str:
    """Describe the token bucket that was estimated from the throttling."""
    interval = f"{quota.low:,.1f} to {quota.high:,.1f}"
    return f"about {quota.rate:,.1f} requests/s ({interval}), {quota.burst:,.0f} at once"


def describe_ledger(ledger: LedgerComparison, summary: Summary) -> str:
    """Say whether the endpoint's counts agree with ours."""
    if ledger.agrees is None:
        return "not compared: the target keeps no ledger, or did not answer"
    theirs = f"{format_items(ledger.endpoint_requests, 'request')}, {format_items(ledger.endpoint_events, 'event')}"
    if ledger.agrees:
        doubt = summary.in_doubt.requests
        return f"agrees: the endpoint accepted {theirs}{f', {doubt} had no answer' if doubt else ''}"
    return (
        f"DOES NOT AGREE: the endpoint accepted {theirs}; "
        f"we counted {format_items(summary.requests.accepted, 'request')}, "
        f"{format_items(summary.events.accepted, 'event')}"
    )


def show(view: RenderableType, on_stderr: bool = False) -> None:
    """Print a view on standard output or error, without the blanks that pad a table's last column."""
    console = Console(highlight=False, soft_wrap=False, stderr=on_stderr)
    for line in console.render_lines(view, pad=False):
        while line and not line[-1].text.strip():
            line.pop()
        shown = [Segment(escape_controls(each.text), each.style) for each in line]
        last = [Segment(shown[-1].text.rstrip(), shown[-1].style)] if shown else []
        console.print(Segments([*shown[:-1], *last, Segment.line()]), end="")


def build_count_rows(*rows: tuple[str, str, int, str]) -> Table:
    """Build a block of rows: title (in the first row), name, count, note. A long name takes more lines."""
    table = Table.grid(padding=(0, 2))
    table.add_column(width=8, style="bold")
    table.add_column(min_width=28, overflow="fold")
    table.add_column(justify="right", min_width=12, no_wrap=True)
    table.add_column(justify="right")
    for title, name, count, note in rows:
        table.add_row(title, name, f"{count:,}", note)
    table.add_row("")
    return table


def build_quantile_table(*rows: tuple[str, Milliseconds]) -> Table:
    """Build the table of the clocks' quantiles in milliseconds, a row a clock."""
    table = Table.grid(padding=(0, 2))
    table.add_column(width=19, style="bold")
    for _ in range(5):
        table.add_column(justify="right", width=8)
    table.add_row("", "p50", "p90", "p95", "p99", "max")
    for name, clock in rows:
        table.add_row(
            name, *(format_digits(value) for value in (clock.p50, clock.p90, clock.p95, clock.p99, clock.max))
        )
    table.add_row("")
    return table


def format_per_second(count: int, summary: Summary) -> str:
    """Format a count as a mean rate per second over the run."""
    return f"{count / summary.seconds:,.1f}/s" if summary.seconds > 0 else "–"
