"""Our options as Locust options, so that `locust -f` on our locustfile works by itself."""

from __future__ import annotations

import argparse

from locust.argument_parser import LocustArgumentParser

from loadgen import units, wire


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
    add(
        "--monitor-id",
        metavar="[NAME=]UUID,…",
        help="The app monitor's id; with neighbours the id of each, between commas, in the scenario's order",
        env_var="LOADGEN_MONITOR_ID",
    )
    add("--region", default="us-east-1", help="The region to sign for", env_var="AWS_REGION")
    add("--seed", type=int, help="Same scenario and seed, same sessions; a new one is made and printed")
    add("--pace", type=factor, default="realtime", help="realtime, a factor such as 10x, or max")
    add("--duration", type=float, help="Seconds to run in place of the scenario's")
    add("--rate", type=float, default=1.0, help="A factor on the session arrivals")
    add("--sample-rate", type=float, help="Share of sessions to record in place of the scenario's")
    add("--max-events", type=int, help="Stop hard before more events than this are sent")
    add("--unsigned", action="store_true", help="Send without signatures")
    add(
        "--dialect",
        choices=tuple(wire.DIALECTS),
        default="web",
        help="web: as the web client; sdk: without SessionMetadata",
    )
    add("--timeout", type=float, default=30.0, help="Seconds to wait for an answer")
    add("--out", metavar="FOLDER", help="The run's folder")
    add("--find-limit", metavar="JSON", help="Hold rates until the highest that keeps the conditions is found")
    add("--prometheus", type=int, metavar="PORT", help="Serve live figures for Prometheus on this loopback port")


def factor(text: str) -> float:
    """A pace as argparse wants it."""
    try:
        return units.parse_pace(text)
    except ValueError as wrong:
        raise argparse.ArgumentTypeError(str(wrong)) from None
