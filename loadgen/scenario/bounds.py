"""The least and the largest numbers that the format takes, for whoever writes a scenario by program."""

from __future__ import annotations

from math import inf
from typing import Any

from loadgen.scenario.problems import Section


def find_bounds(model: type[Section], name: str) -> tuple[float, float]:
    """The least and the largest value of a member of the scenario's format; infinite where it has none."""
    limits = model.model_fields[name].metadata
    least = [limit.ge for limit in limits if getattr(limit, "ge", None) is not None]
    most = [limit.le for limit in limits if getattr(limit, "le", None) is not None]
    return max(least, default=-inf), min(most, default=inf)


def bound_members(members: dict[str, Any], model: type[Section]) -> None:
    """Move numbers, also those in the sections within, to the nearest that the scenario's format takes."""
    for name, value in members.items():
        field = model.model_fields.get(name)
        if field is None or isinstance(value, bool):
            continue
        if isinstance(value, dict) and isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            bound_members(value, field.annotation)
        elif isinstance(value, int | float):
            least, most = find_bounds(model, name)
            members[name] = type(value)(min(max(value, least), most))
