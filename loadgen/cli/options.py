"""What options take and mean: kinds of values, and the options that several verbs have in the same words.

Rule: a default stands once, in the noun of the job's options; `JobCommand` takes it from there.
"""

from collections.abc import Callable
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar, cast

import click
from click.shell_completion import CompletionItem

from loadgen import units
from loadgen.cli.terminal import echo_error, show_result, take_standard_output

Value = TypeVar("Value")


class ScenarioFile(click.Path):
    """A scenario file, or the name of a shipped scenario: jobs take both."""

    name = "scenario"

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Files, and the shipped names that begin so; files first, as click's bash script forgets what is before."""
        from loadgen.scenario import list_shipped

        names = [CompletionItem(name) for name in list_shipped() if name.startswith(incomplete)]
        return [CompletionItem(incomplete, type="file"), *names]


class OutputPath(click.Path):
    """A file to be written, or - for standard output."""

    name = "file"

    def __init__(self) -> None:
        super().__init__(path_type=Path, allow_dash=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path."""
        from loadgen.output import is_standard_output

        path = cast(Path, super().convert(value, param, ctx))
        if param is not None and is_standard_output(path):
            take_standard_output(param.opts[0])
        return path


class WritablePath(OutputPath):
    """The same, refused before the work when it cannot be written."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path."""
        from loadgen.output import check_output

        path = super().convert(value, param, ctx)
        check_output(path)
        return path


def print_json_alone(ctx: click.Context, param: click.Parameter, value: bool) -> bool:
    """--json takes standard output."""
    if value:
        take_standard_output(param.opts[0])
    return value


class ParsedOption(click.ParamType[Value]):
    """A value that a function reads from text, and another writes; ValueError says what to write instead."""

    def __init__(self, name: str, parse: Callable[[str], Value], write: Callable[[Any], str] = str) -> None:
        self.name, self._parse, self.write = name, parse, write

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Value:
        """The value."""
        try:
            return self._parse(str(value))
        except ValueError as wrong:
            self.fail(str(wrong), param, ctx)


class JobCommand(click.Command):
    """A verb whose options have the defaults of the fields of a noun, such as `jobs.plan.PlanOptions`.

    They are read when the verb is called or asked for its help, as the noun's import takes some tenths of a second.
    """

    def __init__(self, *arguments: Any, noun: str, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._room, _, self._name = noun.rpartition(".")

    @property
    def noun(self) -> Any:
        """The class of the job's options; it is imported here."""
        return getattr(import_module(f"loadgen.{self._room}"), self._name)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The parameters, with their defaults; completion does without."""
        if not ctx.resilient_parsing:
            from msgspec.structs import fields

            defaults = {each.name: each.default for each in fields(self.noun)}
            for option in self.params:
                default = defaults.get(option.name or "")
                if (isinstance(default, str | float | tuple) and default != ()) or type(default) is int:
                    option.default = option.type.write(default) if isinstance(option.type, ParsedOption) else default
        return super().get_params(ctx)


def job_command(noun: str, example: str) -> Callable[[Callable[..., Any]], JobCommand]:
    """Makes a function the verb of a job, with an example under its help."""
    return click.command(cls=JobCommand, noun=noun, epilog=f"Example: {example}")


class CountOption(click.FloatRange):
    """A number, with k, M or G for thousands, millions and thousand millions: 500k."""

    name = "count"
    is_whole = False

    def _describe_range(self) -> str:
        """Click's words, without bounds that are none or beyond all use."""
        text = super()._describe_range()
        return "" if text.endswith("None") else text.replace("0<x<=1000000000000.0", "x>0")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number, if it is within the bounds."""
        try:
            number = units.parse_count(str(value))
        except ValueError as wrong:
            self.fail(str(wrong), param, ctx)
        if self.is_whole and not number.is_integer():
            self.fail(f"{value!r} is no whole number", param, ctx)
        return float(super().convert(number, param, ctx))


class WholeCountOption(CountOption):
    """A whole number, with k, M or G: 500k, 1.5M."""

    is_whole = True

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number, if it is whole and within the bounds."""
        return int(super().convert(value, param, ctx))


def parse_operation_quota(text: str) -> tuple[str, float]:
    """An operation and its calls a second."""
    from loadgen.rum.service_model import load_service_model

    operation, _, number = text.partition("=")
    try:
        rate = units.parse_count(number)
    except ValueError:
        rate = 0.0
    if operation not in load_service_model().operations or not rate:
        raise ValueError(f"{text!r} is no operation's quota; write NAME=N such as GetAppMonitorData=5")
    return operation, rate


def write_percent(part: float) -> str:
    """A part of 1 in per cent, as the options take it."""
    return f"{part * 100:g}%"


PACE = ParsedOption("pace", units.check_pace)
QUOTA = ParsedOption("quota", units.parse_quota, "{:g}".format)
DURATION = ParsedOption("duration", units.parse_length, "{:g}s".format)
RATES = ParsedOption("rates", units.parse_rates, lambda rates: ",".join(f"{rate:g}" for rate in rates))
SHARE = ParsedOption("share", units.parse_share, write_percent)
PERCENT = ParsedOption("percent", units.parse_percent, write_percent)
OPERATION_QUOTA = ParsedOption("quota", parse_operation_quota)
FILE = click.Path(path_type=Path)
POSITIVE = CountOption(min=0, min_open=True, max=1e12)

SCENARIO = click.argument("scenario", type=ScenarioFile(), metavar="SCENARIO")
"""A file, or the name of a shipped scenario."""

TARGET = click.option("--target", metavar="local|URL|aws", help="Where requests go.")
REGION = click.option("--region", help="For --target URL and aws; boto3's usual chain unless given.")
CONSENT = click.option("--yes", is_flag=True, help="Do not ask before sending to AWS.")
LOCAL_QUOTA = click.option("--quota", type=QUOTA, help="Of the local endpoint, a second; or off.")
SENDERS = click.option("--senders", type=click.IntRange(1, 900), help="Most requests at once, per process.")
ACCEPT = click.option("--accept", type=click.Choice(["rum", "2xx"]), help="2xx: any is an acceptance.")

DURATION_OPTION = click.option("--duration", type=DURATION, help="In place of the scenario's, such as 30s, 5m, 2h, 7d.")
RATE = click.option("--rate", type=CountOption(0, 1e6, min_open=True), help="A factor on the arrivals, such as 0.5.")
SEED = click.option("--seed", type=click.IntRange(min=0), help="Same scenario and seed, same sessions.")
SAMPLE_RATE = click.option("--sample-rate", type=SHARE, help="Share of sessions recorded; the monitor's unless given.")
DIALECT = click.option(
    "--dialect", type=click.Choice(["web", "sdk"]), help="As the RUM web client writes bodies, or an AWS SDK."
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
PRICE = click.option("--price", type=CountOption(), help="Dollars an event.")

JSON = click.option(
    "--json",
    "as_json",
    is_flag=True,
    callback=print_json_alone,
    help="Print JSON, and nothing else, on standard output.",
)
PORT = click.IntRange(1, 65535)
RUN_DIR = click.argument("run_dir", type=FILE)
NAME = click.argument("name")
YES = click.option("--yes", is_flag=True, help="Do not ask.")

JUNIT = click.option("--junit", type=WritablePath(), metavar="FILE", help="Write thresholds and verdict as JUnit XML.")
SUMMARY_MD = click.option("--summary-md", type=WritablePath(), metavar="FILE", help="Write a summary in Markdown.")


def html_option(text: str, **more: Any) -> Callable[[Any], Any]:
    """--html FILE, or - for standard output."""
    return click.option("--html", type=OutputPath(), help=text, **{"metavar": "FILE"} | more)


def add_options(*options: Callable[[Any], Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator that adds options in this order."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return add


network_options = add_options(
    click.option("--proxy", metavar="URL", help="HTTP proxy, in place of HTTPS_PROXY."),
    click.option("--ca-bundle", metavar="FILE", help="PEM file to trust, in place of AWS_CA_BUNDLE."),
)
target_options = add_options(
    click.option("--target", metavar="URL|aws", help="Which RUM; AWS_ENDPOINT_URL_RUM unless given."),
    click.option("--region", help="Boto3's usual chain unless given."),
    network_options,
)


def with_account(command: Callable[..., Any]) -> Callable[..., Any]:
    """The same; the command gets the Account that they mean, as `account`, and the call that it returns is shown."""

    @target_options
    @wraps(command)
    def open_and_call(
        *arguments: Any, target: str | None, region: str | None, proxy: str | None, ca_bundle: str | None, **more: Any
    ) -> None:
        from loadgen.jobs.monitors import describe_call
        from loadgen.jobs.targets import open_account, reach_target

        with reach_target(target, proxy, ca_bundle):
            account = open_account(target, region, on_wait=echo_error)
            made = command(*arguments, account=account, **more)
        if made is not None:
            show_result(made.answer, describe_call(made), more.get("as_json", False))

    return open_and_call
