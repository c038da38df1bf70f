"""The limits of this machine for a process, file descriptors and local ports, checked before a run begins.

Rule: a limit that can be raised is raised; a limit that cannot is refused with the number that is needed.
"""

from __future__ import annotations

import os
import resource
import socket
from errno import EADDRNOTAVAIL
from math import ceil
from pathlib import Path

from loadgen.errors import LoadgenError

SPARE_DESCRIPTORS = 100  # for the files of Python, Locust, boto3 and the run, with some to spare
PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")  # Linux
CONNECTIONS = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
REUSE = Path("/proc/sys/net/ipv4/tcp_tw_reuse")

HELD_SECONDS = 60.0
"""How long the state TIME_WAIT holds a local port: Linux's TCP_TIMEWAIT_LEN (include/net/tcp.h)."""

REUSED_SECONDS = 1.0
"""How long TIME_WAIT holds a port if Linux may reuse it (ip-sysctl's tcp_tw_reuse: 1, or 2 on loopback)."""

CLOSING = frozenset({"04", "05", "06", "0B"})
"""FIN_WAIT1, FIN_WAIT2, TIME_WAIT, CLOSING (include/net/tcp_states.h): the states of the end that closed first."""


def require_descriptors(connections: int, what: str, processes: int = 1) -> None:
    """Let this process and its child processes open `connections` each. LoadgenError: the system does not allow it.

    `what` names the connections, such as "500 senders"; they are those of so many `processes`.
    """
    needed = connections + SPARE_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        fitting = (hard - SPARE_DESCRIPTORS) // processes
        fewer = f", or give --senders {fitting}" if fitting > 0 else ""
        raise LoadgenError(
            f"{what} need {needed} file descriptors, and this process may open {hard}: raise `ulimit -n` to {needed}"
            f"{fewer}"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def require_ports(connections: int, what: str) -> None:
    """Raise LoadgenError if this machine has fewer local ports than `connections` to one target; `what` names them."""
    free = count_ports()
    if free is not None and free < connections:
        raise LoadgenError(
            f"{what} need {connections} local ports, and this machine has {free} "
            "(net.ipv4.ip_local_port_range): widen it, or give fewer --senders"
        )


def require_ports_to_spend(connections: int, a_second: float, seconds: float, loopback: bool) -> None:
    """Raise LoadgenError if requests would use up local ports faster than this machine frees them.

    Each request takes a port and keeps it from use for a while. `connections` are open at once; `a_second` further ones
    are opened and closed each second, for `seconds` (0: `a_second` ones in all, as fast as possible).
    """
    free, held = count_ports(), count_held_seconds(loopback)
    needed = connections + ceil(a_second * min(seconds, held) if seconds else a_second)
    if free is not None and free < needed:
        raise LoadgenError(
            f"the target keeps no connection, and each leaves its local port behind for {held:g} s: "
            f"{a_second:,.0f} requests{'/s' if seconds else ''} need {needed} local ports, and this machine has {free} "
            "(net.ipv4.ip_local_port_range): widen it, let the target keep connections, or give a lower --rate"
        )


def require_free_port(option: str, host: str, port: int) -> None:
    """Raise LoadgenError if this process cannot listen on a port; `option` names it. Host "" or * is every address."""
    host = "" if host == "*" else host
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:  # its own text would name Python's function too
        number = error.errno or 0
        if number == EADDRNOTAVAIL or number < 0:  # the resolver's
            raise LoadgenError(
                f"{option} {port}: {host} is no address of this machine; give an address of this machine"
            ) from None
        raise LoadgenError(f"{option} {port}: {os.strerror(number).lower()}; give another port") from None


def count_ports() -> int | None:
    """Return how many local ports connections to one target may use; None if the system does not say."""
    try:
        first, last = map(int, PORT_RANGE.read_text().split())
    except (OSError, ValueError):  # not Linux
        return None
    return last - first + 1


def count_held_seconds(loopback: bool) -> float:
    """Return for how many seconds a port stays in use after this machine has closed its connection."""
    try:
        reused = REUSE.read_text().strip()
    except OSError:
        return HELD_SECONDS
    return REUSED_SECONDS if reused == "1" or (reused == "2" and loopback) else HELD_SECONDS


def is_left_behind(port: int) -> bool:
    """Return whether this machine closed a connection first and still holds its local port; False if not known."""
    for table in CONNECTIONS:
        try:
            rows = [line.split(maxsplit=4)[1:4] for line in table.read_text().splitlines()[1:]]
        except OSError:
            continue
        if any(state in CLOSING and int(local.rpartition(":")[2], 16) == port for local, _, state in rows):
            return True
    return False
