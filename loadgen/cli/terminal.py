"""What the command line prints: any text on any terminal, whatever its encoding.

Rule: no character ends a command, and no text of a foreign file controls the terminal. `echo` prints every line of
`cli`, except bytes of JSON.
"""

from __future__ import annotations

import codecs
import io
import sys

import click

from loadgen.output import escape_controls

HANDLER = "loadgen-replace"

SPELLED = dict(
    zip(
        "–—−→←…“”’µ·±×█✓✗≤≥",
        ["-", "-", "-", "->", "<-", "...", '"', '"', "'", "u", ".", "+-", "x", "#", "+", "x", "<=", ">="],
        strict=True,
    )
)
"""How characters that we write ourselves look where the encoding lacks them."""


class VerbGroup(click.Group):
    """A group whose help says of each verb what it does, in full; click would end a long line with dots."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Each verb with the first sentence of its help, on as many lines as it takes."""
        with formatter.section("Commands"):
            verbs = sorted(self.commands.items())
            formatter.write_dl([(name, each.get_short_help_str(limit=1000)) for name, each in verbs])


def prepare_streams() -> None:
    """Write what an output's encoding lacks in another way, in place of a UnicodeEncodeError."""
    codecs.register_error(HANDLER, spell)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=HANDLER)


def spell(error: UnicodeError) -> tuple[str, int]:
    """Another spelling of characters that cannot be encoded, and where to go on; a codec's error handler."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(SPELLED.get(each, "?") for each in error.object[error.start : error.end]), error.end


def echo(text: str, *, err: bool = False) -> None:
    """Print a line, or several."""
    click.echo(escape_controls(text), err=err)
