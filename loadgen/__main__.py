"""`python -m loadgen`, and the `loadgen` script: a signal to end counts from the first moment.

Rule: Ctrl-C, SIGTERM and a closing terminal end every command alike, with exit code 130, unless it takes them itself.
"""

import signal
import sys
from typing import NoReturn


def main() -> None:
    """Run a command; a signal while it is still imported ends the process without a traceback."""
    heeded = [each for each in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(each) != signal.SIG_IGN]  # nohup
    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:  # else ignored, as in a script's background
        heeded.append(signal.SIGINT)
    for number in heeded:
        signal.signal(number, leave)
    from loadgen.cli import main as run_command

    for number in heeded:
        signal.signal(number, signal.default_int_handler)  # raises KeyboardInterrupt
    run_command()


def leave(*_: object) -> NoReturn:
    """Say that it was interrupted, and end."""
    print("loadgen: interrupted", file=sys.stderr)
    sys.exit(130)


if __name__ == "__main__":
    main()
