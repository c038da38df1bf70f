"""Scenario files: found by path or by the name of a shipped scenario, read as raw data, written as TOML.

Rule: a damaged file gives one line that says why it cannot be read, soon and without a traceback. Python's TOML parser
recurses into nested values and takes time that is quadratic in the parts of a dotted key, so a text with more of these
than any scenario needs is refused before it is parsed. What `format_scenario` writes is read back equal.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from loadgen.errors import ScenarioError
from loadgen.options import require_path
from loadgen.scenario.problems import Section

FOLDER = Path(__file__).parents[1] / "scenarios"
"""The shipped scenarios: in the repository a link to `scenarios/`, in an installed package a folder."""

LISTED = "`loadgen scenarios` lists the shipped ones"

MOST_BYTES = 10_000_000
MOST_NESTED = 100  # brackets in brackets, or parts of a dotted key; a scenario has up to six
LONGEST_WORD = 1_000  # characters of a number or an unquoted key

STRINGS_AND_COMMENTS = re.compile(
    r'"""(?:\\.|[^\\])*?"""|' + r"'''.*?'''|" + r'"(?:\\.|[^"\\\n])*"|' + r"'[^'\n]*'|" + r"#[^\n]*", re.DOTALL
)
LONG_WORD = re.compile(rf"[\w+-]{{{LONGEST_WORD}}}")
LONG_DOTTED_KEY = re.compile(rf"(?:[\w-]+\s*\.\s*){{{MOST_NESTED}}}")


def list_shipped() -> list[str]:
    """List the names of the shipped scenarios, sorted."""
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def find_scenario(given: str | Path) -> Path:
    """Return the file that a path, or the name of a shipped scenario, means; the given path if neither exists."""
    path = require_path(given, "scenario")
    is_shipped = not path.exists() and path.name in list_shipped() and path == Path(path.name)
    return FOLDER / f"{path.name}.toml" if is_shipped else path


def parse_toml(text: str, file: str) -> dict[str, Any]:
    """Parse a TOML text into raw data; `file` is its name in messages. Raises ScenarioError."""
    if not isinstance(text, str):
        raise ScenarioError(f"{file}: {text!r} is no text of a scenario; give its TOML, or Scenario.load its file")
    text = text.removeprefix("\ufeff")  # some editors begin a file with a byte order mark
    if reason := _find_excess(STRINGS_AND_COMMENTS.sub(_shorten, text)):
        raise ScenarioError(f"{file}: {reason}; the file is damaged, or no scenario; name a scenario file")
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{file}: not valid TOML: {error}") from None
    if not raw:
        raise ScenarioError(f'{file}: empty; write at least name = "…" and one page, such as [pages.home]')
    return raw


def _shorten(found: re.Match[str]) -> str:
    """Return a short text with the line ends of a string or comment, to stand in its place."""
    return "s" + "\n" * found[0].count("\n")


def _find_excess(bare: str) -> str | None:
    """Say what a TOML text, whose strings and comments were shortened, has too much of; None if nothing."""
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
    """Read the text of a scenario by path or shipped name, unchecked; ScenarioError says why it cannot be read."""
    path = find_scenario(path)
    if path.is_dir():
        raise ScenarioError(f"{path}: a directory, not a scenario file; name a file in it")
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise ScenarioError(f"{path}: no such file{_suggest_scenario(path)}") from None
    except (OSError, ValueError) as error:  # a name with a null byte
        raise ScenarioError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > MOST_BYTES:
        raise ScenarioError(f"{path}: larger than {MOST_BYTES / 1e6:.0f} MB; name a scenario file")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from None


def _suggest_scenario(path: Path) -> str:
    """Write a hint at the scenario that a missing file means: a shipped one, or one in the folder of the file."""
    folder, names = _list_neighbours(path)
    shipped = list_shipped()
    close = get_close_matches(path.name.removesuffix(".toml"), [*(Path(name).stem for name in names), *shipped], n=1)
    if close and close[0] in shipped and not (path.parent / f"{close[0]}.toml").exists():
        return f"; did you mean the shipped scenario {close[0]}?"
    is_bare = path == Path(path.name)
    if names:
        return f"; {folder} has {', '.join(names)}" + (f", {LISTED}" if is_bare else "")
    if path.suffix:
        return f"; {LISTED}" if is_bare else ""
    return f", and no shipped scenario of that name; there are {', '.join(shipped)}"


def _list_neighbours(path: Path) -> tuple[Path, list[str]]:
    """List the files of scenarios in the folder of a missing file, or in the folder `scenarios` beside it."""
    for folder in (path.parent, path.parent / "scenarios"):
        if names := sorted(each.name for each in folder.glob("*.toml") if _is_scenario(each)):
            return folder, names
    return path.parent, []


def _is_scenario(path: Path) -> bool:
    """Whether a TOML file is a scenario: whether it has pages."""
    try:
        return "pages" in parse_toml(read_text(path), str(path))
    except ScenarioError:
        return False


def format_scenario(scenario: Section) -> str:
    """Write a scenario as TOML, a line for each member that it states; members left to their defaults are omitted."""
    members = scenario.model_dump(mode="python", by_alias=True, exclude_unset=True)
    lines = [f"{name} = {write_toml(value)}\n" for name, value in members.items() if value is not None]
    return "".join(lines)


def write_toml(value: Any) -> str:
    """Write a value as TOML on one line."""
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
