"""When sessions start: an open model in k6's words."""

from __future__ import annotations

from pydantic import Field

from loadgen.scenario.part import Part, Seconds


class Stage(Part):
    """A linear ramp from the previous target to this one; the same target holds, a duration of 0 jumps."""

    duration: Seconds = Field(description="Length of the stage.")
    target: float = Field(ge=0, description="Sessions per second at its end.")


class Arrivals(Part):
    """Sessions start as a Poisson process whose rate does not heed how the target copes."""

    rate: float | None = Field(
        None,
        ge=0,
        description="Sessions per second: constant, or where the first stage starts. "
        "Without stages the default is 1, before stages 0 (k6's startRate).",
    )
    stages: tuple[Stage, ...] = Field(
        (), description="The rate's way through the run; the last target holds to the end."
    )

    @property
    def start_rate(self) -> float:
        """Sessions per second at the run's zero."""
        if self.rate is not None:
            return self.rate
        return 0.0 if self.stages else 1.0

    @property
    def staged_seconds(self) -> float:
        """How long the stages last together."""
        return sum(stage.duration for stage in self.stages)

    def times(self, factor: float) -> Arrivals:
        """The same curve with every rate multiplied."""
        stages = tuple(stage.model_copy(update={"target": stage.target * factor}) for stage in self.stages)
        return self.model_copy(update={"rate": self.start_rate * factor, "stages": stages})
