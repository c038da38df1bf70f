"""A search for a limit on the terminal: each window as it ends, and at the end what was found and the curve."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from loadgen.causes import explain_shortage
from loadgen.jobs.plan.view import build_grid, shorten_rate, shorten_share
from loadgen.limit import Cause, Limit, SearchStep

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
"""The same in a word or two, beside the figures of a window."""

BAR = 14  # characters


def format_step(step: SearchStep) -> str:
    """A window on one line."""
    window = step.window
    verdict = "kept" if step.broken_by is None else BROKEN[step.broken_by]
    if window.shortage is not None:
        verdict = str(explain_shortage(window.shortage))
    return (
        f"{window.rate:8.1f}/s  accepted {window.accepted:8.1f}/s  "
        f"throttled {shorten_share(window.throttled_share):>4}  p99 {format_latency(window.p99_ms):>6}  {verdict}"
    )


def build_limit_view(limit: Limit) -> RenderableType:
    """What was found, why it ends there, and the curve."""
    if limit.own and limit.confirmed:
        said = "is as much as this generator can send, one process on this machine"
        found = said if limit.cause == "generator" else "is the highest rate that was tried (--max-rate)"
        headline = f" {found}; the target's limit is higher"
    else:
        headline = " keeps the conditions" + (f", {limit.below:.1f}/s does not" if limit.below is not None else "")
    why = "it was interrupted" if limit.interrupted else limit.broken_off or "the windows ran out"
    sure = "" if limit.confirmed else f"; not confirmed: {why}"
    return Group(
        Text.assemble((f"{limit.rate:.1f} requests/s", "bold"), headline),
        Text(f"  {SAID[limit.cause]}; {len(limit.steps)} windows{sure}"),
        Text(),
        build_curve(limit),
    )


def build_curve(limit: Limit) -> Table:
    """Offered against accepted, and latency against load; the knee is where the last good window stands."""
    table = build_grid("offered/s", "accepted/s", "429", "p50 ms", "p99 ms", "lag ms", "")
    top = max(step.window.rate for step in limit.steps)
    for step in sorted(limit.steps, key=lambda step: step.window.rate):
        window = step.window
        bar = "█" * max(round(BAR * window.accepted / top), 1) if window.accepted else ""
        refused = window.throttled_share + window.failed_share > 0
        lost = "·" * max(round(BAR * window.rate / top) - len(bar), 0) if refused else ""
        knee = " ← limit" if window.rate == limit.rate and step.broken_by is None else ""
        table.add_row(
            f"{window.offered:,.1f}",
            f"{window.accepted:,.1f}",
            shorten_share(window.throttled_share),
            format_latency(window.p50_ms),
            format_latency(window.p99_ms),
            shorten_rate(window.lag_p99_ms),
            Text(bar + lost + knee, justify="left"),
        )
    return table


def format_latency(value: float | None) -> str:
    """A latency, or a dash."""
    return "–" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
