"""The live page of a run in Locust's web UI: a tab with our plots and figures, and the limits of Locust's controls.

Rule: a run is fixed before it begins, so Locust's EDIT and NEW cannot change it or start another run: they are refused,
and both the page and the log say why. STOP ends a run with a summary; RESET clears only Locust's own tables.
"""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Callable, Sequence
from importlib.resources import files
from math import nan
from typing import TYPE_CHECKING, Any

from loadgen.charts import (
    Axis,
    Layer,
    Plot,
    Scale,
    arrange_cards,
    el,
    find_highest,
    find_stack_height,
    label_times,
    make_linear_scale,
    render_card,
    render_page,
)
from loadgen.results import Aggregate, Follower, RunSpec, TimelineRow
from loadgen.swarm.exporter import CLOCKS, OUTCOMES, count_events
from loadgen.units import format_clock, format_count, format_milliseconds, format_rate

if TYPE_CHECKING:
    from loadgen.swarm.conductor import Conductor

log = logging.getLogger("loadgen")

TAB = "rum"
COUNTED = ("sent", *OUTCOMES, "retried", "given_up")

MOST_SECONDS = 600
"""The plots show the latest ten minutes; the report shows the whole run."""

REFRESH_SECONDS = 2  # as often as Locust's own page asks

FIXED = (
    "A run of loadgen cannot be edited: its senders and its rate follow from the scenario and the options. "
    "Stop it, and start another with `loadgen run`."
)

GONE = "This run has ended, and with it Locust's server: the page shows its last figures. `loadgen report` has the run."

CONTROLS = (
    "Locust's STOP ends the run: it waits for the requests in flight, and the summary says interrupted. EDIT and NEW "
    "are refused. RESET clears only Locust's own tables, not these figures or the run's folder."
)


class LivePage:
    """The page with the plots of a run; `source` returns the run's conductor, or None before the run begins."""

    def __init__(self, source: Callable[[], Conductor | None]) -> None:
        self._source = source
        self._follower: Follower | None = None
        self._rows: deque[TimelineRow] = deque(maxlen=MOST_SECONDS)

    def render(self) -> str:
        """Return the page with the figures so far."""
        conductor = self._source()
        if conductor is None:
            return render_page("The run has not begun", el("p", "The run has not begun."))
        if self._follower is None:
            self._follower = Follower(conductor.folder.path)
        self._rows.extend(self._follower.read_rows())
        return draw_page(list(self._rows), conductor.spec)


def draw_page(rows: Sequence[TimelineRow], spec: RunSpec) -> str:
    """Draw throughput by outcome with the quota, latency, lag and requests in flight, second by second."""
    if not rows:
        return render_page("Live", el("p", "The first seconds are under way.", class_="none"))
    last = rows[-1]
    note = f"Second {last.second}: {format_count(last.sessions_active)} active sessions. {CONTROLS}"
    return render_page(
        "Live",
        arrange_cards(
            render_card("Requests a second, by outcome", plot_outcomes(rows, spec).render(), wide=True, note=note),
            render_card(
                "Latency", plot_times(rows, "latency", ("latency_p50_ms", "latency_p95_ms", "latency_p99_ms")).render()
            ),
            render_card("Lag of the generator", plot_times(rows, "lag", ("lag_p99_ms",)).render()),
            render_card("Requests in flight", plot_in_flight(rows).render(), wide=True),
        ),
    )


def plot_outcomes(rows: Sequence[TimelineRow], spec: RunSpec) -> Plot:
    """Plot the outcomes as a stack, the offered batches as a line, and the local endpoint's quota."""
    stacks = [[float(getattr(row, name)) for row in rows] for name in OUTCOMES]
    offered = [float(row.offered) for row in rows]
    layers = [Layer(name, name, values, "stack") for name, values in zip(OUTCOMES, stacks, strict=True)]
    layers.append(Layer("ink", "offered: batches due", offered))
    high = max(find_stack_height(*stacks), max(offered))
    if spec.target == "local" and spec.quota is not None:
        layers.append(Layer("ink", f"quota {spec.quota:g}/s", [spec.quota], "rule", dashed=True))
        high = max(high, spec.quota)
    return plot_seconds(rows, "outcomes", make_linear_scale(high), format_rate, layers)


def plot_times(rows: Sequence[TimelineRow], name: str, columns: Sequence[str]) -> Plot:
    """Plot quantiles of a clock for each second, with a gap where no request was answered."""
    series = {column: [_number(getattr(row, column)) for row in rows] for column in columns}
    layers = [Layer(_colour(column), column.split("_")[-2], values) for column, values in series.items()]
    return plot_seconds(rows, name, make_linear_scale(find_highest(*series.values())), format_milliseconds, layers)


def plot_in_flight(rows: Sequence[TimelineRow]) -> Plot:
    """Plot how many requests waited for an answer at the end of each second."""
    values = [float(row.in_flight) for row in rows]
    return plot_seconds(
        rows, "in-flight", make_linear_scale(max(4.0, *values)), format_count, [Layer("neutral", "in flight", values)]
    )


def plot_seconds(rows: Sequence[TimelineRow], name: str, y: Scale, say: Any, layers: Sequence[Layer]) -> Plot:
    """Make a plot over the seconds of the rows; `say` formats a value of its y axis."""
    first = rows[0].second
    axis = Axis.of_columns([format_clock(row.second) for row in rows], label_times(float(len(rows)), first))
    text = f"{', '.join(layer.label for layer in layers)} of each second, from {format_clock(first)} on."
    return Plot(name, name, text, axis, y, say, layers, 180)


def _number(value: float | None) -> float:
    return nan if value is None else value


def _colour(column: str) -> str:
    return "lag" if column.startswith("lag") else column.split("_")[1]


def list_figures(measured: Aggregate) -> list[dict[str, str]]:
    """List the figures of the run so far for Locust's table, one row a figure."""
    outcomes, tally = measured.metrics.outcomes, measured.tally
    rows: dict[str, float | None] = {
        "requests offered": outcomes.offered.requests,
        **{f"requests {name}".replace("_", " "): getattr(outcomes, name).requests for name in COUNTED},
        "events generated": tally.generated,
        "events not sampled": tally.not_sampled,
        "events over session limit": tally.over_session_limit,
        "events dropped by client": tally.dropped_by_client,
        **{f"events {name}": count for name, count in count_events(outcomes).items()},
    }
    for name in CLOCKS:
        clock = measured.metrics.clocks[name]
        rows |= {f"{name.replace('_', ' ')} p{q * 100:g} ms": clock.quantile_ms(q) for q in (0.5, 0.95, 0.99)}
    for monitor, metrics in zip(measured.names, measured.monitors, strict=True):
        if len(measured.names) > 1:
            counts = {name: getattr(metrics.outcomes, name).requests for name in ("sent", *OUTCOMES)}
            rows |= {f"{monitor}: requests {name}": count for name, count in counts.items()}
            rows[f"{monitor}: events lost"] = metrics.outcomes.given_up.events
    return [{"figure": name, "value": "–" if value is None else f"{value:,.6g}"} for name, value in rows.items()]


def add_live_page(ui: Any, source: Callable[[], Conductor | None], *, is_decided: bool = False) -> None:
    """Serve the live page under /rum, show it in our tab above the figures, and refuse what would change the run.

    A run that starts by itself (`is_decided`) cannot be started by hand either, for example while it waits for workers.
    """
    from flask import Response, jsonify, request

    columns = [{"key": "figure", "title": "Figure"}, {"key": "value", "title": "Value"}]
    ui.template_args["extended_tabs"] = [{"title": "CloudWatch RUM", "key": TAB}]
    ui.template_args["extended_tables"] = [{"key": TAB, "structure": columns}]
    live = LivePage(source)
    constants = f"const GONE = {json.dumps(GONE)}, REFRESH = {REFRESH_SECONDS * 1000};\n"
    script = constants + (files("loadgen.swarm") / "live_page.js").read_text(encoding="utf-8")

    def refuse_changes() -> Any:
        if request.method == "POST" and request.path.endswith("/swarm") and (is_decided or source() is not None):
            log.warning("%s", FIXED)
            return jsonify({"success": False, "message": FIXED})
        return None

    def add_plots_and_figures(response: Any) -> Any:
        if request.path == "/" and response.mimetype == "text/html":
            text = response.get_data(as_text=True)
            response.set_data(text.replace("</body>", '<script src="rum/embed.js"></script></body>'))
        elif request.path == "/stats/requests" and (conductor := source()) is not None:
            figures = [{"key": TAB, "data": list_figures(conductor.measured)}]
            response.set_data(json.dumps(json.loads(response.get_data(as_text=True)) | {"extended_stats": figures}))
        return response

    def answer_page() -> Response:
        return Response(live.render(), headers={"Refresh": str(REFRESH_SECONDS)})

    ui.app.before_request(refuse_changes)
    ui.app.after_request(add_plots_and_figures)
    ui.app.add_url_rule("/rum", "rum", answer_page)
    ui.app.add_url_rule("/rum/embed.js", "rum_embed", lambda: Response(script, mimetype="text/javascript"))
