"""The kinds of values that options take, with what to write instead."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import click
from click.shell_completion import CompletionItem

from loadgen import units

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


class WritablePath(click.Path):
    """A file to be written, which is refused before the work when it cannot be."""

    name = "file"

    def __init__(self) -> None:
        super().__init__(path_type=Path, allow_dash=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path."""
        from loadgen.output import check_output

        path = cast(Path, super().convert(value, param, ctx))
        check_output(path)
        return path


class ParsedOption(click.ParamType[Value]):
    """A value that a function reads from text; its ValueError says what to write instead."""

    def __init__(self, name: str, parse: Callable[[str], Value]) -> None:
        self.name, self._parse = name, parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Value:
        """The value."""
        try:
            return self._parse(str(value))
        except ValueError as wrong:
            self.fail(str(wrong), param, ctx)


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


PACE = ParsedOption("pace", units.check_pace)
QUOTA = ParsedOption("quota", units.parse_quota)
DURATION = ParsedOption("duration", units.parse_length)
RATES = ParsedOption("rates", units.parse_rates)
SHARE = ParsedOption("share", units.parse_share)
PERCENT = ParsedOption("percent", units.parse_percent)
OPERATION_QUOTA = ParsedOption("quota", parse_operation_quota)
POSITIVE = CountOption(min=0, min_open=True, max=1e12)
