"""A search for a limit on the terminal: a line for each window as it ends, and at the end the limit and the curve."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from loadgen.causes import explain_shortage
from loadgen.jobs.plan.view import shorten_rate, shorten_share, start_table
from loadgen.limit import Cause, Limit, SearchStep
from loadgen.units import format_digits, format_items

SAID: dict[Cause, str] = {
    "throttled": "the target throttles",
    "failed": "the target refuses",
    "slow": "the target is too slow",
    "behind": "the target does not keep up",
    "generator": "the generator was late: this is its own limit, not the target's",
    "ceiling": "no higher rate was tried",
}
BROKEN: dict[Cause, str] = {
    "throttled": "throttles",
    "failed": "refuses",
    "slow": "too slow",
    "behind": "falls behind",
    "generator": "generator late",
    "ceiling": "no higher rate",
}
"""Why a window was not kept, in a word or two, beside its figures."""

BAR = 14  # characters


def format_step(step: SearchStep) -> str:
    """Format a window as one line."""
    window = step.window
    verdict = "kept" if step.broken_by is None else BROKEN[step.broken_by]
    if window.shortage is not None:
        verdict = str(explain_shortage(window.shortage))
    return (
        f"{window.rate:8.1f}/s  accepted {window.accepted:8.1f}/s  "
        f"throttled {shorten_share(window.throttled_share):>4}  p99 {format_digits(window.p99_ms):>6}  {verdict}"
    )


def build_limit_view(limit: Limit) -> RenderableType:
    """Render the limit: the rate, what breaks above it, and the curve."""
    if limit.own and limit.confirmed:
        own = "is as much as this generator can send, one process on this machine"
        meaning = own if limit.cause == "generator" else "is the highest rate that was tried (--max-rate)"
        headline = f" {meaning}; the target's limit is higher"
    else:
        headline = " keeps the conditions" + (f", {limit.below:.1f}/s does not" if limit.below is not None else "")
    why = "it was interrupted" if limit.interrupted else limit.broken_off or "the windows ran out"
    sure = "" if limit.confirmed else f"; not confirmed: {why}"
    return Group(
        Text.assemble((f"{limit.rate:.1f} requests/s", "bold"), headline),
        Text(f"  {SAID[limit.cause]}; {format_items(len(limit.steps), 'window')}{sure}"),
        Text(),
        build_curve(limit),
    )


def build_curve(limit: Limit) -> Table:
    """Build the table of all windows by rate: rate, accepted, throttled, clocks, and a bar; it marks the limit."""
    table = start_table("rate/s", "accepted/s", "429", "p50 ms", "p99 ms", "lag ms", "")
    top = max(step.window.rate for step in limit.steps)
    for step in sorted(limit.steps, key=lambda step: step.window.rate):
        window = step.window
        bar = "█" * max(round(BAR * window.accepted / top), 1) if window.accepted else ""
        has_refusals = window.throttled_share + window.failed_share > 0
        lost = "·" * max(round(BAR * window.rate / top) - len(bar), 0) if has_refusals else ""
        knee = " ← limit" if window.rate == limit.rate and step.broken_by is None else ""
        table.add_row(
            f"{window.rate:,.1f}",
            f"{window.accepted:,.1f}",
            shorten_share(window.throttled_share),
            format_digits(window.p50_ms),
            format_digits(window.p99_ms),
            shorten_rate(window.lag_p99_ms),
            Text(bar + lost + knee, justify="left"),
        )
    return table
