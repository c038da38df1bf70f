"""The smallest and the largest numbers that the scenario format accepts, for programs that write scenarios."""

from __future__ import annotations

from math import inf
from typing import Any

from loadgen.scenario.problems import Section


def find_bounds(model: type[Section], name: str) -> tuple[float, float]:
    """Return the smallest and the largest value that a section's member may have; infinite where there is no bound."""
    limits = model.model_fields[name].metadata
    least = [limit.ge for limit in limits if getattr(limit, "ge", None) is not None]
    most = [limit.le for limit in limits if getattr(limit, "le", None) is not None]
    return max(least, default=-inf), min(most, default=inf)


def bound_members(members: dict[str, Any], model: type[Section]) -> None:
    """Replace each number of a section and of the sections inside it by the nearest number that the format accepts.

    `members` are the section's members by name; they are changed in place.
    """
    for name, value in members.items():
        field = model.model_fields.get(name)
        if field is None or isinstance(value, bool):
            continue
        if isinstance(value, dict) and isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            bound_members(value, field.annotation)
        elif isinstance(value, int | float):
            least, most = find_bounds(model, name)
            members[name] = type(value)(min(max(value, least), most))
