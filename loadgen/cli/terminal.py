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
    zip("–—−→←…“”’µ·±×█", ["-", "-", "-", "->", "<-", "...", '"', '"', "'", "u", ".", "+-", "x", "#"], strict=True)
)
"""How characters that we write ourselves look where the encoding lacks them."""


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
