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

    def build(self) -> Scenario:
        """Return the draft as a checked scenario."""
        return Scenario.parse(self.write(), self.name)

    def write(self) -> str:
        """Return the scenario's file; values that odd data push out of the format's bounds are moved to the bounds."""
        bound_members(self.sections["population"], Population)
        bound_members(self.sections["telemetry"], Telemetry)
        for page in self.pages.values():
            bound_members(page, PageSpec)
        blocks = [self._write_head()]
        for name in SECTIONS:
            members = self.sections[name]
            if members:
                blocks += self._write_table(name, members)
        for name, page in self.pages.items():
            blocks += self._write_table(f"pages.{_quote(name)}", page)
        return "\n".join(blocks)

    def _write_head(self) -> str:
        lines = [f"name = {json.dumps(self.name)}", f"description = {write_toml(self.description)}"]
        return "\n".join([*lines, *(_write_member(name, value) for name, value in self.top.items()), ""])

    def _write_table(self, name: str, members: dict[str, Any]) -> list[str]:
        """Return the text of a table, and the texts of its members that need a table of their own."""
        own_tables = {key for key, value in members.items() if self._needs_table(f"{name}.{_quote(key)}", value)}
        lines = [_write_member(key, value) for key, value in members.items() if key not in own_tables]
        inner = [table for key in members if key in own_tables
                 for table in self._write_table(f"{name}.{_quote(key)}", members[key])]  # fmt: skip
        if not lines:
            return inner
        return ["\n".join([*_wrap_comment(self.comments.get(name, "")), f"[{name}]", *lines, ""]), *inner]

    def _needs_table(self, name: str, value: Any) -> bool:
        """Whether a value needs a table of its own: it is too long for one line, or has a comment."""
        return isinstance(value, dict) and (name in self.comments or len(write_toml(value)) > LONGEST_LINE - 30)


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


def _wrap_comment(text: str) -> list[str]:
    """Break a comment into lines."""
    return [f"# {line}" for line in _fill_lines(text.split(), LONGEST_LINE - 2)]


def _fill_lines(words: Iterable[str], length: int) -> list[str]:
    """Put words into lines of at most this length, unless one word alone is longer."""
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + 1 + len(word) <= length:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
