"""How long a visitor looks at a page before the next step: distributions in seconds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from loadgen.scenario.part import Part


class Weibull(Part):
    """Dwell times as measured on 205,873 pages: many leave at once, few stay long (Liu, White, Dumais, SIGIR 2010)."""

    distribution: Literal["weibull"] = "weibull"
    shape: float = Field(0.75, gt=0, description="Below 1: the longer one has stayed, the longer one stays.")
    scale: float = Field(46.2, gt=0, description="Seconds; 63 % have left by then.")


class Lognormal(Part):
    """Think times whose logarithm is normal."""

    distribution: Literal["lognormal"]
    median: float = Field(gt=0, description="Seconds.")
    sigma: float = Field(1.0, gt=0, description="Standard deviation of the natural logarithm.")


class Exponential(Part):
    """Think times without memory (reading time of 3GPP's HTTP model: mean 30 s)."""

    distribution: Literal["exponential"]
    mean: float = Field(30.0, gt=0, description="Seconds.")


class Quantiles(Part):
    """Think times as measured: the values at equal steps from the shortest to the longest, straight lines between."""

    distribution: Literal["quantiles"]
    seconds: tuple[Annotated[float, Field(ge=0)], ...] = Field(
        min_length=2, description="Ascending; [0, 10, 60]: median 10."
    )


ThinkTime = Annotated[Weibull | Lognormal | Exponential | Quantiles, Field(discriminator="distribution")]


class ThinkTimes(Part):
    """Dwell times of pages that state none of their own."""

    desktop: ThinkTime = Field(
        Weibull(scale=46.2), description="Mean 55 s, median 28 s (after Liu, White, Dumais 2010)."
    )
    mobile: ThinkTime = Field(Weibull(scale=29.4), description="Mean 35 s; also for tablets.")
