"""When sessions start, in k6's words: stages and rates, or a closed population."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pydantic import Field

from loadgen.scenario.problems import Country, Seconds, Section, Weight
from loadgen.scenario.thresholds import Thresholds

MOST_A_SECOND = 1_000_000.0
"""The highest rate, in sessions a second: no site has more."""


class Stage(Section):
    """A linear ramp of the rate from the previous stage's target to this stage's; a duration of 0 makes a jump."""

    duration: Seconds = Field(description="Length of the stage.")
    target: float = Field(ge=0, le=MOST_A_SECOND, description="Sessions per second at the stage's end.")
    thresholds: Thresholds = Field(
        Thresholds(), description="Bounds that this stage's figures must keep, beside the run's thresholds."
    )


class FlashCrowd(Section):
    """A sudden crowd: the rate rises steeply, holds, and decays exponentially. Estimates after World Cup 98."""

    at: Seconds = Field(description="When the crowd begins.")
    times: float = Field(8.0, ge=0, le=1000, description="Factor on the rate at the peak; below 1 is an outage.")
    rise: Seconds = Field(300.0, description="Time from the beginning to the peak.")
    hold: Seconds = Field(600.0, description="Time at the peak.")
    half_life: Seconds = Field(1800.0, gt=0, description="Time in which the excess over the usual rate halves.")


WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Day(Section):
    """The rhythm of days and weeks in each country's local time; the mean rate over a week does not change."""

    starts: str = Field(
        "mon 00:00",
        pattern="^(mon|tue|wed|thu|fri|sat|sun) ([01][0-9]|2[0-3]):[0-5][0-9]$",
        description="Weekday and UTC time of the run's zero.",
    )
    ratio: float = Field(4.0, ge=1, le=1000, description="Ratio of peak to trough in one country. Estimate.")
    peak_hour: float = Field(20.0, ge=0, le=24, description="Busiest local hour: 20 for consumers, 11 to 15 at work.")
    trough_hour: float = Field(4.0, ge=0, le=24, description="Quietest local hour.")
    weekend: float = Field(1.0, gt=0, le=1000, description="Factor on Saturdays and Sundays: retail 1.05, work 0.85.")
    countries: dict[Country, Weight] | None = Field(
        None, description="Weights of the countries whose local days are added up. Default: the population's."
    )

    @property
    def start_hour(self) -> float:
        """Hours from Monday 00:00 UTC to the run's zero, below 168."""
        weekday, clock = self.starts.split()
        hours, minutes = clock.split(":")
        return WEEKDAYS.index(weekday) * 24 + int(hours) + int(minutes) / 60

    @staticmethod
    def name_start(moment: datetime) -> str:
        """Return the `starts` of a run whose zero is at a moment in UTC."""
        return f"{WEEKDAYS[moment.weekday()]} {moment:%H:%M}"

    def find_start(self, earliest: float) -> float:
        """Find the first Unix time, at `earliest` or later, that has the weekday and time of `starts`.

        `earliest` is the Unix time of a midnight in UTC.
        """
        midnight = datetime.fromtimestamp(earliest, UTC)
        hours = (self.start_hour - midnight.weekday() * 24) % 168
        return (midnight + timedelta(hours=hours)).timestamp()


class Noise(Section):
    """Slow random variation of the rate: a Cox process, whose logarithm is an AR(1) series of minutes."""

    sd: float = Field(0.15, ge=0, le=2, description="Standard deviation of the rate's logarithm.")
    memory: Seconds = Field(600.0, gt=0, description="Time after which the correlation has fallen to 1/e.")


class Arrivals(Section):
    """When sessions start: as a Poisson process along a rate, or as the visits of a closed population.

    The target's answers do not change when sessions start.
    """

    rate: float | None = Field(
        None,
        ge=0,
        le=MOST_A_SECOND,
        description="Sessions per second: constant without stages, else at the start of the first stage. "
        "Default: 1 without stages, 0 with stages (k6's startRate).",
    )
    stages: tuple[Stage, ...] = Field(
        (), description="Ramps of the rate, one after the other; the last target holds to the run's end."
    )

    visitors: int | None = Field(
        None,
        ge=1,
        le=200_000,
        description="Number of visitors of a closed population, who visit again and again; in place of a rate.",
    )
    pause: Seconds = Field(
        120.0, gt=0, description="Mean time between two visits of a visitor of the closed population; exponential."
    )
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
        """Return the arrivals with `day.starts` set to weekday and time of Unix time `zero`, the run's zero."""
        if self.day is None:
            return self
        starts = Day.name_start(datetime.fromtimestamp(zero, UTC))
        return self.model_copy(update={"day": self.day.model_copy(update={"starts": starts})})

    def scale(self, factor: float) -> Arrivals:
        """Return the arrivals with every rate, or the number of visitors, multiplied by `factor`."""
        if self.visitors is not None:
            return self.model_copy(update={"visitors": max(round(self.visitors * factor), 1)})
        stages = tuple(stage.model_copy(update={"target": stage.target * factor}) for stage in self.stages)
        return self.model_copy(update={"rate": self.start_rate * factor, "stages": stages})
