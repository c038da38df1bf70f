"""A plan on the terminal, in 80 columns: the answer first, then load, quota, cost, and the effect of settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from loadgen.jobs.plan.advice import write_advice
from loadgen.jobs.plan.figures import CapacityPlan, MonitorPlan, Throttling
from loadgen.units import format_bytes, format_dollars, format_duration, format_items, format_short

MOST_ROWS = 24
LOAD_HEAD = ("first attempts", "sessions", "requests/s", "p95", "p99", "peak", "events/s", "peak", "kB/s")
RATE_HEAD = ("sample rate", "events/day", "$/month", "peak/s", "needs quota", "LCP p75", "JS errors")
SETTING_HEAD = ("client setting", "requests", "events", "bytes")
RATE_NOTE = Text("  LCP p75, JS errors: how far a day's figure may be off (95 %)", style="dim")


def describe_plan(plan: CapacityPlan) -> CapacityPlan:
    """Return the plan as `--json` prints it: all figures, without the page's curves."""
    return msgspec.structs.replace(plan, curves=None)


def build_plan_view(plan: CapacityPlan) -> RenderableType:
    """Build the terminal's view of the whole plan."""
    parts: list[RenderableType] = [format_headline(plan), Text(), build_load_table(plan), Text(), format_quota(plan)]
    if len(plan.monitors) > 1:
        parts += [Text(), build_monitor_table(plan.monitors)]
    parts += [
        Text(),
        build_loss_table(plan),
        Text(),
        fill_table(RATE_HEAD, list_rate_rows(plan)),
        RATE_NOTE,
        Text(),
        fill_table(SETTING_HEAD, list_setting_rows(plan)),
        Text(),
        format_generator_need(plan),
        *(Text(f"\n{sentence}") for sentence in write_advice(plan)),
    ]
    return Group(*parts)


def format_headline(plan: CapacityPlan) -> Text:
    """Format what was planned, how exactly, and the totals of load and cost."""
    load, money = plan.load, plan.money
    lines = [
        Text.assemble((plan.scenario, "bold"), f", seed {plan.seed}, {format_duration(plan.duration)}"),
        Text("  " + format_exactness(plan), style="dim"),
        Text(
            f"  {format_items(load.sessions, 'session')} → {format_items(load.requests, 'request')}, "
            f"{format_items(load.events, 'event')}, "
            f"{format_bytes(load.wire_bytes)}"
        ),
        *([Text(f"  and {load.preflights:,} CORS preflights, which use no quota")] if load.preflights else []),
        Text(f"  {format_left_out(plan)}", style="dim"),
        Text(
            f"  {format_short(money.events_per_day)} events a day, {format_short(money.events_per_month)} a month: "
            f"{format_dollars(money.dollars_per_day)} a day, {format_dollars(money.dollars_per_month)} a month"
        ),
    ]
    return Text("\n").join(lines)


def format_exactness(plan: CapacityPlan) -> str:
    """Say whether the figures are exact, or how far they may be wrong."""
    if plan.exact:
        return "every session rehearsed: a run with this seed sends exactly this"
    rehearsed = sum(monitor.rehearsed for monitor in plan.monitors)
    walked = sum(monitor.walked for monitor in plan.monitors)
    widest = max(
        max(monitor.requests_interval, monitor.events_interval, monitor.bytes_interval) for monitor in plan.monitors
    )
    drawn = f"{rehearsed:,} of {format_items(plan.load.sessions, 'session')} rehearsed, {walked:,} walked"
    return f"{drawn}: sums ±{widest:.1%} (95 %)"


def format_left_out(plan: CapacityPlan) -> str:
    """Say how many events are generated, and how many of them are not sent for which reason."""
    load = plan.load
    reasons = (
        ("not sampled", load.not_sampled),
        ("over limit", load.over_session_limit),
        ("dropped", load.dropped_by_client),
        ("too late", load.unsent),
    )
    said = ", ".join(f"{format_short(count)} {name}" for name, count in reasons if count)
    return f"of {format_short(load.generated)} noticed" + (f": {said}" if said else ", all of them")


def build_load_table(plan: CapacityPlan) -> Table:
    """Build the table of requests, events and bytes a second by stage, hour or day."""
    table = start_table(*LOAD_HEAD)
    whole = len(plan.windows[:MOST_ROWS])
    for place, cells in enumerate(list_load_rows(plan)):
        table.add_row(*cells, style="bold" if place == whole else None)
    return table


def list_load_rows(plan: CapacityPlan) -> Iterator[Sequence[str]]:
    """Yield one row for each window and, if there are several windows, one for the whole run."""
    windows = plan.windows[:MOST_ROWS]
    for window in (*windows, plan.whole) if len(windows) > 1 else windows:
        requests, events = window.requests, window.events
        yield (
            *(window.name, format_short(window.sessions)),
            *map(shorten_rate, (requests.mean, requests.p95, requests.p99, requests.peak)),
            *map(shorten_rate, (events.mean, events.peak, window.wire_bytes.mean / 1000)),
        )


def format_quota(plan: CapacityPlan) -> Text:
    """Format the quota that is needed, and the effect of the asked quota."""
    found, need = plan.throttling, plan.need
    lines = [
        Text.assemble(
            ("quota needed  ", "bold"),
            f"{need.quota} requests/s (burst {max(need.quota * need.burst_seconds, 1):,.0f}) "
            f"to lose at most {need.lost_share:.2%} of the events",
        ),
        Text.assemble((f"at {found.quota:g}/s", "bold"), f", burst {found.burst:g}: {format_verdict(found)}"),
    ]
    if found.rough:
        lines.append(Text("  roughly, and too kindly: so small a bucket needs every request; give --exact"))
    if found.throttled:
        lines += [
            Text(
                f"  {format_short(found.attempts)} attempts: {format_short(found.accepted)} accepted, "
                f"{format_short(found.throttled)} throttled; {format_short(found.retried)} were retries"
            ),
            Text(f"  {format_short(found.given_up)} batches given up with {format_short(found.events_lost)} events"),
            Text(f"  {format_recovery(found)}"),
        ]
    return Text("\n").join(lines)


def format_verdict(found: Throttling) -> str:
    """Say in a few words what a quota does to the load."""
    if not found.throttled:
        return "nothing is throttled"
    return f"{found.throttled_share:.1%} of the requests throttled, {found.lost_share:.1%} of the events lost"


def format_recovery(found: Throttling) -> str:
    """Say how long throttling lasts after first attempts fall below the quota."""
    if found.recovery_seconds is None:
        return "first attempts stay above the quota to the end"
    return f"over {found.recovery_seconds:.0f} s after first attempts fall below the quota"


def build_monitor_table(monitors: Iterable[MonitorPlan]) -> Table:
    """Build the table of monitors under the quota that they share."""
    table = start_table("app monitor", "rate", "requests", "events", "throttled", "lost")
    for each in monitors:
        found = each.throttling
        table.add_row(
            f"{each.monitor} ({each.scenario})",
            f"{each.sample_rate:g}",
            format_short(each.load.requests),
            format_short(each.load.events),
            f"{found.throttled_share:.1%}",
            f"{found.lost_share:.1%}",
        )
    return table


def build_loss_table(plan: CapacityPlan) -> Table:
    """Build the table of throttling and loss by quota."""
    table = start_table("quota", *(f"{point.quota:g}" for point in plan.loss))
    table.add_row("throttled", *(shorten_share(point.throttled_share) for point in plan.loss))
    table.add_row("events lost", *(shorten_share(point.lost_share) for point in plan.loss))
    return table


def list_rate_rows(plan: CapacityPlan) -> Iterator[Sequence[str]]:
    """Yield one row for each sample rate: cost, needed quota, and precision."""
    for point in plan.rates:
        yield (
            f"{point.sample_rate:g}",
            format_short(point.events_per_day),
            f"{point.dollars_per_month:,.0f}",
            shorten_rate(point.peak_requests),
            f"{point.quota_needed:,}",
            format_interval(point.p75_lcp_interval),
            format_interval(point.js_error_interval),
        )


def list_setting_rows(plan: CapacityPlan) -> Iterator[Sequence[str]]:
    """Yield one row for each client setting: how much it changes the demand."""
    for effect in plan.what_if:
        value = str(effect.value).lower() if isinstance(effect.value, bool) else f"{effect.value:,}"
        changes = (effect.requests, effect.events, effect.wire_bytes)
        yield (f"{effect.setting} = {value}", *map(format_change, changes))


def format_generator_need(plan: CapacityPlan) -> Text:
    """Format what a run of the plan needs on this machine."""
    need = plan.generator
    said = (
        f"{need.processes} process{'es' if need.processes > 1 else ''}, {need.senders} senders each\n"
        f"  measured here: {need.cpu_us_per_event:.1f} µs an event, {need.cpu_us_per_signature:.1f} µs a signature, "
        f"{need.cpu_us_per_send:.0f} µs a request assumed"
    )
    if not need.enough:
        said += f"\n  more than this machine's {need.cores} cores can do in real time"
    return Text.assemble(("to run it here  ", "bold"), said)


def start_table(*names: str) -> Table:
    """Build an empty table without lines; its first column is aligned left, the others right."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", show_edge=False)
    for place, name in enumerate(names):
        table.add_column(name, justify="right" if place else "left", no_wrap=True)
    return table


def fill_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Build a table without lines from its head and rows."""
    table = start_table(*head)
    for row in rows:
        table.add_row(*row)
    return table


def shorten_rate(value: float) -> str:
    """Format a rate without its unit: two digits below 10, whole numbers below 10,000, then such as 12.3k."""
    return format_short(value, 2 if value < 1e4 else 3)


def shorten_share(value: float) -> str:
    """Format a share in per cent with few digits."""
    return f"{value:.0%}" if value >= 0.0995 else f"{value:.1%}" if value >= 0.0005 else "0"


def format_interval(value: float | None) -> str:
    """Format half a relative interval, such as ±1.2%; a dash if it is unknown or above 999%."""
    return "–" if value is None or value > 9.99 else f"±{value:.1%}" if value < 0.0995 else f"±{value:.0%}"


def format_change(factor: float) -> str:
    """Format a factor as a change in per cent."""
    percent = round((factor - 1) * 100)
    return f"{percent:+d} %" if percent else "="
