"""What is generated is fresh, and what the README promises exists."""

from __future__ import annotations

import re

from loadgen.cli import commands
from tests import docs


def test_the_command_reference_is_fresh() -> None:
    assert docs.README.read_text() == docs.readme_with_reference(), "run make docs"


def test_the_scenario_schema_is_fresh() -> None:
    assert docs.SCHEMA.read_text() == docs.schema_text(), "run make docs"


def test_every_option_that_the_readme_names_exists() -> None:
    known = {option for command in commands.commands.values() for each in command.params for option in each.opts}
    shown = re.sub(r"```text.*?```", "", docs.README.read_text(), flags=re.DOTALL)
    used = {
        option
        for line in re.findall(r"^(?:\$ )?loadgen .*$", shown, flags=re.MULTILINE)
        for option in re.findall(r"(?<= )--[a-z-]+", line)
    }
    assert used <= known | {"--help", "--version"}, used - known
