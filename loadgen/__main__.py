"""`python -m loadgen` and the `loadgen` script: run a command, and end on signals and on unwritable output.

Rule: Ctrl-C, SIGTERM and a closing terminal are handled from the first moment, before the imports. They end each
command with exit code 130, unless the command installs handlers of its own.
"""

import os
import signal
import sys
from contextlib import suppress
from errno import EDQUOT, EFBIG, EIO, ENOSPC
from typing import NoReturn

from loadgen.errors import OUT_OF_MEMORY, interrupt_by_signal, is_out_of_memory

SHORT, INTERRUPTED = 3, 130
UNWRITABLE = (EDQUOT, EFBIG, EIO, ENOSPC)  # errors of writing to standard output that is redirected to a file


def main() -> None:
    """Run the command line; if memory runs out, print one line and end with exit code 3, as for any shortage."""
    try:
        run_with_signals()
    except (MemoryError, ImportError) as error:
        if not is_out_of_memory(error):
            raise
        with suppress(OSError):
            print(f"loadgen: {OUT_OF_MEMORY}", file=sys.stderr)
        sys.exit(SHORT)


def run_with_signals() -> None:
    """Run the command line; a signal that comes during the imports ends the process without a traceback."""
    handled = [each for each in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(each) != signal.SIG_IGN]  # nohup
    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:  # a shell script's background jobs ignore SIGINT
        handled.append(signal.SIGINT)
    for number in handled:
        signal.signal(number, leave)
    os.environ["PYTHONSAFEPATH"] = "1"  # our child processes, too, import no random.py from the working folder
    is_on_terminal = any(os.isatty(number) for number in (1, 2))
    from loadgen.cli import main as run_command

    for number in handled:
        signal.signal(number, interrupt_by_signal)
    try:
        run_command()
    except KeyboardInterrupt:
        leave()
    except BrokenPipeError:  # the reader of a pipe has ended, as with `| head`
        redirect_to_nowhere()
        sys.exit(INTERRUPTED)
    except OSError as error:
        if error.errno not in UNWRITABLE or error.filename is not None:
            raise
        redirect_to_nowhere()
        if error.errno == EIO and is_on_terminal:  # the terminal was closed
            sys.exit(INTERRUPTED)
        with suppress(OSError):  # standard error may be gone too
            print(f"loadgen: standard output cannot be written ({os.strerror(error.errno).lower()})", file=sys.stderr)
        sys.exit(2)
    finally:
        ignore_signals()


def leave(*_: object) -> NoReturn:
    """Print "interrupted" to standard error and end the process with exit code 130; ignore further signals."""
    ignore_signals()
    with suppress(OSError):
        print("loadgen: interrupted", file=sys.stderr)
    sys.exit(INTERRUPTED)


def ignore_signals() -> None:
    """Ignore signals from now on: one that comes while the interpreter shuts down would change the exit code."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def redirect_to_nowhere() -> None:
    """Redirect standard output to the null device, so that Python's last flush raises no error."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    with suppress(OSError):
        sys.stdout.flush()
    os.dup2(nowhere, sys.stdout.fileno())


if __name__ == "__main__":
    main()
