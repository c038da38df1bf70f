"""Types of option values, and the options that several verbs share.

Rule: a default stands only once, in the class of the verb's options; `JobCommand` reads it from there.
"""

from collections.abc import Callable
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

import loadgen
from loadgen import units
from loadgen.cli.terminal import echo_error, show_result, take_standard_output
from loadgen.options import Accept, DialectName

Value = TypeVar("Value")


class GivenPath(click.Path):
    """A path, which is not empty: a variable of the shell that is not set would name the present folder."""

    def __init__(self, **more: Any) -> None:
        super().__init__(path_type=Path, **more)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path."""
        if value == "":
            self.fail("the path is empty; write one", param, ctx)
        return cast(Path, super().convert(value, param, ctx))


class ScenarioFile(GivenPath):
    """A scenario file, or the name of a shipped scenario: jobs take both."""

    name = "scenario"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete files and shipped names; files first, because click's bash script drops what comes before them."""
        shipped = [each.name for each in loadgen.scenarios()]
        names = [CompletionItem(name) for name in shipped if name.startswith(incomplete)]
        return [CompletionItem(incomplete, type="file"), *names]


class OutputPath(GivenPath):
    """A file to be written, or - for standard output."""

    name = "file"

    def __init__(self) -> None:
        super().__init__(allow_dash=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path."""
        from loadgen.output import is_standard_output

        path = super().convert(value, param, ctx)
        if param is not None and is_standard_output(path):
            take_standard_output(param.opts[0])
        return path


class WritablePath(OutputPath):
    """An output path that is refused before the work begins if it cannot be written."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path."""
        from loadgen.output import check_output

        path = super().convert(value, param, ctx)
        check_output(path)
        return path


def print_json_alone(ctx: click.Context, param: click.Parameter, value: bool) -> bool:
    """Reserve standard output for --json."""
    if value:
        take_standard_output(param.opts[0])
    return value


class ParsedOption(click.ParamType[Value]):
    """A value with its own parser and formatter; the parser's ValueError says what to write instead."""

    def __init__(self, name: str, parse: Callable[[str], Value], write: Callable[[Any], str] = str) -> None:
        self.name, self._parse, self.write = name, parse, write

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Value:
        """Parse the value."""
        try:
            return self._parse(str(value))
        except ValueError as wrong:
            self.fail(str(wrong), param, ctx)


class JobCommand(click.Command):
    """A verb whose options have the defaults of the fields of a class, such as `verb_options.PlanOptions`.

    The defaults are read when the verb or its help is called, so that other commands do not import the class.
    """

    def __init__(self, *arguments: Any, noun: str, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._room, _, self._name = noun.rpartition(".")

    @property
    def noun(self) -> Any:
        """The class of the job's options, imported at the first use."""
        return getattr(import_module(f"loadgen.{self._room}"), self._name)

    def invoke(self, ctx: click.Context) -> Any:
        """Call the verb with those of the job's options that were given; the class has the defaults of the others."""
        left = {
            name for name in self.noun.__struct_fields__ if ctx.get_parameter_source(name) is ParameterSource.DEFAULT
        }
        ctx.params = {name: value for name, value in ctx.params.items() if name not in left}
        return super().invoke(ctx)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the parameters with their defaults; without defaults for completion."""
        if not ctx.resilient_parsing:
            from msgspec.structs import fields

            defaults = {each.name: each.default for each in fields(self.noun)}
            for option in self.params:
                default = defaults.get(option.name or "")
                if (isinstance(default, str | float | tuple) and default != ()) or type(default) is int:
                    option.default = option.type.write(default) if isinstance(option.type, ParsedOption) else default
        return super().get_params(ctx)


def job_command(noun: str, example: str) -> Callable[[Callable[..., Any]], JobCommand]:
    """Return a decorator that makes a function the verb of a job, with an example below its help."""
    return click.command(cls=JobCommand, noun=noun, epilog=f"Example: {example}")


class CountOption(click.FloatRange):
    """A number within bounds, with k, M or G for thousands, millions and thousand millions: 500k."""

    name = "count"
    is_whole = False

    def _describe_range(self) -> str:
        """Click's words, without bounds that are none or beyond all use."""
        text = super()._describe_range()
        return "" if text.endswith("None") else text.replace("0<x<=1000000000000.0", "x>0")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number; a whole one is an int."""
        try:
            return units.parse_number(str(value), units.Bounds(self.min, self.max, self.min_open, self.is_whole))
        except ValueError as wrong:
            self.fail(str(wrong), param, ctx)


class WholeCountOption(CountOption):
    """A whole number, with k, M or G: 500k, 1.5M."""

    is_whole = True


class Integer(WholeCountOption):
    """The same, of what nobody counts in thousands: ports, seeds, processes."""

    name = "integer"


def write_percent(part: float) -> str:
    """Format a part of 1 in per cent, as options accept it."""
    return f"{part * 100:g}%"


PACE = ParsedOption("pace", units.check_pace)
QUOTA = ParsedOption("quota", units.parse_quota, "{:g}".format)
DURATION = ParsedOption("duration", units.parse_length, "{:g}s".format)
RATES = ParsedOption("rates", units.parse_rates, lambda rates: ",".join(f"{rate:g}" for rate in rates))
SECONDS = ParsedOption("duration", units.parse_seconds, "{:g}s".format)
SHARE = ParsedOption("share", units.parse_share, write_percent)
PERCENT = ParsedOption("percent", units.parse_percent, write_percent)
FILE = GivenPath()
POSITIVE = CountOption(min=0, min_open=True, max=1e12)

SCENARIO = click.argument("scenario", type=ScenarioFile(), metavar="SCENARIO")
"""A file, or the name of a shipped scenario."""

TARGET = click.option("--target", metavar="local|URL|aws", help="Where requests go.")
REGION = click.option("--region", help="Region of --target URL or aws; from boto3's usual chain unless given.")
CONSENT = click.option("--yes", is_flag=True, help="Do not ask before sending to AWS.")
LOCAL_QUOTA = click.option("--quota", type=QUOTA, help="Requests a second of the local endpoint, or off.")
SENDERS = click.option("--senders", type=Integer(1, 900), help="Most requests at once, per process.")
ACCEPT = click.option("--accept", type=click.Choice(get_args(Accept)), help="Answers that accept: RUM's, or any 2xx.")

DURATION_OPTION = click.option("--duration", type=DURATION, help="In place of the scenario's: 30s, 5m, 2h, 7d.")
RATE = click.option("--rate", type=CountOption(0, 1e6, min_open=True), help="Factor on the arrivals, such as 0.5.")
SEED = click.option("--seed", type=Integer(min=0), help="Same scenario and seed, same sessions.")
SAMPLE_RATE = click.option("--sample-rate", type=SHARE, help="Share of sessions recorded; the monitor's unless given.")
DIALECT = click.option(
    "--dialect", type=click.Choice(get_args(DialectName)), help="Write bodies as the RUM web client or as an AWS SDK."
)
VISITS_A_DAY = click.option(
    "--sessions-per-day",
    type=CountOption(),
    help="Plan 24 hours with this many visits; scenarios of --with keep their rate.",
)
PEAK_TO_TROUGH = click.option(
    "--peak-to-trough",
    type=CountOption(),
    help="Visits of that day's busiest hour by its quietest in one country, for a shorter scenario; 4 unless given.",
)
PRICE = click.option("--price", type=CountOption(), help="Dollars for an event.")

JSON = click.option(
    "--json",
    "as_json",
    is_flag=True,
    callback=print_json_alone,
    help="Print JSON, and nothing else, on standard output.",
)
PORT = Integer(1, 65535)
RUN_DIR = click.argument("run_dir", type=FILE)
NAME = click.argument("name")
YES = click.option("--yes", is_flag=True, help="Do not ask.")

JUNIT = click.option("--junit", type=WritablePath(), metavar="FILE", help="Write thresholds and verdict as JUnit XML.")
SUMMARY_MD = click.option("--summary-md", type=WritablePath(), metavar="FILE", help="Write a summary in Markdown.")


def html_option(text: str, **more: Any) -> Callable[[Any], Any]:
    """Make the option --html FILE, with - for standard output."""
    return click.option("--html", type=OutputPath(), help=text, **{"metavar": "FILE"} | more)


def add_options(*options: Callable[[Any], Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that adds options in this order."""

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
    click.option("--target", metavar="URL|aws", help="Where RUM is; AWS_ENDPOINT_URL_RUM unless given."),
    click.option("--region", help="Region; from boto3's usual chain unless given."),
    network_options,
)


def with_monitors(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the target's options to a command. It gets the opened Monitors; the call that it returns is shown."""

    @target_options
    @wraps(command)
    def open_and_call(*arguments: Any, **more: Any) -> None:
        from loadgen.jobs.monitors import describe_call

        options = {name: more.pop(name) for name in ("target", "region", "proxy", "ca_bundle")}
        with loadgen.Monitors(**options, on_progress=echo_error) as opened:
            call = command(*arguments, opened=opened, **more)
        if call is not None:
            show_result(call.answer, describe_call(call), more.get("as_json", False))

    return open_and_call
