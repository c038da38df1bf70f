"""The output of the command line, and its one question: any text on any terminal, whatever its encoding.

Rule: no character makes a command fail (`output.prepare_streams`), and no name from outside ends a line or controls the
terminal (`errors.escape_line`). `echo` prints every line of `cli`, except JSON. If an option writes to standard output,
nothing else does: lines for people then go to standard error.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import click

from loadgen.errors import escape_line

if TYPE_CHECKING:
    from rich.console import RenderableType

    from loadgen.jobs.targets import Confirm, ConsentQuestion

STANDARD_OUTPUT = f"{__name__}.standard_output"
"""The key in click's context of the option that writes to standard output."""


class VerbGroup(click.Group):
    """A group whose help describes each verb in a full sentence; click itself would cut it."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each verb with the first sentence of its help, on as many lines as it takes."""
        with formatter.section("Commands"):
            verbs = sorted(self.commands.items())
            formatter.write_dl([(name, each.get_short_help_str(limit=1000)) for name, each in verbs])


def take_standard_output(option: str) -> None:
    """Reserve standard output for an option; UsageError if another option has it already."""
    owner = click.get_current_context().meta.setdefault(STANDARD_OUTPUT, option)
    if owner != option:
        raise click.UsageError(f"{owner} and {option} both write to standard output; name a file for one of them")


def is_standard_output_taken() -> bool:
    """Return whether an option writes to standard output, so that all other lines go to standard error."""
    context = click.get_current_context(silent=True)
    return context is not None and STANDARD_OUTPUT in context.meta


def echo(*lines: str, err: bool = False) -> None:
    """Print lines. On a terminal, lines for people (standard error) break between words; results never do."""
    err = err or is_standard_output_taken()
    for line in map(escape_line, lines):
        click.echo(wrap_words(line) if err and sys.stderr.isatty() else line, err=err)


def wrap_words(text: str) -> str:
    """Break lines between words to the terminal's width."""
    width = shutil.get_terminal_size().columns
    lines = (wrap(line, width, break_long_words=False, break_on_hyphens=False) for line in text.splitlines())
    return "\n".join(part for line in lines for part in line or [""])


def echo_error(line: str) -> None:
    """Show a line of progress on standard error."""
    echo(line, err=True)


def ask_on_terminal(yes: bool) -> Confirm:
    """Return a `confirm` that shows the facts on standard error and waits for a typed yes, unless `yes` is True."""

    def confirm(question: ConsentQuestion) -> bool:
        echo(*question.facts, err=True)
        return yes or _is_yes_typed(question.text)

    return confirm


def _is_yes_typed(question: str) -> bool:
    """Ask the question; the end of the input counts as no. An answer that no person types does not end the line."""
    is_line_open = not sys.stdin.isatty()
    try:
        return str(click.prompt(f"{question} Type yes to go on", default="no", err=True)) == "yes"
    except click.Abort:
        is_line_open = True
        return False
    finally:
        if is_line_open:
            echo_error("")


def echo_json(value: object) -> None:
    """Print a value as JSON for programs."""
    from loadgen.output import format_json

    click.echo(format_json(value), nl=False)


def show_view(view: RenderableType) -> None:
    """Print a view that is laid out for a terminal."""
    from loadgen.report import show

    show(view, on_stderr=is_standard_output_taken())


def show_result(value: Any, lines: Iterable[str], as_json: bool) -> None:
    """Print a result: as JSON for programs, or the lines that describe it."""
    if as_json:
        echo_json(value)
    else:
        echo(*lines)


def show_beside_page(value: Any, render: Callable[[Any], Any], page: Path | None, as_json: bool) -> None:
    """Print a result as JSON or as a view, and name the page that shows it too."""
    if as_json:
        echo_json(value)
    else:
        show_view(render(value))
    if page is not None:
        from loadgen.jobs.progress import describe_output

        echo(f"page      {describe_output(page)}")
