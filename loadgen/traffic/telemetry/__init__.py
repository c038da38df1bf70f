"""The events of a block: a column for each event family that the scenario's client records. Pure."""

from __future__ import annotations

from loadgen.traffic.block_draws import BlockDraws, Column
from loadgen.traffic.telemetry.calls import record_calls
from loadgen.traffic.telemetry.errors import record_js_errors, record_released_errors
from loadgen.traffic.telemetry.http import draw_trace_ids, record_http, record_xray
from loadgen.traffic.telemetry.input_vitals import record_fid, record_inp
from loadgen.traffic.telemetry.interactions import Inputs, draw_inputs, record_custom, record_dom
from loadgen.traffic.telemetry.navigation import record_navigation, record_page_views
from loadgen.traffic.telemetry.reactions import draw_reactions
from loadgen.traffic.telemetry.replay import record_replay
from loadgen.traffic.telemetry.resources import record_resources
from loadgen.traffic.telemetry.time_to_interactive import record_tti
from loadgen.traffic.telemetry.vitals import record_cls, record_fcp, record_lcp


def record_unseen(draws: BlockDraws) -> list[Column]:
    """Record the events of prerendered documents that are never shown: those that need neither paints nor inputs."""
    monitor = draws.scenario.monitor
    columns: list[Column] = [record_page_views(draws)]
    if monitor.collects("performance"):
        columns += [record_resources(draws)[0], *record_navigation(draws)]
    if monitor.collects("http"):
        columns += _record_calls(draws, None)
    return columns


def _record_calls(draws: BlockDraws, inputs: Inputs | None) -> list[Column]:
    api = record_calls(draws, inputs)
    ids = draw_trace_ids(draws, api) if draws.scenario.client.enableXRay else None
    return [record_http(draws, api, ids), *([record_xray(draws, api, ids)] if ids else [])]


def record_events(draws: BlockDraws) -> list[Column]:
    """Record the events of a block's own sessions, a column for each family that the scenario's client records."""
    monitor, inputs = draws.scenario.monitor, draw_inputs(draws)
    columns: list[Column] = [record_page_views(draws)]
    if monitor.collects("performance") or draws.scenario.client.timeToInteractive:
        reactions = draw_reactions(draws, inputs)
    if monitor.collects("performance"):
        files, heroes = record_resources(draws)
        columns += [
            files,
            *record_navigation(draws),
            record_fcp(draws),
            record_lcp(draws, inputs, reactions, heroes),
            *record_cls(draws),
            record_fid(draws, inputs, reactions),
            record_inp(draws, inputs, reactions),
        ]
    if monitor.collects("http"):
        columns += _record_calls(draws, inputs)
    if monitor.collects("errors"):
        columns += [record_js_errors(draws), *record_released_errors(draws)]
    if monitor.collects("interaction"):
        columns += record_dom(draws, inputs)
    if draws.scenario.client.timeToInteractive:
        columns.append(record_tti(draws, inputs, reactions))
    if monitor.collects("replay"):
        columns.append(record_replay(draws, inputs))
    if monitor.custom_events:
        columns += record_custom(draws)
    return columns
