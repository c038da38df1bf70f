"""The kinds of values that options take, with what to write instead."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from loadgen import units
from loadgen.cli.terminal import echo

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


MOST_SECONDS = 366 * 86400.0


def echo_error(line: str) -> None:
    """Show a line of progress on standard error."""
    echo(line, err=True)


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

    def _describe_range(self) -> str:
        return describe_bounds(super()._describe_range())

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number, if it is within the bounds."""
        return float(super().convert(read_count(self, value, param, ctx), param, ctx))


class WholeCountOption(click.IntRange):
    """A whole number, with k, M or G: 500k, 1.5M."""

    name = "count"

    def _describe_range(self) -> str:
        return describe_bounds(super()._describe_range())

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number, if it is whole and within the bounds."""
        number = read_count(self, value, param, ctx)
        if not number.is_integer():
            self.fail(f"{value!r} is no whole number", param, ctx)
        return int(super().convert(int(number), param, ctx))


def describe_bounds(text: str) -> str:
    """Click's words for a range, without bounds that are none or beyond all use."""
    return "" if text.endswith("None") else text.replace("0<x<=1000000000000.0", "x>0")


def read_count(
    option: click.ParamType[Any], value: Any, param: click.Parameter | None, ctx: click.Context | None
) -> float:
    """What `units.parse_count` reads; otherwise the option fails with its words."""
    try:
        return units.parse_count(str(value))
    except ValueError as wrong:
        option.fail(str(wrong), param, ctx)


def parse_quota(text: str) -> float | None:
    """Requests a second; None when off."""
    try:
        rate = None if text == "off" else units.parse_count(text)
    except ValueError:
        rate = 0.0
    if rate == 0:
        raise ValueError(f"{text!r} is no quota; write requests per second such as 50, or off")
    return rate


def parse_duration(text: str) -> float:
    """Seconds above 0, such as 90s, 5m, 2h."""
    seconds = units.parse_duration(text)
    if seconds > MOST_SECONDS:
        raise ValueError(f"{text!r} is too long; write at most 366d")
    if not seconds:
        raise ValueError(f"{text!r} is too short; write seconds, or a number with a unit such as 90s, 5m, 2h")
    return seconds


def parse_rates(text: str) -> tuple[float, ...]:
    """Sample rates between commas, each above 0 and at most 1."""
    try:
        rates = tuple(units.parse_share(part.strip()) for part in text.split(","))
    except ValueError:
        rates = (0.0,)
    if not all(rates):
        raise ValueError(f"{text!r} is no list of sample rates; write shares such as 0.01,0.1,1")
    return rates


def parse_percent(text: str) -> float:
    """A part that may be more than the whole, as 1.3 or 130%."""
    try:
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise ValueError(f"{text!r} is no percentage; write one such as 30% or 0.3") from None


def check_pace(text: str) -> str:
    """realtime, a factor such as 10x, or max: as it is written."""
    units.parse_pace(text)
    return text


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


PACE = ParsedOption("pace", check_pace)
QUOTA = ParsedOption("quota", parse_quota)
DURATION = ParsedOption("duration", parse_duration)
RATES = ParsedOption("rates", parse_rates)
SHARE = ParsedOption("share", units.parse_share)
PERCENT = ParsedOption("percent", parse_percent)
OPERATION_QUOTA = ParsedOption("quota", parse_operation_quota)
POSITIVE = CountOption(min=0, min_open=True, max=1e12)


class PatternOption(click.ParamType[str]):
    """Text of one form."""

    def __init__(self, name: str, form: str, instead: str) -> None:
        self.name, self._form, self._instead = name, form, instead

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text as it is."""
        if not re.fullmatch(self._form, str(value)):
            self.fail(f"{value!r} is no {self.name}; write {self._instead}", param, ctx)
        return str(value)
