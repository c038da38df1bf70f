"""The events of a block: which families its scenario collects, a column for each. Pure."""

from __future__ import annotations

from loadgen.traffic.telemetry.block_draws import Scene
from loadgen.traffic.telemetry.column import Column
from loadgen.traffic.telemetry.errors import js_errors, thrown
from loadgen.traffic.telemetry.http import calls, http, trace_ids, xray
from loadgen.traffic.telemetry.inputs import inputs
from loadgen.traffic.telemetry.interactions import custom, dom
from loadgen.traffic.telemetry.largest_paint import lcp
from loadgen.traffic.telemetry.navigation import navigation
from loadgen.traffic.telemetry.page_views import page_views
from loadgen.traffic.telemetry.resources import resources
from loadgen.traffic.telemetry.vitals import cls, fcp, fid, inp


def columns(scene: Scene) -> list[Column]:
    """The events of a block's own sessions, a column for each family that the scenario's client records."""
    monitor, seen = scene.scenario.monitor, inputs(scene)
    made: list[Column] = [page_views(scene)]
    if monitor.collects("performance"):
        files, heroes = resources(scene)
        made += [
            files,
            *navigation(scene),
            fcp(scene),
            lcp(scene, seen, heroes),
            cls(scene),
            fid(scene, seen),
            inp(scene, seen),
        ]
    if monitor.collects("http"):
        api = calls(scene)
        ids = trace_ids(scene, api) if scene.scenario.client.enableXRay else None
        made += [http(scene, api, ids), *([xray(scene, api, ids)] if ids else [])]
    if monitor.collects("errors"):
        made += [js_errors(scene), *thrown(scene)]
    if monitor.collects("interaction"):
        made += dom(scene, seen)
    if monitor.custom_events:
        made += custom(scene)
    return made
