"""`python -m loadgen.swarm OPTIONS`: Locust with our locustfile, as `loadgen run` and `loadgen worker` start it.

Rule: the user's own set-up of Locust or gevent has no effect: no configuration file and no environment variable is
read. Ctrl-C counts from the first moment, long before Locust is imported.
"""

from loadgen.swarm import remember_signals

remember_signals()


def main() -> None:
    """Start Locust, which ends the process with the run's exit code."""
    import os
    import sys
    from pathlib import Path
    from typing import Any

    for name in [name for name in os.environ if name.startswith(("LOCUST_", "GEVENT_"))]:
        del os.environ[name]
    from locust import main as locust_main

    from loadgen.swarm.locust_private import ignore_configuration

    ignore_configuration()
    sys.argv[1:1] = ["-f", str(Path(__file__).with_name("locustfile.py"))]
    start: Any = locust_main.main
    start()


if __name__ == "__main__":
    main()
