"""What `--help` shows at 80 columns: whole sentences, no line that is cut or too long, an example for each verb."""

from __future__ import annotations

import re
import shlex

import click
import pytest
from click.core import ParameterSource
from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

from loadgen.cli import commands
from loadgen.cli.options import JobCommand
from tests import docs

TOP = click.Context(commands, info_name="loadgen", terminal_width=docs.COLUMNS, **commands.context_settings)
CONTEXTS = {context.command_path: context for context in docs.walk(TOP)}
VERBS = [path for path, context in CONTEXTS.items() if not isinstance(context.command, click.Group)]


@pytest.mark.parametrize("path", CONTEXTS)
def test_no_line_of_help_is_cut_or_longer_than_80_columns(path: str) -> None:
    lines = CONTEXTS[path].get_help().splitlines()
    assert max(map(len, lines)) <= 80
    assert not [line for line in lines if line.endswith("...") and not line.startswith("Usage:")]
    assert "None" not in "".join(lines)


def test_the_help_of_a_group_says_of_each_verb_what_it_does_in_a_whole_sentence() -> None:
    said = " ".join(CONTEXTS["loadgen"].get_help().split())
    for name, command in commands.commands.items():
        assert command.help
        sentence = re.split(r"\.(?: |$)", " ".join(command.help.split()), maxsplit=1)[0]
        assert f"{name} {sentence}" in said


@pytest.mark.parametrize("path", VERBS)
def test_the_help_of_a_verb_has_an_example_that_its_parser_takes(path: str) -> None:
    example = CONTEXTS[path].command.epilog or ""
    assert example.startswith(f"Example: {path}"), example
    words = shlex.split(example.removeprefix(f"Example: {path}").partition(",")[0])
    command = CONTEXTS[path].command
    parsed = command.make_context(path, words, parent=CONTEXTS[path].parent)
    assert parsed.params or not command.params


@pytest.mark.parametrize("path", [path for path in VERBS if isinstance(CONTEXTS[path].command, JobCommand)])
def test_an_option_that_is_not_given_has_the_default_of_the_field_of_its_name(path: str) -> None:
    command = CONTEXTS[path].command
    assert isinstance(command, JobCommand)
    words = shlex.split((command.epilog or "").removeprefix(f"Example: {path}"))
    parsed = command.make_context(path, words, parent=CONTEXTS[path].parent)
    fixed = {each.name: each.default for each in fields(command.noun) if each.default_factory is NODEFAULT}
    made = {each.name: each.default_factory() for each in fields(command.noun) if each.name not in fixed}
    defaults = fixed | made
    not_given = [name for name in parsed.params if parsed.get_parameter_source(name) is ParameterSource.DEFAULT]
    found = {name: parsed.params[name] or None for name in not_given if name in defaults}
    assert found == {name: None if isinstance(defaults[name], Struct) else defaults[name] or None for name in found}
    assert len([value for value in found.values() if value is not None]) >= 1


@pytest.mark.parametrize("path", VERBS)
def test_a_verb_that_takes_a_scenario_takes_the_name_of_a_shipped_one(path: str) -> None:
    for parameter in CONTEXTS[path].command.params:
        if parameter.metavar == "SCENARIO":
            offered = parameter.shell_complete(CONTEXTS[path], "quick")
            assert [item.value for item in offered if item.type == "plain"] == ["quickstart"]
            assert offered[0].type == "file"
