"""Our options in Locust's command line: `--run-spec FILE` for `loadgen run`, or a few options for plain `locust -f`.

Rule: this module turns Locust's options into a RunSpec; all other modules read the RunSpec.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from locust.argument_parser import LocustArgumentParser

from loadgen import units
from loadgen.errors import LoadgenError
from loadgen.results import RunFolder, RunMonitor, RunSpec, make_run_options
from loadgen.scenario import Scenario, read_text


def read_pace(text: str) -> str:
    """Check the text of a pace; argparse's error if it is wrong."""
    try:
        return units.check_pace(text)
    except ValueError as wrong:
        raise argparse.ArgumentTypeError(str(wrong)) from None


OPTIONS: dict[str, tuple[Callable[[str], Any], str]] = {  # fields of RunOptions, for plain `locust -f`
    "region": (str, "The region to sign for"),
    "seed": (int, "Same scenario and seed, same sessions; drawn and printed unless given"),
    "pace": (read_pace, "realtime, a factor such as 10x, or max"),
    "duration": (float, "Seconds to run in place of the scenario's"),
    "rate": (float, "A factor on the session arrivals"),
    "sample_rate": (float, "Share of sessions to record in place of the scenario's share"),
    "max_events": (int, "Stop before more events than this are sent"),
    "dialect": (str, "web: as the web client; sdk: without SessionMetadata"),
    "timeout": (float, "Seconds to wait for an answer"),
    "prometheus": (int, "Serve live figures for Prometheus on this loopback port"),
}


def add_options(parser: LocustArgumentParser) -> None:
    """Add our options to Locust's parser, in a group of their own."""
    add = parser.add_argument_group("CloudWatch RUM traffic (loadgen)").add_argument
    scenario = "The scenario file; workers get it from the master"
    monitor = "The app monitor's id; for several app monitors the id of each, between commas, in the scenario's order"
    add("--scenario", metavar="FILE", help=scenario, env_var="LOADGEN_SCENARIO")
    add("--monitor-id", metavar="UUID,…", help=monitor, env_var="LOADGEN_MONITOR_ID")
    add("--unsigned", action="store_true", help="Send without signatures")
    add("--out", metavar="FOLDER", help="The run's folder")
    add("--run-spec", metavar="FILE", help="A run.json, as `loadgen run` writes it, in place of all these options")
    for name, (kind, says) in OPTIONS.items():
        variable = {"env_var": "AWS_REGION"} if name == "region" else {}
        add(f"--{name.replace('_', '-')}", type=kind, help=says, **variable)


def open_run(options: Any, url: str | None) -> tuple[RunSpec, RunFolder]:
    """Return the run spec that Locust's options describe, and the run's folder; `url` is Locust's --host."""
    if options.run_spec:
        folder = RunFolder.ensure(Path(options.run_spec).parent)
        return folder.read_spec(), folder
    spec = resolve_spec(options, url)
    name, now = spec.scenario.name, datetime.now(UTC)
    folder = RunFolder.ensure(Path(options.out)) if options.out else RunFolder.create(None, name, now)
    folder.write_spec(spec)
    return spec, folder


def resolve_spec(options: Any, url: str | None) -> RunSpec:
    """Turn the options of plain `locust -f` into a RunSpec. LoadgenError: one is missing or wrong."""
    for name, value in (("--scenario", options.scenario), ("--monitor-id", options.monitor_id), ("--host", url)):
        if not value:
            raise LoadgenError(f"{name} is missing; plain locust needs --scenario, --monitor-id and --host")
    given = {name: value for name in OPTIONS if (value := getattr(options, name)) is not None}
    asked = make_run_options(**{"region": "us-east-1"} | given, target=url, unsigned=options.unsigned)
    spec = RunSpec.resolve(asked, options.scenario, read_text(options.scenario))
    spec.scenario.check_stages(options.scenario, spec.factor)
    monitors = name_monitors(options.monitor_id, spec.scenario)
    return msgspec.structs.replace(spec, url=str(url), monitors=monitors)


def name_monitors(given: str, scenario: Scenario) -> tuple[RunMonitor, ...]:
    """Pair the ids of `--monitor-id` with the names of the scenario's app monitors."""
    names = [each.monitor.name for each in scenario.monitors]
    ids = given.split(",")
    if len(ids) != len(names):
        raise LoadgenError(
            f"--monitor-id: {len(ids)} given, and the scenario has {len(names)} app monitor(s): {', '.join(names)}; "
            "give the id of each in this order, between commas"
        )
    return tuple(map(RunMonitor, names, ids))


def find_prometheus_port(options: Any) -> int | None:
    """Return the port for Prometheus; None: no port was asked for. It is known before the run begins."""
    given: int | None = (
        RunFolder(Path(options.run_spec).parent).read_spec().prometheus if options.run_spec else options.prometheus
    )
    return given
