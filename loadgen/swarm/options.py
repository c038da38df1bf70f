"""Our options as Locust options, so that `locust -f` on our locustfile works by itself."""

from __future__ import annotations

import argparse
from math import inf

from locust.argument_parser import LocustArgumentParser


def add_options(parser: LocustArgumentParser) -> None:
    """Register our options in a group of their own."""
    group = parser.add_argument_group("CloudWatch RUM traffic (loadgen)")
    add = group.add_argument
    add(
        "--scenario",
        metavar="FILE",
        help="The scenario file; workers get it from the master",
        env_var="LOADGEN_SCENARIO",
    )
    add("--monitor-id", metavar="UUID", help="The app monitor's id", env_var="LOADGEN_MONITOR_ID")
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
    add("--find-limit", metavar="JSON", help="Hold rates until the highest that keeps the conditions is found")
    add("--prometheus", type=int, metavar="PORT", help="Serve live figures for Prometheus on this loopback port")


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
