"""A Scenario → the text of a scenario file, so that one made or changed in Python can be kept and run.

Rule: what is read back from the text is equal to what was written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from loadgen.scenario.scenario import Scenario


def format_scenario(scenario: Scenario) -> str:
    """Write a scenario as TOML, a line for each of its members; what it leaves to the defaults is left out."""
    members = scenario.model_dump(mode="python", by_alias=True, exclude_unset=True)
    lines = [f"{name} = {toml(value)}\n" for name, value in members.items() if value is not None]
    return "".join(lines)


def toml(value: Any) -> str:
    """A value of TOML on one line."""
    if isinstance(value, Mapping):
        members = [f"{json.dumps(str(key))} = {toml(inner)}" for key, inner in value.items() if inner is not None]
        return "{ " + ", ".join(members) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")  # TOML forbids DEL where JSON does not
