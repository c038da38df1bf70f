"""Runs that never happened: folders written as a conductor writes them, from drawn results."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec

from loadgen.model import Noun, Result, Volume
from loadgen.results import (
    Aggregate,
    EventCounts,
    Meter,
    Recording,
    RunEnd,
    RunFolder,
    RunMonitor,
    RunSpec,
    drop_spools,
    summarize_run,
    write_table,
)
from loadgen.results.records import Spool, pack_result
from loadgen.scenario import Scenario
from loadgen.verb_options import RunOptions

ZERO = 1795288816.0
MONITORS = [{"name": "shop", "id": "00000000-0000-4000-8000-000000000000"}]
TYPES = ["page_view_event", "js_error_event", "performance_resource_event"]


class Plan(Noun, kw_only=True):
    """What a made-up run is like; times in seconds, shares 0..1."""

    name: str = "shop"
    seconds: int = 30
    rate: int = 20  # batches a second
    service: float = 0.01  # mean service time
    throttled: float = 0.2  # of the batches, for good
    recovered: float = 0.1  # of the batches that are accepted, by a retry
    failed: float = 0.02
    error: str = "connection reset"
    seed: int = 1
    cut_off: bool = False
    incidents: str = ""  # TOML
    pace: str = "realtime"


ORDINARY = Plan()


def scenario_text(plan: Plan) -> str:
    half = plan.seconds // 2 or 1
    name = msgspec.json.encode(plan.name).decode()
    return (
        f"name = {name}\narrivals.stages = [{{ duration = {half}, target = 5 }}, {{ duration = {half}, target = 9 }}]\n"
        f'[pages.home]\npath = "/"\nexit = 1\n{plan.incidents}'
    )


def results(draw: random.Random, plan: Plan, at: float) -> list[Result]:
    """One batch: accepted, throttled and given up or recovered by a retry two seconds later, or failed."""
    fate = draw.random()
    started = at + draw.expovariate(1000)
    finished = started + draw.lognormvariate(0, 0.5) * plan.service
    if fate < plan.failed:
        return [Result(at, started, finished, None, 3, 200, 900, error=plan.error)]
    if fate < plan.failed + plan.throttled:
        return [Result(at, started, finished, 429, 3, 200, 900)]
    if draw.random() < plan.recovered:
        first = Result(at, started, finished, 429, 3, 200, 900, final=False)
        return [first, Result(at + 2, started + 2, finished + 2, 200, 3, 200, 900, attempt=2)]
    return [Result(at, started, finished, 200, 3, 200, 900)]


def make(path: Path, plan: Plan = ORDINARY) -> RunFolder:
    """A run's folder; one that was cut off lacks its summary and still has its spool."""
    folder = RunFolder.ensure(path)
    source = path.parent / f"{path.name}.toml"
    source.write_text(scenario_text(plan))
    spec = RunSpec.resolve(RunOptions(seed=plan.seed, pace=plan.pace), source.name, scenario_text(plan))
    monitors = tuple(RunMonitor(**each) for each in MONITORS)
    folder.write_spec(msgspec.structs.replace(spec, command="loadgen run shop.toml", monitors=monitors))
    scenario = Scenario.parse(scenario_text(plan), source.name)
    measured = Aggregate(scenario.find_stage_ends(1.0))
    recording = Recording(folder, measured, ZERO)
    draw, spool, sent = random.Random(plan.seed), Spool(folder.locate_spool(0)), 0
    for second in range(plan.seconds):
        meter = Meter(0)
        for place in range(plan.rate):
            for each in results(draw, plan, second + place / plan.rate * 0.9):
                meter.record(each)
                spool.finish(pack_result(each, 0))
            sent += 3
            meter.offer(second, Volume(1, 3, 200, 900), TYPES)
        tally = EventCounts(sessions=second + 1, generated=sent + 7 * second, over_session_limit=7 * second)
        gauges = {"cpu_percent": 12.5, "rss_bytes": 10**8 + second, "sessions_active": 5}
        measured.add(msgspec.structs.replace(meter.take(second), tallies=(tally,), spooled=True, **gauges))
    spool.close()
    recording.settle(plan.seconds + 10)
    recording.close()
    if not plan.cut_off:
        write_table(folder)
        drop_spools(folder)
        run = RunEnd(plan.seed, "realtime", "2026-11-21T12:00:00.000+00:00", 1, monitors=monitors)
        folder.write_summary(summarize_run(measured, scenario, run))
    return folder
