"""What can go wrong, as one small tree.

LoadgenError            a person can mend it: one line on stderr, exit code 2
├── ScenarioError       a scenario file: file, path in the file, what to write instead
├── EndpointError       the local endpoint cannot start or has died
├── GeneratorKilled     the process that sends was killed before it had sent anything: exit code 130
└── ControlError        the RUM API refused: unknown monitor, wrong credentials, missing permission
    └── Unreachable     no answer for now: no connection, a 5xx, or throttled; worth another try

A failed request is not here: it is a Result.

Rule: a name from outside (a file, a page, an answer) may hold any character, and neither ends a line nor controls the
terminal that shows it: `escape_line` is for a line, `escape_controls` for text of several.
"""

import re
import signal
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Control characters but line end and tab, the other line ends, and what changes the direction of writing."""


def escape_controls(text: str) -> str:
    """Text that cannot control a terminal, or turn what is beside it: ESC becomes \\x1b; its lines stay lines."""
    return CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def escape_line(text: str) -> str:
    """The same on one line: a line end becomes \\n."""
    return escape_controls(text).replace("\n", "\\n")


class LoadgenError(Exception):
    """The message is complete: what, where, and what to write instead; each argument is a line."""

    exit_code = 2
    """Of a command that ends by it."""

    def __init__(self, *lines: str) -> None:
        super().__init__(*map(escape_line, lines))

    def __str__(self) -> str:
        return "\n".join(self.args)


class ScenarioError(LoadgenError):
    """A scenario that cannot be read; one line per problem, all of them at once."""


class EndpointError(LoadgenError):
    """The local RUM endpoint cannot start, or has died."""


class GeneratorKilled(LoadgenError):
    """The process that sends was killed, or told to end by a signal of its own, before it had sent anything."""

    exit_code = 130


class ControlError(LoadgenError):
    """A control plane call that the RUM API refused."""


class Unreachable(ControlError):
    """A call that got no answer for now, and may get one later."""


class Interrupted(KeyboardInterrupt):
    """A signal that ends a command.

    A class of its own: CPython remembers a KeyboardInterrupt that has passed through `exec()`, and later ends a
    program of `python -m` by SIGINT however it was handled. Many imports make classes by `exec()`.
    """


def interrupt() -> NoReturn:
    """End the command as by a signal."""
    raise Interrupted


def interrupt_by_signal(_: int, frame: FrameType | None) -> None:
    """A handler of signals."""
    after_imports(frame, interrupt)


def after_imports(frame: FrameType | None, act: Callable[[], None], looks: int = 0) -> None:
    """Act for a signal that came at this frame; if a module is being imported, once that is over, or after a while.

    Modules run code of others, who make something else of an exception: pydantic an error of its schema.
    """
    while frame is not None and frame.f_code.co_filename != IMPORTING:
        frame = frame.f_back
    if frame is None or looks > MOST_LOOKS:  # the caller itself may stand in a module that is imported
        act()
        return
    signal.signal(signal.SIGALRM, lambda _, later: after_imports(later, act, looks + 1))
    signal.setitimer(signal.ITIMER_REAL, LOOK_SECONDS)


IMPORTING = "<frozen importlib._bootstrap>"
LOOK_SECONDS, MOST_LOOKS = 0.02, 100
