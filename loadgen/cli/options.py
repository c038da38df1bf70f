"""Options that several verbs have, with the same meaning and words everywhere."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from loadgen.cli.values import DURATION, QUOTA, SHARE, CountOption, ScenarioFile, WritablePath

SCENARIO = click.argument("scenario", type=ScenarioFile(), metavar="SCENARIO")
"""A file, or the name of a shipped scenario."""

TARGET = click.option("--target", default="local", metavar="local|URL|aws", help="Where requests go.")
REGION = click.option("--region", help="For --target URL and aws; boto3's usual chain unless given.")
CONSENT = click.option("--yes", is_flag=True, help="Do not ask before sending to AWS.")
LOCAL_QUOTA = click.option("--quota", type=QUOTA, default="50", help="Of the local endpoint, a second; or off.")
SENDERS = click.option(
    "--senders", type=click.IntRange(1, 900), default=500, help="Most requests at once, per process."
)
ACCEPT = click.option("--accept", type=click.Choice(["rum", "2xx"]), default="rum", help="2xx: any is an acceptance.")

DURATION_OPTION = click.option("--duration", type=DURATION, help="In place of the scenario's, such as 30s, 5m, 2h, 7d.")
RATE = click.option(
    "--rate", type=CountOption(0, 1e6, min_open=True), default=1.0, help="A factor on the arrivals, such as 0.5."
)
SEED = click.option("--seed", type=click.IntRange(min=0), help="Same scenario and seed, same sessions.")
SAMPLE_RATE = click.option("--sample-rate", type=SHARE, help="Share of sessions recorded; the monitor's unless given.")
DIALECT = click.option(
    "--dialect",
    type=click.Choice(["web", "sdk"]),
    default="web",
    help="As the RUM web client writes bodies, or an AWS SDK.",
)
VISITS_A_DAY = click.option(
    "--sessions-per-day",
    type=CountOption(),
    help="Take 24 hours with so many visits; others of a plan keep their rate.",
)
PEAK_TO_TROUGH = click.option(
    "--peak-to-trough",
    type=CountOption(),
    help="Busiest hour of that day against the quietest in one country, if the scenario is shorter; 4 unless given.",
)
PRICE = click.option("--price", type=CountOption(), default=1e-5, help="Dollars an event.")

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else, on standard output.")
PORT = click.IntRange(1, 65535)
RUN_DIR = click.argument("run_dir", type=click.Path(path_type=Path))


JUNIT = click.option("--junit", type=WritablePath(), metavar="FILE", help="Write thresholds and verdict as JUnit XML.")
SUMMARY_MD = click.option("--summary-md", type=WritablePath(), metavar="FILE", help="Write a summary in Markdown.")


def html_option(text: str, **more: Any) -> Callable[[Any], Any]:
    """--html FILE, or - for standard output."""
    file = click.Path(path_type=Path, allow_dash=True)
    return click.option("--html", type=file, help=text, **{"metavar": "FILE"} | more)
