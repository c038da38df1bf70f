"""What the command line prints: any text on any terminal, whatever its encoding.

Rule: no character ends a command (`output.prepare_streams`), and no text of a foreign file controls the terminal.
`echo` prints every line of `cli`, except bytes of JSON.
"""

import click

from loadgen.output import escape_controls


class VerbGroup(click.Group):
    """A group whose help says of each verb what it does, in full; click would end a long line with dots."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Each verb with the first sentence of its help, on as many lines as it takes."""
        with formatter.section("Commands"):
            verbs = sorted(self.commands.items())
            formatter.write_dl([(name, each.get_short_help_str(limit=1000)) for name, each in verbs])


def echo(text: str, *, err: bool = False) -> None:
    """Print a line, or several."""
    click.echo(escape_controls(text), err=err)


def echo_error(line: str) -> None:
    """Show a line of progress on standard error."""
    echo(line, err=True)
