"""The kinds of values that options take, with what to write instead."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from loadgen import units
from loadgen.cli.terminal import echo


class ScenarioFile(click.ParamType[Path]):
    """A scenario file, or the name of a shipped scenario."""

    name = "scenario"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        from loadgen.scenario import find_scenario

        return find_scenario(value)


SCENARIO = click.argument("scenario", type=ScenarioFile(), metavar="SCENARIO")

MOST_SECONDS = 366 * 86400.0


def echo_error(line: str) -> None:
    """Show a line of progress on standard error."""
    echo(line, err=True)


class PaceOption(click.ParamType[str]):
    """realtime, a factor such as 10x, or max."""

    name = "pace"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The pace as Locust's process will read it."""
        text = str(value)
        try:
            units.parse_pace(text)
        except ValueError as wrong:
            self.fail(str(wrong), param, ctx)
        return text


class QuotaOption(click.ParamType[float | None]):
    """Requests a second, or off."""

    name = "quota"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        """Requests a second; None when off."""
        if value is None or value == "off":
            return None
        try:
            rate = units.parse_count(str(value))
        except ValueError:
            rate = 0.0
        if not rate:
            self.fail(f"{value!r} is no quota; write requests per second such as 50, or off", param, ctx)
        return rate


class DurationOption(click.ParamType[float]):
    """Seconds, or a duration such as 90s, 5m, 2h."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds, above 0."""
        text = str(value)
        try:
            seconds = units.parse_duration(text)
        except ValueError as wrong:
            self.fail(str(wrong), param, ctx)
        if seconds > MOST_SECONDS:
            self.fail(f"{text!r} is too long; write at most 366d", param, ctx)
        if not seconds:
            self.fail(f"{text!r} is too short; write seconds, or a number with a unit such as 90s, 5m, 2h", param, ctx)
        return seconds


class CountOption(click.FloatRange):
    """A number, with k, M or G for thousands, millions and thousand millions: 500k."""

    name = "count"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number, if it is within the bounds."""
        return float(super().convert(read_count(self, value, param, ctx), param, ctx))


class WholeCountOption(click.IntRange):
    """A whole number, with k, M or G: 500k, 1.5M."""

    name = "count"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number, if it is whole and within the bounds."""
        number = read_count(self, value, param, ctx)
        if not number.is_integer():
            self.fail(f"{value!r} is no whole number", param, ctx)
        return int(super().convert(int(number), param, ctx))


def read_count(
    option: click.ParamType[Any], value: Any, param: click.Parameter | None, ctx: click.Context | None
) -> float:
    """What `units.parse_count` reads; otherwise the option fails with its words."""
    try:
        return units.parse_count(str(value))
    except ValueError as wrong:
        option.fail(str(wrong), param, ctx)


class RatesOption(click.ParamType[tuple[float, ...]]):
    """Sample rates between commas."""

    name = "rates"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        """Sample rates, each above 0 and at most 1."""
        try:
            rates = tuple(units.parse_share(part.strip()) for part in str(value).split(","))
        except ValueError:
            rates = (0.0,)
        if not all(rates):
            self.fail(f"{value!r} is no list of sample rates; write shares such as 0.01,0.1,1", param, ctx)
        return rates


class ShareOption(click.ParamType[float]):
    """A share, as 0.001 or 0.1%."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """A share from 0 to 1."""
        try:
            return units.parse_share(str(value))
        except ValueError as wrong:
            self.fail(str(wrong), param, ctx)


class PercentOption(click.ParamType[float]):
    """A part that may be more than the whole, as 1.3 or 130%."""

    name = "percent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The part: 0.3 for 30%."""
        text = str(value)
        try:
            return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            self.fail(f"{text!r} is no percentage; write one such as 30% or 0.3", param, ctx)


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


class OperationQuotaOption(click.ParamType[tuple[str, float]]):
    """An operation and its calls a second."""

    name = "quota"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, float]:
        """Name and calls a second."""
        from loadgen.rum.service_model import load_service_model

        operation, _, number = str(value).partition("=")
        try:
            rate = units.parse_count(number)
        except ValueError:
            rate = 0.0
        if operation not in load_service_model().operations or not rate:
            self.fail(f"{value!r} is no operation's quota; write NAME=N such as GetAppMonitorData=5", param, ctx)
        return operation, rate
