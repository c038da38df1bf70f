"""What can go wrong, as one small tree.

LoadgenError            a person can mend it: one line on stderr, exit code 2
├── ScenarioError       a scenario file: file, path in the file, what to write instead
├── EndpointError       the local endpoint cannot start or has died
└── ControlError        the RUM API refused: unknown monitor, wrong credentials, missing permission
    └── Unreachable     no answer for now: no connection, a 5xx, or throttled; worth another try

A failed request is not here: it is a Result.
"""

from typing import NoReturn


class LoadgenError(Exception):
    """The message is complete: what, where, and what to write instead."""


class ScenarioError(LoadgenError):
    """A scenario that cannot be read; one line per problem, all of them at once."""


class EndpointError(LoadgenError):
    """The local RUM endpoint cannot start, or has died."""


class ControlError(LoadgenError):
    """A control plane call that the RUM API refused."""


class Unreachable(ControlError):
    """A call that got no answer for now, and may get one later."""


class Interrupted(KeyboardInterrupt):
    """A signal that ends a command.

    A class of its own: CPython remembers a KeyboardInterrupt that has passed through `exec()`, and later ends a
    program of `python -m` by SIGINT however it was handled. Many imports make classes by `exec()`.
    """


def interrupt(*_: object) -> NoReturn:
    """A handler of signals."""
    raise Interrupted
