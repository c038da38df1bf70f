"""What this machine lets a process have: file descriptors and ports, checked before a run begins.

Rule: a limit that can be raised is raised; one that cannot is named with the number that is needed.
"""

from __future__ import annotations

import os
import resource
import socket
from errno import EADDRNOTAVAIL
from math import ceil
from pathlib import Path

from loadgen.errors import LoadgenError

SPARE_DESCRIPTORS = 100  # what Python, Locust, boto3 and a run's files have open, with some to spare
PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")  # Linux
CONNECTIONS = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
REUSE = Path("/proc/sys/net/ipv4/tcp_tw_reuse")

HELD_SECONDS = 60.0
"""Of a connection in the state TIME_WAIT: Linux's TCP_TIMEWAIT_LEN (include/net/tcp.h)."""

REUSED_SECONDS = 1.0
"""The same where its port may be taken again for the same target (ip-sysctl's tcp_tw_reuse: 1, or 2 on loopback)."""

CLOSING = frozenset({"04", "05", "06", "0B"})
"""FIN_WAIT1, FIN_WAIT2, TIME_WAIT, CLOSING (include/net/tcp_states.h): of who closes first."""


def count_free_descriptors() -> int:
    """How many files and connections this process may still open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft - count_open_descriptors()


def count_open_descriptors() -> int:
    """How many files and connections this process has open."""
    for folder in ("/proc/self/fd", "/dev/fd"):
        try:
            return len(os.listdir(folder))  # noqa: PTH208  (a Path for each of thousands is slow)
        except OSError:
            continue
    return 0


def require_descriptors(connections: int, what: str) -> None:
    """Let this process and those it starts open so many connections each; LoadgenError when the system refuses.

    `what` names the connections, such as "500 senders".
    """
    needed = connections + SPARE_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        fitting = hard - SPARE_DESCRIPTORS
        fewer = f", or give --senders {fitting}" if fitting > 0 else ""
        raise LoadgenError(
            f"{what} need {needed} file descriptors, and this process may open {hard}: raise `ulimit -n` to {needed}"
            f"{fewer}"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def require_ports(connections: int, what: str) -> None:
    """Refuse more connections to one target than this machine has local ports for."""
    free = count_ports()
    if free is not None and free < connections:
        raise LoadgenError(
            f"{what} need {connections} local ports, and this machine has {free} "
            "(net.ipv4.ip_local_port_range): widen it, or give fewer --senders"
        )


def require_ports_to_spend(connections: int, a_second: float, seconds: float, loopback: bool) -> None:
    """Refuse requests that each take a local port and leave it behind, faster than this machine gets them back.

    `connections` are open at once, `a_second` more are opened and closed for so many seconds (0: at once).
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
    """Refuse a port of this machine that nobody can listen on; `option` gave it. No host, or *, is every address."""
    host = "" if host == "*" else host
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:  # its own text tells of Python's function too
        number = error.errno or 0
        if number == EADDRNOTAVAIL or number < 0:  # the resolver's
            raise LoadgenError(f"{option} {port}: {host} is no address of this machine; give one that is") from None
        raise LoadgenError(f"{option} {port}: {os.strerror(number).lower()}; give another") from None


def count_ports() -> int | None:
    """How many local ports connections to one target may have; None where the system does not tell."""
    try:
        first, last = map(int, PORT_RANGE.read_text().split())
    except (OSError, ValueError):  # not Linux
        return None
    return last - first + 1


def count_held_seconds(loopback: bool) -> float:
    """How long a port is held behind a connection that this machine has closed."""
    try:
        reused = REUSE.read_text().strip()
    except OSError:
        return HELD_SECONDS
    return REUSED_SECONDS if reused == "1" or (reused == "2" and loopback) else HELD_SECONDS


def is_left_behind(port: int) -> bool:
    """Whether a connection is closed and this machine, which closed it first, holds its local port; False: not told."""
    for table in CONNECTIONS:
        try:
            rows = [line.split(maxsplit=4)[1:4] for line in table.read_text().splitlines()[1:]]
        except OSError:
            continue
        if any(state in CLOSING and int(local.rpartition(":")[2], 16) == port for local, _, state in rows):
            return True
    return False
