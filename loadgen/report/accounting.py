"""The accounting of events, from generated to accepted, as a flow diagram and as a table."""

from __future__ import annotations

from collections.abc import Sequence

from loadgen.charts import Markup, el, fold, render_card, render_table
from loadgen.model import Noun
from loadgen.results import INCOMPLETE_SESSIONS, Content, Outcomes, RunData, Summary
from loadgen.units import format_clock, format_count, format_share

SHOWN = 100
"""The most sessions in the table; the file has all."""


def build_accounting_card(run: RunData) -> Markup:
    """Build the card of the accounting of events."""
    events = run.summary.events
    text = (
        f"Of {format_count(events.generated)} events generated, {format_count(events.sent)} were sent: "
        f"{format_count(events.accepted)} accepted and {format_count(events.lost)} lost."
    )
    return render_card(
        "Where every event went",
        draw_flow(list_nodes(run), text),
        fold("As a table", build_accounting_table(run)),
        fold("Outcomes in requests, events and bytes", build_outcome_table(run.summary)),
        about="From the events that the web client noticed to the events that were accepted; every event is counted.",
        note="generated = not sampled + over the session limit + dropped + unsent + sent; sent = accepted + lost.",
        wide=True,
    )


def list_nodes(run: RunData) -> list[Node]:
    """List the nodes of the flow: events generated, kept back by reason, sent, and the outcomes of sent events."""
    events = run.summary.events
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
        *list_outcome_nodes(run),
    ]


def list_outcome_nodes(run: RunData) -> list[Node]:
    """List the outcomes of sent events: accepted at once or by a retry, lost by cause; coarser without records."""
    events, requests = run.summary.events, run.requests
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


def build_accounting_table(run: RunData) -> Markup:
    """Build the table of the accounting of events."""
    events = run.summary.events
    parts = (
        ("− not sampled", events.not_sampled, events.generated),
        ("− over the session limit", events.over_session_limit, events.generated),
        ("− dropped by the client", events.dropped_by_client, events.generated),
        ("  of these, page switched off", events.switched_off, events.generated),
        ("− unsent, due after the end", events.unsent, events.generated),
        ("= sent", events.sent, events.generated),
        ("accepted, of those sent", events.accepted, events.sent),
        ("lost, of those sent", events.lost, events.sent),
    )
    rows = [("generated", format_count(events.generated), "100%")]
    rows += [(name, format_count(part), format_share(part, whole)) for name, part, whole in parts]
    return render_table(("events", "count", "share"), rows, "Accounting of events")


def build_outcome_table(summary: Summary) -> Markup:
    """Build the table of outcomes, and of failures by cause, in requests, events and bytes."""
    head = ("every attempt", "requests", "events", "bytes sent", "before gzip", "share of bytes")
    requests, outcomes, sent = summary.requests, summary.outcomes, summary.outcomes.sent.wire_bytes
    rows = [
        list_cells(name.replace("_", " "), getattr(requests, name), getattr(outcomes, name), sent)
        for name in Outcomes.__struct_fields__
    ]
    rows += [
        list_cells(f"failed: {cause}", summary.errors.get(cause, 0), content, sent)
        for cause, content in summary.failures.items()
    ]
    return render_table(head, rows, "Outcomes in each unit")


def list_cells(name: str, requests: int, content: Content, sent: int) -> tuple[str, ...]:
    """Return the texts of a row: requests, their content in each unit, and their share of all bytes sent."""
    counts = (requests, content.events, content.wire_bytes, content.raw_bytes)
    return (name, *map(format_count, counts), format_share(content.wire_bytes, sent))


def describe_preflights(summary: Summary) -> str:
    """Say how many CORS preflights were sent, and how many were refused or unanswered."""
    sent, allowed = summary.preflights.sent, summary.preflights.allowed
    refused = f", {format_count(sent - allowed)} refused or unanswered" if allowed < sent else ""
    return f"{format_count(sent)}{refused}, besides the requests"


def build_incomplete_card(run: RunData) -> Markup | None:
    """Build the card of the sessions that lost workers did not finish; None without such sessions."""
    sessions = run.incomplete_sessions
    if not sessions:
        return None
    head = ("session", "id", "start", "worker", "batches due", "tried")
    rows = [
        (
            str(each.session),
            each.session_id,
            format_clock(each.start),
            str(each.worker),
            *map(format_count, (each.batches_due, each.batches_tried)),
        )
        for each in sessions[:SHOWN]
    ]
    more = f"; the first {SHOWN} are here" if len(sessions) > SHOWN else ""
    missing = sum(each.batches_due - each.batches_tried for each in sessions)
    return render_card(
        "Sessions that were not run",
        fold(
            f"{format_count(len(sessions))} sessions",
            render_table(head, rows, "Sessions that were not run, or only in part"),
        ),
        about=f"Sessions of lost workers, not run or only in part: {format_count(len(sessions))} "
        f"with {format_count(missing)} batches.",
        note=f"{INCOMPLETE_SESSIONS} names them all{more}.",
        wide=True,
    )


COLUMNS = (0.0, 0.37, 0.74)  # places of the columns of nodes, as shares of the width
THICK = 12  # of a node, in thousandths of the width
GAP = 10  # below a node and its label, in pixels
HEIGHT = 380
LABEL = 46  # a label of three lines, in pixels


class Node(Noun):
    """A node of the flow: an amount in a column; it flows out of the node with the key `source`."""

    key: str
    label: str
    amount: int
    column: int
    colour: str
    source: str | None = None


class Placed(Noun):
    """A node with its place: upper edge and height in pixels."""

    node: Node
    top: float
    height: float


def draw_flow(nodes: Sequence[Node], text: str) -> Markup:
    """Draw the flow diagram; nodes without an amount are left out."""
    shown = [node for node in nodes if node.amount > 0]
    if not shown:
        return el("p", "Nothing was generated.", class_="none")
    placed = {each.node.key: each for each in place_nodes(shown)}
    drawing = el(
        "svg",
        el("title", "Accounting of events", id="flow-title"),
        el("desc", text, id="flow-desc"),
        *draw_ribbons(placed),
        *(draw_bar(each) for each in placed.values()),
        viewBox=f"0 0 1000 {HEIGHT}",
        preserveAspectRatio="none",
        role="img",
        aria_labelledby="flow-title flow-desc",
    )
    return el("div", drawing, *draw_labels(placed, shown[0].amount), class_="flow", style=f"--h:{HEIGHT}px")


def place_nodes(nodes: Sequence[Node]) -> list[Placed]:
    """Place the nodes in columns of one scale, so that a pixel is the same number of events everywhere."""
    columns = [[node for node in nodes if node.column == column] for column in range(len(COLUMNS))]
    low, high = 0.0, HEIGHT / max(node.amount for node in nodes)
    for _ in range(30):  # the largest scale at which every column fits
        middle = (low + high) / 2
        fits = all(find_foot(stack_nodes(column, middle)) <= HEIGHT for column in columns)
        low, high = (middle, high) if fits else (low, middle)
    return [placed for column in columns for placed in stack_nodes(column, low)]


def stack_nodes(column: Sequence[Node], scale: float) -> list[Placed]:
    """Stack the nodes of a column, with room for their labels; `scale` is pixels per event."""
    placed, top = [], 0.0
    for node in column:
        height = max(node.amount * scale, 1.5)
        placed.append(Placed(node, top, height))
        top += height + max(LABEL - height, 0) + GAP
    return placed


def find_foot(column: Sequence[Placed]) -> float:
    """Return the y at which the last node of a column and its label end; 0 for an empty column."""
    return column[-1].top + max(column[-1].height, LABEL) if column else 0.0


def draw_ribbons(placed: dict[str, Placed]) -> list[Markup]:
    """Draw a ribbon from each source to each of its parts, from top to bottom."""
    used = dict.fromkeys(placed, 0.0)
    made = []
    for each in placed.values():
        if each.node.source not in placed:
            continue
        source = placed[each.node.source]
        part = source.height * each.node.amount / source.node.amount
        start = source.top + used[each.node.source]
        used[each.node.source] += part
        made.append(draw_ribbon(source.node.column, start, part, each))
    return made


def draw_ribbon(column: int, start: float, part: float, end: Placed) -> Markup:
    """Draw a curved band from a source to a node; `start` and `part` are its top and height at the source."""
    left, right = COLUMNS[column] * 1000 + THICK, COLUMNS[end.node.column] * 1000
    middle = (left + right) / 2
    down = end.top + end.height
    path = (
        f"M{left:.0f} {start:.1f}C{middle:.0f} {start:.1f} {middle:.0f} {end.top:.1f} {right:.0f} {end.top:.1f}"
        f"V{down:.1f}C{middle:.0f} {down:.1f} {middle:.0f} {start + part:.1f} {left:.0f} {start + part:.1f}Z"
    )
    return el("path", d=path, class_=f"ribbon c-{end.node.colour}")


def draw_bar(each: Placed) -> Markup:
    """Draw the bar of a node."""
    return el(
        "rect",
        x=f"{COLUMNS[each.node.column] * 1000:.0f}",
        y=f"{each.top:.1f}",
        width=THICK,
        height=f"{each.height:.1f}",
        class_=f"node c-{each.node.colour}",
    )


def draw_labels(placed: dict[str, Placed], whole: int) -> list[Markup]:
    """Draw each node's name, amount and share of `whole`, to the right of the node."""
    return [
        el(
            "div",
            el("b", each.node.label),
            el("span", format_count(each.node.amount)),
            el("span", f" · {format_share(each.node.amount, whole)}", class_="thin"),
            class_="label",
            style=f"left:{COLUMNS[each.node.column] * 100 + THICK / 10 + 0.6:.1f}%;top:{each.top:.0f}px",
        )
        for each in placed.values()
    ]
