"""Writes what is generated: the command reference and the scenario file's JSON Schema. `make docs` runs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from loadgen.cli import commands
from loadgen.scenario.scenario import format_schema

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "loadgen" / "cli" / "README.md"
SCHEMA = ROOT / "scenarios" / "scenario.schema.json"
COLUMNS = 78  # what click uses of a terminal of 80

HEAD = """# Commands

`make docs` writes this page from the commands themselves; a test compares the two. [README.md](../../README.md) has an
example of each job.

## Completion

One line in the shell's own file completes verbs, options, shipped scenarios and files:

| shell | file | line |
| --- | --- | --- |
| bash, 4.4 or later | `~/.bashrc` | `eval "$(_LOADGEN_COMPLETE=bash_source loadgen)"` |
| zsh | `~/.zshrc`, after `compinit` | `eval "$(_LOADGEN_COMPLETE=zsh_source loadgen)"` |
| fish | `~/.config/fish/config.fish` | `_LOADGEN_COMPLETE=fish_source loadgen \\| source` |
"""


def walk(context: click.Context) -> Iterator[click.Context]:
    """A command and all that stand below it, each verb before its own verbs."""
    yield context
    if isinstance(context.command, click.Group):
        for name, command in sorted(context.command.commands.items()):
            yield from walk(click.Context(command, context, name))


def help_of(context: click.Context) -> str:
    """The help of one command, as a terminal of 80 columns shows it."""
    return f"## {context.command_path}\n\n```text\n{context.command.get_help(context)}\n```"


def reference_text() -> str:
    """The page with the help of every command."""
    top = click.Context(commands, info_name="loadgen", terminal_width=COLUMNS, **commands.context_settings)
    return "\n\n".join([HEAD.strip(), *map(help_of, walk(top))]) + "\n"


if __name__ == "__main__":
    REFERENCE.write_text(reference_text())
    SCHEMA.write_text(format_schema())
