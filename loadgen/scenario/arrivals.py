"""When sessions start, in k6's words: stages and rates, or a closed population."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pydantic import Field

from loadgen.scenario.problems import Country, Seconds, Section, Weight
from loadgen.scenario.thresholds import Thresholds

MOST_A_SECOND = 1_000_000.0
"""Sessions: no site has more."""


class Stage(Section):
    """A linear ramp from the previous target to this one; the same target holds, a duration of 0 jumps."""

    duration: Seconds = Field(description="Length of the stage.")
    target: float = Field(ge=0, le=MOST_A_SECOND, description="Sessions per second at its end.")
    thresholds: Thresholds = Field(Thresholds(), description="What this stage must keep, beside the run's own.")


class FlashCrowd(Section):
    """A sudden crowd: a steep rise, a hold, an exponential decay. Estimates; the model is World Cup 98."""

    at: Seconds = Field(description="When it begins.")
    times: float = Field(8.0, ge=0, le=1000, description="Factor on the rate at its height; below 1 is an outage.")
    rise: Seconds = Field(300.0, description="Time to the height.")
    hold: Seconds = Field(600.0, description="Time at the height.")
    half_life: Seconds = Field(1800.0, gt=0, description="Time in which what is more than usual halves.")


WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Day(Section):
    """The rhythm of days and weeks in each country's local time; over a week the rate keeps its mean."""

    starts: str = Field(
        "mon 00:00",
        pattern="^(mon|tue|wed|thu|fri|sat|sun) ([01][0-9]|2[0-3]):[0-5][0-9]$",
        description="Weekday and UTC time of the run's zero.",
    )
    ratio: float = Field(4.0, ge=1, le=1000, description="Peak to trough within one country; an estimate.")
    peak_hour: float = Field(20.0, ge=0, le=24, description="Busiest local hour: 20 for consumers, 11 to 15 at work.")
    trough_hour: float = Field(4.0, ge=0, le=24, description="Quietest local hour.")
    weekend: float = Field(
        1.0, gt=0, le=1000, description="Saturday and Sunday beside other days: retail 1.05, work 0.85."
    )
    countries: dict[Country, Weight] | None = Field(
        None, description="Countries whose days are added up. Default: the population's."
    )

    @property
    def start_hour(self) -> float:
        """Hours from Monday 00:00 UTC to the run's zero, below 168."""
        weekday, clock = self.starts.split()
        hours, minutes = clock.split(":")
        return WEEKDAYS.index(weekday) * 24 + int(hours) + int(minutes) / 60

    def find_start(self, earliest: float) -> float:
        """The first Unix time from `earliest`, a midnight of UTC, on at which the calendar says what `starts` says."""
        midnight = datetime.fromtimestamp(earliest, UTC)
        hours = (self.start_hour - midnight.weekday() * 24) % 168
        return (midnight + timedelta(hours=hours)).timestamp()


class Noise(Section):
    """Slow ups and downs of the rate (a Cox process, AR(1) on the logarithm, minute by minute)."""

    sd: float = Field(0.15, ge=0, le=2, description="Standard deviation of the rate's logarithm.")
    memory: Seconds = Field(600.0, gt=0, description="Time after which the correlation has fallen to 1/e.")


class Arrivals(Section):
    """Sessions start as a Poisson process along a rate, or as the visits of a closed population; the target's answers
    have no effect."""

    rate: float | None = Field(
        None,
        ge=0,
        le=MOST_A_SECOND,
        description="Sessions per second: constant, or where the first stage starts. "
        "Without stages the default is 1, before stages 0 (k6's startRate).",
    )
    stages: tuple[Stage, ...] = Field(
        (), description="The rate's way through the run; the last target holds to the end."
    )

    visitors: int | None = Field(
        None,
        ge=1,
        le=200_000,
        description="A closed population in place of a rate: so many visitors come again and again.",
    )
    pause: Seconds = Field(120.0, gt=0, description="How long they stay away between visits, mean of an exponential.")
    flash_crowds: tuple[FlashCrowd, ...] = Field((), description="Sudden crowds on top of the rate.")
    day: Day | None = Field(None, description="Day and week rhythm; without it the rate is as written.")
    noise: Noise | None = Field(None, description="Slow noise on the rate; without it there is none.")

    @property
    def start_rate(self) -> float:
        """Sessions per second at the run's zero."""
        if self.rate is not None:
            return self.rate
        return 0.0 if self.stages else 1.0

    def place_day(self, zero: float) -> Arrivals:
        """The same with its rhythm where the calendar has it, for a run whose zero is at Unix time `zero`."""
        if self.day is None:
            return self
        moment = datetime.fromtimestamp(zero, UTC)
        starts = f"{WEEKDAYS[moment.weekday()]} {moment:%H:%M}"
        return self.model_copy(update={"day": self.day.model_copy(update={"starts": starts})})

    def scale(self, factor: float) -> Arrivals:
        """The same curve with every rate multiplied."""
        if self.visitors is not None:
            return self.model_copy(update={"visitors": max(round(self.visitors * factor), 1)})
        stages = tuple(stage.model_copy(update={"target": stage.target * factor}) for stage in self.stages)
        return self.model_copy(update={"rate": self.start_rate * factor, "stages": stages})
