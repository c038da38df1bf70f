"""What this machine lets a process have: file descriptors and local ports, checked before a run begins.

Rule: a limit that can be raised is raised; one that cannot is named with the number that is needed.
"""

from __future__ import annotations

import os
import resource
from pathlib import Path

from loadgen.errors import LoadgenError

SPARE_DESCRIPTORS = 100  # what Python, Locust, boto3 and a run's files have open, with some to spare
PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")  # Linux


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
    try:
        first, last = map(int, PORT_RANGE.read_text().split())
    except (OSError, ValueError):  # not Linux
        return
    if last - first + 1 < connections:
        raise LoadgenError(
            f"{what} need {connections} local ports, and this machine has {last - first + 1} "
            f"(net.ipv4.ip_local_port_range): widen it, or give fewer --senders"
        )
