"""`loadgen init`: write a commented scenario to start from, and its schema for the completion and checks of editors."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from loadgen.errors import LoadgenError
from loadgen.options import require_path
from loadgen.output import write_output
from loadgen.scenario import Scenario, format_schema

TEMPLATE = "scenario.toml"
TEMPLATE_NAME = "my-site"
SCHEMA = "scenario.schema.json"  # the template's first line names it


def init(name: str = TEMPLATE_NAME, folder: Path | str = ".") -> Path:
    """Write a commented scenario with this name to `<name>.toml`, and beside it the schema that it refers to.

    Returns the scenario's file. Raises LoadgenError if the name is not allowed, or the file exists.
    """
    if not isinstance(name, str):
        raise LoadgenError(f"{name!r} is no name for a scenario; write text, such as {TEMPLATE_NAME}")
    stem = name.removesuffix(".toml")
    file = require_path(folder, "folder") / f"{stem}.toml"
    template = files(__package__).joinpath(TEMPLATE).read_text(encoding="utf-8")
    text = template.replace(f'"{TEMPLATE_NAME}"', f'"{stem}"')
    try:
        Scenario.parse(text, file.name)
    except LoadgenError:
        raise LoadgenError(
            f"{name!r} is no name for a scenario; write up to 64 letters, digits, dots, dashes and underscores"
        ) from None
    if file.exists():
        raise LoadgenError(f"{file}: exists already; give another name, such as `loadgen init {stem}-2`")
    schema = file.with_name(SCHEMA)
    if schema.exists() and not is_scenario_schema(schema):
        raise LoadgenError(f"{schema}: is no schema of scenarios and would be lost; move it, or use another folder")
    write_output(schema, format_schema())
    write_output(file, text)
    return file


def is_scenario_schema(file: Path) -> bool:
    """Whether a file holds the JSON Schema of scenarios, perhaps of another version."""
    try:
        return bool(msgspec.json.decode(file.read_bytes(), type=dict[str, Any])["title"] == Scenario.__name__)
    except (OSError, ValueError, KeyError):
        return False
