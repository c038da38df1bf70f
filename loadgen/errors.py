"""The errors of loadgen, as one small tree.

LoadgenError            an error that a person can mend: one line on stderr, exit code 2
├── ScenarioError       a bad scenario file: file, path in the file, what to write instead
├── EndpointError       the local endpoint cannot start or has died
├── GeneratorKilled     the process that sends was killed before it had sent anything: exit code 130
└── ControlError        the RUM API refused: unknown monitor, wrong credentials, missing permission
    └── Unreachable     the RUM API gave no usable answer: no connection, a 5xx, or throttled; worth another try

A failed request is no error here: it is a Result.

Rule: a name from outside (a file, a page, an answer) may hold any character, but must neither end a line nor control
the terminal that shows it. `escape_line` makes one safe line of it, `escape_controls` a safe text of several lines.
"""

import re
import signal
from collections.abc import Callable
from errno import ENOMEM
from types import FrameType
from typing import NoReturn

CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Control characters except line feed and tab, Unicode's line separators, and marks of the writing direction."""


def escape_controls(text: str) -> str:
    """Escape control characters and marks of the writing direction, such as ESC to \\x1b; line feeds stay."""
    return CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def escape_line(text: str) -> str:
    """Escape control characters and line feeds, so that the text fills one line: a line feed becomes \\n."""
    return escape_controls(text).replace("\n", "\\n")


class LoadgenError(Exception):
    """An error that a person can mend; its lines say what is wrong, where, and what to write instead."""

    exit_code = 2
    """The exit code of a command that this error ends."""

    def __init__(self, *lines: str) -> None:
        super().__init__(*map(escape_line, lines))

    def __str__(self) -> str:
        return "\n".join(self.args)


class ScenarioError(LoadgenError):
    """A scenario file that cannot be used; the message has a line for each of its problems."""


class EndpointError(LoadgenError):
    """The local RUM endpoint cannot start, or has died."""


class GeneratorKilled(LoadgenError):
    """The process that sends was ended by a signal before it had sent anything."""

    exit_code = 130


class ControlError(LoadgenError):
    """A control plane call that the RUM API refused."""


class Unreachable(ControlError):
    """A control plane call that got no answer, or a passing refusal, and may succeed later."""


OUT_OF_MEMORY = "out of memory; give it more (ulimit -v, the container's limit), or ask for less at a time"
NO_MEMORY_TO_LOAD = ("failed to map segment", "cannot allocate memory")  # texts of dlopen(3) in an ImportError


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that this process got no more memory, for data, a library or a thread."""
    if isinstance(error, ImportError):
        return any(words in str(error).lower() for words in NO_MEMORY_TO_LOAD)
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == ENOMEM)


def describe_error(error: BaseException | None) -> str:
    """Describe any error in one line of words."""
    if isinstance(error, LoadgenError):
        return str(error)
    if error is not None and is_out_of_memory(error):
        return OUT_OF_MEMORY
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror} ({error.filename})" if error.filename else error.strerror
    return f"{type(error).__name__}: {error}"


class Interrupted(KeyboardInterrupt):
    """A signal that ends a command.

    It is not KeyboardInterrupt itself: CPython remembers a KeyboardInterrupt that has passed through `exec()`, which
    many imports use to make classes, and later ends a `python -m` program by SIGINT even if the program handled it.
    """


def interrupt() -> NoReturn:
    """Raise `Interrupted`, which ends the command as a signal does."""
    raise Interrupted


def interrupt_by_signal(_: int, frame: FrameType | None) -> None:
    """Handle a signal: raise `Interrupted`, outside of an import."""
    act_after_imports(frame, interrupt)


def act_after_imports(frame: FrameType | None, act: Callable[[], None], looks: int = 0) -> None:
    """Call `act` for a signal that came at this frame; during an import, call it when the import is over.

    An exception inside an import may be caught by the code that imports: pydantic makes a schema error of it. So the
    frame is looked at again every `LOOK_SECONDS`, and `act` is called at the latest after `MOST_LOOKS` looks.
    """
    while frame is not None and frame.f_code.co_filename != IMPORTING:
        frame = frame.f_back
    if frame is None or looks > MOST_LOOKS:  # a caller's own module may be imported for as long as the command runs
        act()
        return
    signal.signal(signal.SIGALRM, lambda _, later: act_after_imports(later, act, looks + 1))
    signal.setitimer(signal.ITIMER_REAL, LOOK_SECONDS)


IMPORTING = "<frozen importlib._bootstrap>"
LOOK_SECONDS, MOST_LOOKS = 0.02, 100
