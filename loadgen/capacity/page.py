"""A plan as one page: what it says on top, three plots, the tables below. No script, no other file, no network."""

from __future__ import annotations

from html import escape
from io import StringIO

from rich.console import Console

from loadgen.capacity.figures import Lines, Plan
from loadgen.capacity.plan import Answer
from loadgen.capacity.plot import HALF, Axis, Line, Mark, chart, nice_top
from loadgen.capacity.terminal import drawn, left_out, lever_table, load_table, number, span, verdict

STYLE = """
:root { color-scheme: light dark; --paper: #fcfcfb; --card: #ffffff; --ink: #1d2330; --dim: #5d6675; --rule: #e3e6ea;
  --p1: #2563c9; --p2: #c05a12; --p3: #12805c; --p4: #b3261e; --p5: #98a2b3; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171c; --card: #1b1f26; --ink: #e7eaf0; --dim: #9aa4b2;
  --rule: #2e343d; --p1: #7aa9ff; --p2: #f0a060; --p3: #58cfa4; --p4: #ff8a80; --p5: #77808e; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 2rem 1.25rem 4rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2.5rem 0 .5rem; }
p { margin: .25rem 0; } .dim { color: var(--dim); }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: .75rem; margin: 1.5rem 0; }
dl div { background: var(--card); border: 1px solid var(--rule); border-radius: .5rem; padding: .75rem 1rem; }
dt { color: var(--dim); font-size: .85rem; }
dd { margin: 0; font-size: 1.35rem; font-weight: 600; font-variant-numeric: tabular-nums; }
dd small { display: block; font-size: .8rem; font-weight: 400; color: var(--dim); }
figure { margin: 1rem 0; background: var(--card); border: 1px solid var(--rule); border-radius: .5rem;
  padding: .75rem; overflow-x: auto; }
figcaption { font-weight: 600; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; justify-content: space-between; }
.legend { font-weight: 400; font-size: .85rem; color: var(--dim); display: flex; gap: 1rem; flex-wrap: wrap; }
.legend i { display: inline-block; width: .8rem; height: .8rem; border-radius: .2rem; margin-right: .35rem;
  vertical-align: -.08rem; }
.legend .c1 { background: var(--p1); } .legend .c2 { background: var(--p2); }
.legend .c3 { background: var(--p3); } .legend .c5 { background: var(--p5); }
svg { width: 100%; min-width: 26rem; height: auto; display: block; font: 12px system-ui, sans-serif; }
svg text { fill: var(--dim); } .end { text-anchor: end; } .middle { text-anchor: middle; }
.grid { stroke: var(--rule); } .axis, .tick { stroke: var(--dim); }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; } .thin { stroke-width: 1; }
.mark { stroke-dasharray: 5 4; stroke-width: 1.5; }
.s1 { stroke: var(--p1); } .s2 { stroke: var(--p2); } .s3 { stroke: var(--p3); } .s4 { stroke: var(--p4); }
.s5 { stroke: var(--p5); }
svg .t3 { fill: var(--p3); } svg .t4 { fill: var(--p4); }
circle.c1 { fill: var(--p1); } circle.c2 { fill: var(--p2); } circle.c3 { fill: var(--p3); }
.band { fill: transparent; } .band:hover { fill: var(--dim); fill-opacity: .12; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 0 1rem; }
pre { overflow-x: auto; background: var(--card); border: 1px solid var(--rule); border-radius: .5rem; padding: 1rem;
  font: 13px/1.45 ui-monospace, monospace; }
"""


def plan_page(answer: Answer) -> str:
    """The page's text."""
    plan = answer.plan
    title = f"{plan.scenario}: capacity plan"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title><style>{STYLE}</style></head><body>
<h1>{escape(title)}</h1>
<p class="dim">{span(plan.duration)}, seed {plan.seed}; {escape(drawn(plan))}.</p>
<p class="dim">Of {escape(left_out(plan).removeprefix("of "))}.</p>
{cards(plan)}
{load_chart(plan, answer.lines)}
{loss_chart(plan)}
<div class="pair">{cost_chart(plan)}{precision_chart(plan)}</div>
<h2>First attempts by part of the run</h2><pre>{text_of(load_table(plan))}</pre>
<h2>What client settings change</h2><pre>{text_of(lever_table(plan))}</pre>
<p class="dim">Price: {escape(plan.money.source)}.</p>
</body></html>
"""


def cards(plan: Plan) -> str:
    """The plan in six numbers."""
    found, money, need = plan.throttling, plan.money, plan.need
    told = (
        ("Quota needed", f"{need.quota:,}/s", f"loses at most {need.lost_share:.2%} of the events"),
        (f"At {found.quota:g}/s", f"{found.lost_share:.1%} lost", verdict(found)),
        ("Requests a second", f"{plan.whole.requests.mean:,.3g}", f"mean; {plan.whole.requests.peak:,.0f} at the peak"),
        ("Events a day", number(money.events_per_day), f"{number(money.events_per_month)} a month"),
        ("Cost a month", f"${money.dollars_per_month:,.0f}", f"at ${money.price_per_event * 100_000:g} per 100,000"),
        ("Sessions", number(plan.load.sessions), f"{number(plan.load.requests)} requests, all first attempts"),
    )
    cells = (f"<div><dt>{escape(a)}</dt><dd>{escape(b)}<small>{escape(c)}</small></dd></div>" for a, b, c in told)
    return f"<dl>{''.join(cells)}</dl>"


def load_chart(plan: Plan, lines: Lines) -> str:
    """Requests a second over the run, against the quota."""
    hours = plan.duration > 7200
    unit, label = (3600.0, "hour of the run") if hours else (1.0, "second of the run")
    times = [(place + 0.5) * lines.step / unit for place in range(len(lines.offered))]

    def line(name: str, values: tuple[float, ...], colour: int, thin: bool = False) -> Line:
        return Line(name, list(zip(times, values, strict=True)), colour, thin=thin)

    drawn_lines = [
        line("busiest second", lines.peak, 5, thin=True),
        line("with retries", lines.attempts, 2),
        line("first attempts", lines.offered, 1),
        line("accepted", lines.accepted, 3),
    ]
    if not plan.throttling.throttled:
        drawn_lines = [drawn_lines[0], drawn_lines[2]]
    top = nice_top(max(*lines.peak, *lines.attempts, plan.throttling.quota) * 1.05)
    end = plan.duration / unit
    at = tuple(range(0, 25, 3)) if hours and end == 24 else ()
    x = Axis(0, end, label, "{:.4g}".format, at=at)
    return chart(
        "Load over the run", x, Axis(0, top, "requests a second"), drawn_lines,
        [Mark(f"quota {plan.throttling.quota:g}/s", plan.throttling.quota)],
    )  # fmt: skip


def loss_chart(plan: Plan) -> str:
    """What is throttled and lost at which quota."""
    points = plan.loss
    shares = [
        Line("requests throttled", [(point.quota, point.throttled_share) for point in points], 2, dots=True),
        Line("events lost", [(point.quota, point.lost_share) for point in points], 1, dots=True),
    ]
    high = max(max(point.quota for point in points), plan.need.quota)
    return chart(
        "Loss against quota", Axis(0, nice_top(high), "quota, requests a second"), Axis(0, 1, "share", "{:.0%}".format),
        shares, [Mark(f"needed: {plan.need.quota}/s", plan.need.quota, True, 3),
                 Mark(f"quota {plan.throttling.quota:g}/s", plan.throttling.quota, True)],
    )  # fmt: skip


def rate_axis(plan: Plan) -> Axis:
    """Sample rates, by their logarithm."""
    rates = tuple(point.sample_rate for point in plan.rates)
    return Axis(min(rates) / 1.2, max(1.0, *rates) * 1.2, "sample rate", "{:.0%}".format, log=True, at=rates)


def cost_chart(plan: Plan) -> str:
    """Dollars against sample rate."""
    points = [(point.sample_rate, point.dollars_per_month) for point in plan.rates]
    top = nice_top(max(cost for _, cost in points))
    y = Axis(0, top, "dollars a month", number)
    return chart("Cost against sample rate", rate_axis(plan), y, [Line("dollars a month", points, 1, True)], width=HALF)


def precision_chart(plan: Plan) -> str:
    """How well a day's figures are known at each sample rate."""
    lcp = [(point.sample_rate, point.p75_lcp_interval) for point in plan.rates]
    errors = [(point.sample_rate, point.js_error_interval) for point in plan.rates]
    lines = [
        Line(name, [(rate, value) for rate, value in points if value is not None], colour, dots=True)
        for name, points, colour in (("p75 LCP", lcp, 1), ("sessions with JS errors", errors, 2))
    ]
    lines = [line for line in lines if line.points]
    if not lines:
        return ""
    top = nice_top(max(value for line in lines for _, value in line.points))
    y = Axis(0, top, "± of a day's figure (95 %)", "{:.1%}".format)
    return chart("Precision against sample rate", rate_axis(plan), y, lines, width=HALF)


def text_of(table: object) -> str:
    """A terminal's table as text."""
    paper = Console(file=StringIO(), width=100, color_system=None)
    with paper.capture() as capture:
        paper.print(table)
    return escape(capture.get().rstrip())
