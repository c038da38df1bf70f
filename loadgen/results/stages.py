"""The stages of a scenario's arrivals that a run reaches, in seconds on the wall."""

from __future__ import annotations

from math import inf

from loadgen.errors import LoadgenError
from loadgen.scenario import Scenario, Stage


def find_stages(scenario: Scenario, pace: float) -> tuple[tuple[float, Stage], ...]:
    """The stages that the run reaches and that last, each with its end in seconds on the wall."""
    reached: list[tuple[float, Stage]] = []
    at = last = 0.0
    for stage in scenario.arrivals.stages:
        at = min(at + stage.duration, scenario.duration)
        if at / pace > last:
            last = at / pace
            reached.append((last, stage))
    return tuple(reached)


def find_stage_ends(scenario: Scenario, pace: float) -> tuple[float, ...]:
    """The ends of those stages in seconds on the wall; none as fast as possible, where nothing has a moment."""
    return tuple(end for end, _ in find_stages(scenario, pace)) if pace != inf else ()


def check_stages(file: str, scenario: Scenario, pace: float) -> None:
    """Refuse thresholds of stages where a run has no stages: as fast as possible nothing has a moment."""
    strict = [
        str(place) for place, stage in enumerate(scenario.arrivals.stages, 1) if stage.thresholds.model_fields_set
    ]
    if pace == inf and strict:
        raise LoadgenError(
            f"{file}: arrivals.stages: stage {', '.join(strict)} has thresholds of its own, and --pace max knows no "
            "stages; give --pace a factor such as 10x, or move them to [thresholds]"
        )
