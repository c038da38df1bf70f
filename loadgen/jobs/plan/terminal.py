"""A plan on the terminal, in 80 columns: the answer first, then load, quota, money, and what would move them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from loadgen.jobs.plan.figures import MonitorPlan, Plan, Throttling

MOST_ROWS = 24
LOAD_HEAD = ("first attempts", "sessions", "requests/s", "p95", "p99", "peak", "events/s", "peak", "kB/s")
RATE_HEAD = ("sample rate", "events/day", "$/month", "peak/s", "needs quota", "LCP p75", "JS errors")
LEVER_HEAD = ("client setting", "requests", "events", "bytes")
RATES_SAY = Text("  LCP p75, JS errors: how far a day's figure may be off (95 %)", style="dim")
UNITS = ((1e9, "G"), (1e6, "M"), (1e4, "k"))


def plan_view(plan: Plan) -> RenderableType:
    """The whole plan."""
    parts: list[RenderableType] = [headline(plan), Text(), load_table(plan), Text(), quota_lines(plan)]
    if len(plan.monitors) > 1:
        parts += [Text(), monitor_table(plan.monitors)]
    parts += [
        Text(),
        loss_table(plan),
        Text(),
        rate_table(plan),
        RATES_SAY,
        Text(),
        lever_table(plan),
        Text(),
        fleet_line(plan),
    ]
    return Group(*parts)


def headline(plan: Plan) -> Text:
    """What was planned, how exactly, and what it comes to."""
    load = plan.load
    lines = [
        Text.assemble((plan.scenario, "bold"), f", seed {plan.seed}, {span(plan.duration)}"),
        Text("  " + drawn(plan), style="dim"),
        Text(
            f"  {load.sessions:,} sessions → {load.requests:,} requests, {load.events:,} events, "
            f"{size(load.wire_bytes)}"
        ),
        Text(f"  {left_out(plan)}", style="dim"),
        Text(
            f"  {number(plan.money.events_per_day)} events a day, {number(plan.money.events_per_month)} a month: "
            f"{dollars(plan.money.dollars_per_day)} a day, {dollars(plan.money.dollars_per_month)} a month"
        ),
    ]
    return Text("\n").join(lines)


def drawn(plan: Plan) -> str:
    """Whether the figures are exact, or how far they may be off."""
    if plan.exact:
        return "every session rehearsed: a run with this seed sends exactly this"
    rehearsed = sum(monitor.rehearsed for monitor in plan.monitors)
    widest = max(max(monitor.requests_interval, monitor.events_interval) for monitor in plan.monitors)
    return f"{rehearsed:,} of {plan.load.sessions:,} sessions rehearsed: sums within ±{widest:.1%} (95 %)"


def left_out(plan: Plan) -> str:
    """Events that are noticed and not sent."""
    load = plan.load
    reasons = (
        ("not sampled", load.not_sampled),
        ("over limit", load.over_session_limit),
        ("dropped", load.dropped_by_client),
        ("too late", load.unsent),
    )
    said = ", ".join(f"{number(count)} {name}" for name, count in reasons if count)
    return f"of {number(load.generated)} noticed" + (f": {said}" if said else ", all of them")


def load_table(plan: Plan) -> Table:
    """Requests, events and bytes a second, by stage, hour or day."""
    table = grid(*LOAD_HEAD)
    whole = len(plan.windows[:MOST_ROWS])
    for place, cells in enumerate(load_rows(plan)):
        table.add_row(*cells, style="bold" if place == whole else None)
    return table


def load_rows(plan: Plan) -> Iterator[Sequence[str]]:
    """A row a window, and one of the whole run where there are several."""
    windows = plan.windows[:MOST_ROWS]
    for window in (*windows, plan.whole) if len(windows) > 1 else windows:
        requests, events = window.requests, window.events
        yield (
            *(window.name, number(window.sessions)),
            *(rate(requests.mean), rate(requests.p95), rate(requests.p99), rate(requests.peak)),
            *(rate(events.mean), rate(events.peak), rate(window.wire_bytes.mean / 1000)),
        )


def quota_lines(plan: Plan) -> Text:
    """The quota that is needed, and what the one that is asked about does."""
    found, need = plan.throttling, plan.need
    lines = [
        Text.assemble(
            ("quota needed  ", "bold"),
            f"{need.quota} requests/s (burst {max(need.quota * need.burst_seconds, 1):,.0f}) "
            f"to lose at most {need.lost_share:.2%} of the events",
        ),
        Text.assemble((f"at {found.quota:g}/s", "bold"), f", burst {found.burst:g}: {verdict(found)}"),
    ]
    if found.rough:
        lines.append(Text("  roughly, and too kindly: so small a bucket needs every request; give --exact"))
    if found.throttled:
        lines += [
            Text(
                f"  {number(found.attempts)} attempts: {number(found.accepted)} accepted, "
                f"{number(found.throttled)} throttled; {number(found.retried)} were retries"
            ),
            Text(f"  {number(found.given_up)} batches given up with {number(found.events_lost)} events"),
            Text(f"  {recovery(found)}"),
        ]
    return Text("\n").join(lines)


def verdict(found: Throttling) -> str:
    """What a quota does, in a few words."""
    if not found.throttled:
        return "nothing is throttled"
    return f"{found.throttled_share:.1%} of the requests throttled, {found.lost_share:.1%} of the events lost"


def recovery(found: Throttling) -> str:
    """How long throttling goes on after the load has come down."""
    if found.recovery_seconds is None:
        return "first attempts stay above the quota to the end"
    return f"over {found.recovery_seconds:.0f} s after first attempts fall below the quota"


def monitor_table(monitors: Iterable[MonitorPlan]) -> Table:
    """Each monitor under the one quota."""
    table = grid("app monitor", "rate", "requests", "events", "throttled", "lost")
    for each in monitors:
        found = each.throttling
        table.add_row(
            f"{each.monitor} ({each.scenario})",
            f"{each.sample_rate:g}",
            number(each.load.requests),
            number(each.load.events),
            f"{found.throttled_share:.1%}",
            f"{found.lost_share:.1%}",
        )
    return table


def loss_table(plan: Plan) -> Table:
    """Loss against quota."""
    table = grid("quota", *(f"{point.quota:g}" for point in plan.loss))
    table.add_row("throttled", *(share(point.throttled_share) for point in plan.loss))
    table.add_row("events lost", *(share(point.lost_share) for point in plan.loss))
    return table


def rate_table(plan: Plan) -> Table:
    """Sample rates: cost, quota, and what is still to be seen."""
    return filled(RATE_HEAD, rate_rows(plan))


def rate_rows(plan: Plan) -> Iterator[Sequence[str]]:
    """A row a sample rate."""
    for point in plan.rates:
        yield (
            f"{point.sample_rate:g}",
            number(point.events_per_day),
            f"{point.dollars_per_month:,.0f}",
            rate(point.peak_requests),
            f"{point.quota_needed:,}",
            within(point.p75_lcp_interval),
            within(point.js_error_interval),
        )


def lever_table(plan: Plan) -> Table:
    """Client settings: by how much the demand changes."""
    return filled(LEVER_HEAD, lever_rows(plan))


def lever_rows(plan: Plan) -> Iterator[Sequence[str]]:
    """A row a setting."""
    for lever in plan.levers:
        value = str(lever.value).lower() if isinstance(lever.value, bool) else f"{lever.value:,}"
        yield f"{lever.setting} = {value}", change(lever.requests), change(lever.events), change(lever.wire_bytes)


def fleet_line(plan: Plan) -> Text:
    """What a run takes here."""
    fleet = plan.fleet
    said = (
        f"{fleet.processes} process{'es' if fleet.processes > 1 else ''}, {fleet.senders} senders each\n"
        f"  measured here: {fleet.cpu_us_per_event:.1f} µs an event, {fleet.cpu_us_per_signature:.1f} µs a signature, "
        f"{fleet.cpu_us_per_send:.0f} µs a request assumed"
    )
    if not fleet.enough:
        said += f"\n  more than this machine's {fleet.cores} cores can do in real time"
    return Text.assemble(("to run it here  ", "bold"), said)


def grid(*names: str) -> Table:
    """A table without lines, its first column to the left, the others to the right."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", show_edge=False)
    for place, name in enumerate(names):
        table.add_column(name, justify="right" if place else "left", no_wrap=True)
    return table


def filled(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Such a table with its rows."""
    table = grid(*head)
    for row in rows:
        table.add_row(*row)
    return table


def rate(value: float) -> str:
    """A rate: two digits below ten, whole above."""
    if value >= 1e4:
        return number(value)
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def number(value: float) -> str:
    """A count, short: 12,345 as 12.3k."""
    for unit, letter in UNITS:
        if abs(value) >= unit:
            whole = value / (1e3 if letter == "k" else unit)
            return f"{whole:,.0f}{letter}" if whole >= 100 else f"{whole:.1f}{letter}"
    return f"{value:,.0f}"


def size(count: float) -> str:
    """Bytes with a unit."""
    return next((f"{count / unit:,.1f} {name}" for unit, name in ((1e9, "GB"), (1e6, "MB")) if count >= unit), "") or (
        f"{count / 1e3:,.1f} kB"
    )


def dollars(value: float) -> str:
    """Money: cents below ten dollars."""
    return f"${value:,.2f}" if value < 10 else f"${value:,.0f}"


def share(value: float) -> str:
    """A share in per cent, short."""
    return f"{value:.0%}" if value >= 0.0995 else f"{value:.1%}" if value >= 0.0005 else "0"


def within(value: float | None) -> str:
    """A relative interval."""
    return "–" if value is None or value > 9.99 else f"±{value:.1%}" if value < 0.0995 else f"±{value:.0%}"


def change(factor: float) -> str:
    """A factor as a change in per cent."""
    percent = round((factor - 1) * 100)
    return f"{percent:+d} %" if percent else "="


def span(seconds: float) -> str:
    """A length of time in the largest unit that keeps it short."""
    for unit, name in ((86_400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= unit:
            return f"{seconds / unit:g} {name}"
    return f"{seconds:g} s"
