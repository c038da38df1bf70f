"""Scenario files: found by path or by the name of a shipped one, read as raw data, written as TOML.

Rule: a damaged file costs neither minutes nor a traceback, one line says why it cannot be read. Python's TOML parser
recurses into nested values and takes time that is quadratic in the parts of a dotted key, so what no scenario needs is
refused before it. What `format_scenario` writes is read back equal.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loadgen.errors import ScenarioError
from loadgen.scenario.problems import Section

FOLDER = Path(__file__).parents[1] / "scenarios"
"""In the repository a link to its `scenarios/`, in an installed package a folder."""

MOST_BYTES = 10_000_000
MOST_NESTED = 100  # brackets in brackets, or parts of a dotted key; a scenario has up to six
LONGEST_WORD = 1_000  # characters of a number or an unquoted key

STRINGS_AND_COMMENTS = re.compile(
    r'"""(?:\\.|[^\\])*?"""|' + r"'''.*?'''|" + r'"(?:\\.|[^"\\\n])*"|' + r"'[^'\n]*'|" + r"#[^\n]*", re.DOTALL
)
LONG_WORD = re.compile(rf"[\w+-]{{{LONGEST_WORD}}}")
LONG_DOTTED_KEY = re.compile(rf"(?:[\w-]+\s*\.\s*){{{MOST_NESTED}}}")


def list_shipped() -> list[str]:
    """The names of the shipped scenarios, sorted."""
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def find_scenario(given: str | Path) -> Path:
    """The file that a path or a shipped scenario's name means; the path as given where there is neither."""
    path = Path(given)
    is_shipped = not path.exists() and path.name in list_shipped() and path == Path(path.name)
    return FOLDER / f"{path.name}.toml" if is_shipped else path


def parse_toml(text: str, file: str) -> dict[str, Any]:
    """The data of a TOML text; `file` is its name in messages. Raises ScenarioError."""
    text = text.removeprefix("\ufeff")  # some editors begin a file with a byte order mark
    if reason := _find_excess(STRINGS_AND_COMMENTS.sub(_shorten, text)):
        raise ScenarioError(f"{file}: {reason}; no scenario needs that, so the file is damaged or another one")
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{file}: not valid TOML: {error}") from None
    if not raw:
        raise ScenarioError(f'{file}: empty; write at least name = "…" and one page, such as [pages.home]')
    return raw


def _shorten(found: re.Match[str]) -> str:
    """What stands for a string or comment while the rest is looked at: as many lines."""
    return "s" + "\n" * found[0].count("\n")


def _find_excess(bare: str) -> str | None:
    """What a text without strings and comments has too much of."""
    for pattern, what in (
        (LONG_WORD, f"a number or key of more than {LONGEST_WORD:,} characters"),
        (LONG_DOTTED_KEY, f"a dotted key of more than {MOST_NESTED} parts"),
    ):
        if found := pattern.search(bare):
            return f"line {bare.count(chr(10), 0, found.start()) + 1} has {what}"
    depth = 0
    for found in re.finditer(r"[\[{\]}]", bare):
        depth += 1 if found[0] in "[{" else -1
        if depth > MOST_NESTED:
            return f"line {bare.count(chr(10), 0, found.start()) + 1} has more than {MOST_NESTED} brackets in brackets"
    return None


def read_text(path: str | Path) -> str:
    """Read a scenario by its path or shipped name, unchecked; ScenarioError tells why it cannot be read."""
    path = find_scenario(path)
    if path.is_dir():
        raise ScenarioError(f"{path}: a directory, not a scenario file; name a file in it")
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise ScenarioError(f"{path}: no such file{_list_scenarios(path)}") from None
    except (OSError, ValueError) as error:  # a name with a null byte
        raise ScenarioError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > MOST_BYTES:
        raise ScenarioError(f"{path}: larger than {MOST_BYTES / 1e6:.0f} MB; name a scenario file")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from None


def _list_scenarios(path: Path) -> str:
    """Scenarios that lie where the file was looked for, or where ours are shipped."""
    for folder in (path.parent, path.parent / "scenarios"):
        if names := sorted(each.name for each in folder.glob("*.toml") if _is_scenario(each)):
            return f"; {folder} has {', '.join(names)}"
    return "" if path.suffix else f", and no shipped scenario of that name; there are {', '.join(list_shipped())}"


def _is_scenario(path: Path) -> bool:
    """Whether a TOML file has pages, as nothing but a scenario has."""
    try:
        return "pages" in parse_toml(read_text(path), str(path))
    except ScenarioError:
        return False


def format_scenario(scenario: Section) -> str:
    """Write a scenario as TOML, a line for each of its members; what it leaves to the defaults is left out."""
    members = scenario.model_dump(mode="python", by_alias=True, exclude_unset=True)
    lines = [f"{name} = {write_toml(value)}\n" for name, value in members.items() if value is not None]
    return "".join(lines)


def write_toml(value: Any) -> str:
    """A value of TOML on one line."""
    if isinstance(value, Mapping):
        members = [f"{json.dumps(str(key))} = {write_toml(inner)}" for key, inner in value.items() if inner is not None]
        return "{ " + ", ".join(members) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(write_toml, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")  # TOML forbids DEL where JSON does not
