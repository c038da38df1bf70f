"""`python -m loadgen`, and the `loadgen` script: how the process ends when it is told to, or when nobody reads.

Rule: Ctrl-C, SIGTERM and a closing terminal count from the first moment, before anything is imported; they end every
command alike, with exit code 130, unless it takes them itself.
"""

import os
import signal
import sys
from contextlib import suppress
from errno import EDQUOT, EFBIG, EIO, ENOSPC
from typing import NoReturn

from loadgen.errors import interrupt_by_signal

INTERRUPTED = 130
UNWRITABLE = (EDQUOT, EFBIG, EIO, ENOSPC)  # errors of writing to standard output that goes to a file


def main() -> None:
    """Run a command; a signal while it is still imported ends the process without a traceback."""
    heeded = [each for each in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(each) != signal.SIG_IGN]  # nohup
    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:  # else ignored, as in a script's background
        heeded.append(signal.SIGINT)
    for number in heeded:
        signal.signal(number, leave)
    os.environ["PYTHONSAFEPATH"] = "1"  # to processes of ours a random.py in the folder is no module, as it is to us
    is_on_terminal = any(os.isatty(number) for number in (1, 2))
    from loadgen.cli import main as run_command

    for number in heeded:
        signal.signal(number, interrupt_by_signal)
    try:
        run_command()
    except KeyboardInterrupt:
        leave()
    except BrokenPipeError:  # whoever read has gone, as with `| head`
        redirect_to_nowhere()
        sys.exit(INTERRUPTED)
    except OSError as error:
        if error.errno not in UNWRITABLE or error.filename is not None:
            raise
        redirect_to_nowhere()
        if error.errno == EIO and is_on_terminal:  # it has been closed
            sys.exit(INTERRUPTED)
        with suppress(OSError):  # of a terminal that is gone
            print(f"loadgen: standard output cannot be written ({os.strerror(error.errno).lower()})", file=sys.stderr)
        sys.exit(2)
    finally:
        ignore_signals()


def leave(*_: object) -> NoReturn:
    """Say that it was interrupted, where somebody may still read it, and end; a second signal changes nothing."""
    ignore_signals()
    with suppress(OSError):
        print("loadgen: interrupted", file=sys.stderr)
    sys.exit(INTERRUPTED)


def ignore_signals() -> None:
    """While the process ends: the interpreter's own end would die of a signal, with another exit code than is known."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def redirect_to_nowhere() -> None:
    """Let Python flush standard output at its end without a complaint."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    with suppress(OSError):
        sys.stdout.flush()
    os.dup2(nowhere, sys.stdout.fileno())


if __name__ == "__main__":
    main()
