"""The draft of a fitted scenario: raw members by section, and a comment on each block about the data behind it."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable
from typing import Any

from loadgen.scenario import PageSpec, Population, Scenario, Telemetry, bound_members, write_toml

SECTIONS = ("monitor", "client", "arrivals", "population", "telemetry", "pools")
BARE = re.compile("[A-Za-z0-9_-]+")
LONGEST_LINE = 118


class Draft:
    """A draft of a scenario: its members in the order in which they are written, with comments."""

    def __init__(self, name: str, description: str) -> None:
        self.name, self.description = name, description
        self.top: dict[str, Any] = {}
        self.sections: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
        self.pages: dict[str, dict[str, Any]] = {}
        self.comments: dict[str, str] = {}

    def copy(self) -> Draft:
        """Return a deep copy of the draft."""
        return copy.deepcopy(self)

    def note(self, block: str, what: str) -> None:
        """Add to a block's comment the data that one of its members was estimated from."""
        before = self.comments.get(block, "")
        self.comments[block] = f"{before[:-1]}; {what}." if before else f"{what}."

    def add(self, section: str, name: str, value: Any, told: str) -> None:
        """Add a member to a section, and to its comment the data that the member was estimated from."""
        self.sections[section][name] = value
        self.note(section, f"{name}: {told}")

    def build(self) -> Scenario:
        """Return the draft as a checked scenario."""
        return Scenario.parse(self.write(), self.name)

    def write(self) -> str:
        """Return the scenario's file; values that odd data push out of the format's bounds are moved to the bounds."""
        bound_members(self.sections["population"], Population)
        bound_members(self.sections["telemetry"], Telemetry)
        for page in self.pages.values():
            bound_members(page, PageSpec)
        head = [f"name = {json.dumps(self.name)}", f"description = {write_toml(self.description)}",
                *(_write_member(name, value) for name, value in self.top.items()), ""]  # fmt: skip
        tables = self.sections | {f"pages.{_quote(name)}": page for name, page in self.pages.items()}
        blocks = (block for name, members in tables.items() if members for block in self._write_table(name, members))
        return "\n".join(["\n".join(head), *blocks])

    def _write_table(self, name: str, members: dict[str, Any]) -> list[str]:
        """Return the text of a table, and those of tables in it that have a comment or are too long for one line."""
        lines, inner = [], []
        for key, value in members.items():
            path = f"{name}.{_quote(key)}"
            if isinstance(value, dict) and (path in self.comments or len(write_toml(value)) > LONGEST_LINE - 30):
                inner += self._write_table(path, value)
            else:
                lines.append(_write_member(key, value))
        if not lines:
            return inner
        comment = (f"# {line}" for line in _fill_lines(self.comments.get(name, "").split(), LONGEST_LINE - 2))
        return ["\n".join([*comment, f"[{name}]", *lines, ""]), *inner]


def _quote(name: str) -> str:
    return name if BARE.fullmatch(name) else json.dumps(name)


def _write_member(name: str, value: Any) -> str:
    """Return a member's text; a list that is too long for one line has a line for each table, or full lines."""
    line = f"{_quote(name)} = {_write_value(value)}"
    if len(line) <= LONGEST_LINE or not isinstance(value, list):
        return line
    items = [f"{_write_value(item)}," for item in value]
    rows = items if any(isinstance(item, dict) for item in value) else _fill_lines(items, LONGEST_LINE - 4)
    return "\n".join([f"{_quote(name)} = [", *(f"    {row}" for row in rows), "]"])


def _write_value(value: Any) -> str:
    """Return a value as TOML; bare keys stay bare, whole floats are written as integers."""
    if isinstance(value, dict):
        members = ", ".join(f"{_quote(str(key))} = {_write_value(inner)}" for key, inner in value.items())
        return f"{{ {members} }}" if members else "{}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_write_value, value)) + "]"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return write_toml(value)


def _fill_lines(words: Iterable[str], length: int) -> list[str]:
    """Put words into lines of at most this length, unless one word alone is longer."""
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + 1 + len(word) <= length:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
