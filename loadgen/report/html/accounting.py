"""Where every event went, from generated to accepted, as a flow and as a table."""

from __future__ import annotations

from loadgen.charts import Markup, card
from loadgen.model import Volume
from loadgen.report.html.flow import Node, flow
from loadgen.report.html.tables import folded, table
from loadgen.results import INCOMPLETE_SESSIONS, Outcomes, RunData, Summary
from loadgen.units import format_clock, format_count, format_share

SHOWN = 100
"""Sessions in the table at most; the file has them all."""


def accounting(reading: RunData) -> Markup:
    """The card."""
    events = reading.summary.events
    text = (
        f"Of {format_count(events.generated)} events generated, {format_count(events.sent)} were sent: "
        f"{format_count(events.accepted)} accepted and {format_count(events.lost)} lost."
    )
    return card(
        "Where every event went",
        flow(nodes(reading), "Accounting of events", text),
        folded("As a table", accounting_table(reading)),
        *outcome_tables(reading.summary),
        about="From what the pages' web client noticed to what was accepted, to the unit.",
        note="generated = not sampled + over the session limit + dropped + unsent + sent; sent = accepted + lost.",
        wide=True,
    )


def nodes(reading: RunData) -> list[Node]:
    """Generated, what was sent and what was kept back, and how the sent ones fared."""
    events = reading.summary.events
    kept_back = [
        Node("unsent", "Unsent at the end", events.unsent, 1, "back", "generated"),
        Node("over", "Over session limit", events.over_session_limit, 1, "back", "generated"),
        Node("unsampled", "Not sampled", events.not_sampled, 1, "back", "generated"),
        Node("dropped", "Dropped by client", events.dropped_by_client, 1, "back", "generated"),
    ]
    return [
        Node("generated", "Generated", events.generated, 0, "neutral"),
        Node("sent", "Sent", events.sent, 1, "sent", "generated"),
        *sorted(kept_back, key=lambda node: -node.amount),
        *fates(reading),
    ]


def fates(reading: RunData) -> list[Node]:
    """Accepted at once or by a retry, and lost by which cause; without records, accepted and lost."""
    events, requests = reading.summary.events, reading.requests
    if requests is None or requests.events_at_once + requests.events_by_retry != events.accepted:
        return [
            Node("accepted", "Accepted", events.accepted, 2, "accepted", "sent"),
            Node("lost", "Lost", events.lost, 2, "throttled", "sent"),
        ]
    unanswered = events.lost - requests.events_lost_throttled - requests.events_lost_failed
    return [
        Node("at-once", "Accepted at once", requests.events_at_once, 2, "accepted", "sent"),
        Node("by-retry", "Accepted by a retry", requests.events_by_retry, 2, "retried", "sent"),
        Node("lost-throttled", "Lost: throttled", requests.events_lost_throttled, 2, "throttled", "sent"),
        Node("lost-failed", "Lost: failed", requests.events_lost_failed, 2, "failed", "sent"),
        Node("lost-unanswered", "Lost: cut short", unanswered, 2, "max", "sent"),
    ]


def accounting_table(reading: RunData) -> Markup:
    """The same to the unit."""
    events = reading.summary.events
    rows = [
        ("generated", format_count(events.generated), "100%"),
        ("− not sampled", format_count(events.not_sampled), format_share(events.not_sampled, events.generated)),
        (
            "− over the session limit",
            format_count(events.over_session_limit),
            format_share(events.over_session_limit, events.generated),
        ),
        (
            "− dropped by the client",
            format_count(events.dropped_by_client),
            format_share(events.dropped_by_client, events.generated),
        ),
        (
            "  of these, page switched off",
            format_count(events.switched_off),
            format_share(events.switched_off, events.generated),
        ),
        ("− unsent, due after the end", format_count(events.unsent), format_share(events.unsent, events.generated)),
        ("= sent", format_count(events.sent), format_share(events.sent, events.generated)),
        ("accepted, of those sent", format_count(events.accepted), format_share(events.accepted, events.sent)),
        ("lost, of those sent", format_count(events.lost), format_share(events.lost, events.sent)),
    ]
    return table(("events", "count", "share"), rows, "Accounting of events")


def outcome_tables(summary: Summary) -> list[Markup]:
    """Outcomes, and failures by cause, in requests, events and bytes."""
    head = ("every attempt", "requests", "events", "bytes sent", "before gzip", "share of bytes")
    fates = [(name.replace("_", " "), getattr(summary.outcomes, name)) for name in Outcomes.__struct_fields__]
    causes = [(f"failed: {cause}", failed) for cause, failed in summary.failures.items()]
    sent = summary.outcomes.sent.wire_bytes
    rows = [amount_cells(name, amount, sent) for name, amount in (*fates, *causes)]
    return [folded("Outcomes in requests, events and bytes", table(head, rows, "Outcomes in each unit"))]


def amount_cells(name: str, amount: Volume, sent: int) -> tuple[str, ...]:
    """A row: an amount in each unit, and what part of all bytes sent it was."""
    counts = (amount.requests, amount.events, amount.wire_bytes, amount.raw_bytes)
    return (name, *map(format_count, counts), format_share(amount.wire_bytes, sent))


def undone(reading: RunData) -> Markup | None:
    """The card of the sessions that a lost worker left undone; none when none was lost."""
    found = reading.incomplete_sessions
    if not found:
        return None
    head = ("session", "id", "start", "worker", "batches due", "tried")
    rows = [
        (
            str(each.session),
            each.session_id,
            format_clock(each.start),
            str(each.worker),
            *map(format_count, each.batches),
        )
        for each in found[:SHOWN]
    ]
    more = f"; the first {SHOWN} are here" if len(found) > SHOWN else ""
    missing = sum(each.batches_due - each.batches_tried for each in found)
    return card(
        "Sessions that were not run",
        folded(
            f"{format_count(len(found))} sessions", table(head, rows, "Sessions that were not run, or only in part")
        ),
        about=f"Sessions of lost workers, not run or only in part: {format_count(len(found))} "
        f"with {format_count(missing)} batches.",
        note=f"{INCOMPLETE_SESSIONS} names them all{more}.",
        wide=True,
    )
