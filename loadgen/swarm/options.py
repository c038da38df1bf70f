"""Our options as Locust options, so that `locust -f` on our locustfile works by itself, and what they mean."""

from __future__ import annotations

import argparse
from math import inf
from pathlib import Path

from locust.argument_parser import LocustArgumentParser

from loadgen.scenario import Scenario, load


def add_options(parser: LocustArgumentParser) -> None:
    """Register our options in a group of their own."""
    group = parser.add_argument_group("CloudWatch RUM traffic (loadgen)")
    add = group.add_argument
    add("--scenario", metavar="FILE", required=True, help="The scenario file", env_var="LOADGEN_SCENARIO")
    add("--monitor-id", metavar="UUID", required=True, help="The app monitor's id", env_var="LOADGEN_MONITOR_ID")
    add("--region", default="us-east-1", help="The region to sign for", env_var="AWS_REGION")
    add("--seed", type=int, help="Same scenario and seed, same sessions; a new one is made and printed")
    add("--pace", type=pace, default="realtime", help="realtime, a factor such as 10x, or max")
    add("--duration", type=float, help="Seconds to run in place of the scenario's")
    add("--rate", type=float, default=1.0, help="A factor on the session arrivals")
    add("--sample-rate", type=float, help="Share of sessions to record in place of the scenario's")
    add("--max-events", type=int, help="Stop hard before more events than this are sent")
    add("--unsigned", action="store_true", help="Send without signatures")
    add("--dialect", choices=("web", "sdk"), default="web", help="web: as the web client; sdk: without SessionMetadata")
    add("--timeout", type=float, default=30.0, help="Seconds to wait for an answer")
    add("--out", metavar="FOLDER", help="The run's folder")


def pace(text: str) -> float:
    """Scenario seconds in a second: realtime is 1, 10x is 10, max is infinite."""
    if text == "realtime":
        return 1.0
    if text == "max":
        return inf
    try:
        factor = float(text.removesuffix("x"))
    except ValueError:
        factor = 0.0
    if not 0 < factor < inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no pace; write realtime, max, or a factor such as 10x")
    return factor


def pace_name(factor: float) -> str:
    """How a pace is written."""
    return {1.0: "realtime", inf: "max"}.get(factor, f"{factor:g}x")


def scenario_of(options: argparse.Namespace) -> Scenario:
    """The scenario file with what the options change in it."""
    scenario = load(Path(options.scenario))
    return scenario.adjusted(duration=options.duration, rate=options.rate, sample_rate=options.sample_rate)
