"""The live page in Locust's web UI: the plots are the timeline's, and a run that has begun is not changed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
from flask import Flask

from loadgen.results import RunSpec, TimelineRow
from loadgen.results.timeline import TIMELINE, RowWriter
from loadgen.swarm.live_page import FIXED, add_live_page, draw_page, list_figures, plot_outcomes, plot_times
from tests.swarm.test_exporter import measured

SPEC = RunSpec(seed=7, duration=60.0, quota=50.0)


def row(second: int, **more: Any) -> TimelineRow:
    """A second in which nothing happened but what is given."""
    empty: dict[str, Any] = {field.name: 0 for field in msgspec.structs.fields(TimelineRow)}
    empty |= dict.fromkeys((name for name in empty if name.endswith("_ms")), None)
    return msgspec.convert(empty | {"second": second} | more, TimelineRow)


def test_outcomes_are_stacked_beside_what_was_due_and_the_quota() -> None:
    rows = [row(0, offered=3, accepted=2, throttled=1), row(1, offered=5, accepted=4, failed=1)]
    plot = plot_outcomes(rows, SPEC)
    shown = {layer.label: list(layer.values) for layer in plot.layers}
    assert shown["accepted"] == [2, 4]
    assert (shown["throttled"], shown["failed"]) == ([1, 0], [0, 1])
    assert shown["offered: batches due"] == [3, 5]
    assert shown["quota 50/s"] == [50]
    assert plot.y.high > 50


def test_the_quota_is_the_local_endpoints_alone() -> None:
    spec = msgspec.structs.replace(SPEC, target="http://127.0.0.1:9")
    assert not [layer for layer in plot_outcomes([row(0)], spec).layers if layer.shape == "rule"]


def test_a_second_without_answers_is_a_gap() -> None:
    (layer,) = plot_times([row(0, lag_p99_ms=4.0), row(1)], "lag", ("lag_p99_ms",)).layers
    assert layer.values[0] == 4.0
    assert layer.values[1] != layer.values[1]


def test_the_page_has_each_plot() -> None:
    shown = draw_page([row(0, latency_p50_ms=1.0, in_flight=2), row(1)], SPEC)
    for name in ("outcomes", "latency", "lag", "in-flight"):
        assert f'id="{name}"' in shown
    assert "Locust" in shown


def test_the_tab_shows_the_figures_that_prometheus_is_told() -> None:
    shown = {row["figure"]: row["value"] for row in list_figures(measured())}
    assert (shown["requests accepted"], shown["requests throttled"], shown["requests failed"]) == ("6", "3", "1")
    assert shown["latency p50 ms"] == "300"


def test_each_of_several_app_monitors_has_figures_of_its_own() -> None:
    shown = {row["figure"]: row["value"] for row in list_figures(measured("shop", "blog"))}
    assert (shown["shop: requests throttled"], shown["blog: requests failed"]) == ("2", "1")
    assert not [name for name in (row["figure"] for row in list_figures(measured())) if ":" in name]


def test_locusts_controls_cannot_change_a_run_that_has_begun(tmp_path: Path) -> None:
    app = Flask(__name__)
    begun: list[Any] = []
    app.add_url_rule("/swarm", "swarm", lambda: {"success": True}, methods=["POST"])
    app.add_url_rule("/", "index", lambda: "<html><body>Locust</body></html>")
    app.add_url_rule("/stats/requests", "stats", lambda: {"total_rps": 5})
    conductor: Any = SimpleNamespace(folder=SimpleNamespace(path=tmp_path), spec=SPEC, measured=measured())
    add_live_page(SimpleNamespace(app=app, template_args={}), lambda: begun[0] if begun else None)
    client = app.test_client()
    assert client.post("/swarm").json == {"success": True}
    assert "not begun" in client.get("/rum").text
    assert client.get("/stats/requests").json == {"total_rps": 5}
    begun.append(conductor)
    assert client.post("/swarm").json == {"success": False, "message": FIXED}
    assert "rum/embed.js" in client.get("/").text
    told = client.get("/stats/requests").json
    assert told == {"total_rps": 5, "extended_stats": [{"key": "rum", "data": list_figures(measured())}]}
    writer = RowWriter(tmp_path / TIMELINE, TimelineRow)
    writer.write(row(0, accepted=3))
    assert 'id="outcomes"' in client.get("/rum").text
    writer.write(row(1, accepted=4))
    answer = client.get("/rum")
    writer.close()
    assert "0:01" in answer.text
    assert answer.headers["Refresh"] == "2"


def test_a_run_that_starts_by_itself_is_not_started_by_hand_while_it_waits() -> None:
    app = Flask(__name__)
    app.add_url_rule("/swarm", "swarm", lambda: {"success": True}, methods=["POST"])
    add_live_page(SimpleNamespace(app=app, template_args={}), lambda: None, is_decided=True)
    assert app.test_client().post("/swarm").json == {"success": False, "message": FIXED}
