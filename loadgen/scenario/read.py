"""A scenario file → Scenario, or every problem in it at once."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from loadgen.errors import ScenarioError
from loadgen.scenario.checks import problems
from loadgen.scenario.problem import Problem
from loadgen.scenario.scenario import Scenario
from loadgen.scenario.wording import reworded


def load(path: str | Path) -> Scenario:
    """Read and check a scenario file; ScenarioError tells all its problems, a line each."""
    return parse(_text(Path(path)), str(path))


def parse(text: str, file: str) -> Scenario:
    """Check the text of a scenario; `file` is the name for messages."""
    try:
        raw = tomllib.loads(text.removeprefix("\ufeff"))  # some editors begin a file with a byte order mark
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{file}: not valid TOML: {error}") from None
    if not raw:
        raise ScenarioError(f'{file}: empty; write at least name = "…" and one page, such as [pages.home]')
    return _checked(frozen(raw), file)


def frozen(value: Any) -> Any:
    """The same data with tuples for lists, as strict models want them."""
    if isinstance(value, list):
        return tuple(frozen(item) for item in value)
    return {key: frozen(item) for key, item in value.items()} if isinstance(value, dict) else value


def _text(path: Path) -> str:
    """The file's text, or what hinders reading it."""
    if path.is_dir():
        raise ScenarioError(f"{path}: a directory, not a scenario file; name a file in it")
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        raise ScenarioError(f"{path}: no such file{_neighbours(path)}") from None
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}") from None


def _neighbours(path: Path) -> str:
    """Scenarios that lie where the file was looked for, or where ours are shipped."""
    for folder in (path.parent, path.parent / "scenarios"):
        if names := sorted(each.name for each in folder.glob("*.toml") if _is_scenario(each)):
            return f"; {folder} has {', '.join(names)}"
    return ""


def _is_scenario(path: Path) -> bool:
    """Whether a TOML file has pages, as nothing but a scenario has."""
    try:
        return "pages" in tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False


def _checked(raw: Mapping[str, Any], file: str) -> Scenario:
    found = _problems_of(lambda: problems(raw), raw)
    if found:
        raise ScenarioError("\n".join(f"{file}: {problem.path}: {problem.text}" for problem in found))
    return Scenario.model_validate(raw)


def _problems_of(checks: Callable[[], list[Problem]], raw: Mapping[str, Any]) -> list[Problem]:
    """Type problems and the others, each once, in the order of the file's paths."""
    found = checks()
    try:
        Scenario.model_validate(raw)
    except ValidationError as error:
        found += [reworded(each, raw, Scenario) for each in error.errors(include_url=False) if each["loc"]]
    return sorted(set(found))
