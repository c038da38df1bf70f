"""The kinds of values that options take, with what to write instead."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from loadgen import units


class ScenarioFile(click.ParamType[Path]):
    """A scenario file, or the name of a shipped scenario."""

    name = "scenario"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        from loadgen.scenario import find_scenario

        return find_scenario(value)


SCENARIO = click.argument("scenario", type=ScenarioFile(), metavar="SCENARIO")

POSITIVE = click.FloatRange(min=0, min_open=True, max=1e12)

MOST_SECONDS = 366 * 86400.0


def echo_error(line: str) -> None:
    """Show a line of progress on standard error."""
    click.echo(line, err=True)


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
            rate = float(value)
        except ValueError:
            rate = 0.0
        if not 0 < rate < float("inf"):
            self.fail(f"{value!r} is no quota; write requests per second such as 50, or off", param, ctx)
        return rate


class DurationOption(click.ParamType[float]):
    """Seconds, or a duration such as 90s, 5m, 2h."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds."""
        text = str(value)
        found = re.fullmatch(r"([0-9.]+)([smhd]?)", text)
        units = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
        try:
            seconds = float(found[1]) * units[found[2]] if found else 0.0
        except ValueError:
            seconds = 0.0
        if seconds > MOST_SECONDS:
            self.fail(f"{text!r} is too long; write at most 366d", param, ctx)
        if not 0 < seconds < float("inf"):
            self.fail(
                f"{text!r} is no duration; write seconds, or a number with a unit such as 90s, 5m, 2h", param, ctx
            )
        return seconds


class RatesOption(click.ParamType[tuple[float, ...]]):
    """Sample rates between commas."""

    name = "rates"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        """Sample rates, each above 0 and at most 1."""
        try:
            rates = tuple(float(part) for part in str(value).split(","))
        except ValueError:
            rates = ()
        if not rates or not all(0 < rate <= 1 for rate in rates):
            self.fail(f"{value!r} is no list of sample rates; write shares such as 0.01,0.1,1", param, ctx)
        return rates


class ShareOption(click.ParamType[float]):
    """A share, as 0.001 or 0.1%."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """A share from 0 to 1."""
        text = str(value)
        try:
            share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            share = -1.0
        if not 0 <= share <= 1:
            self.fail(f"{text!r} is no share; write one such as 0.001 or 0.1%", param, ctx)
        return share


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
            rate = float(number)
        except ValueError:
            rate = 0.0
        if operation not in load_service_model().operations or not 0 < rate < float("inf"):
            self.fail(f"{value!r} is no operation's quota; write NAME=N such as GetAppMonitorData=5", param, ctx)
        return operation, rate
