"""The outcomes of a request that have rules of their own: what this machine lacked, and answers that are not RUM's.

Rule: `transport` gives the names, `results` judges by them; they stand in a record's `error`. A cause that begins with
OWN is never booked on the target: it makes a run invalid. One that begins with FOREIGN is no acceptance, whatever its
status: it makes a run fail.
"""

from __future__ import annotations

OWN = "generator: "
FOREIGN = "not RUM's answer: "

MOST_CHARACTERS = 40
"""Of a cause in a record (results/records.py)."""

DESCRIPTORS, FILES, PORTS = "file descriptors", "the system's files", "local ports"
BUFFERS, MEMORY, DISK, DISK_QUOTA = "buffers", "memory", "disk space", "disk quota"
READ_ONLY, FIREWALL = "a disk to write to", "permission to connect"

CURES = {
    DESCRIPTORS: "raise `ulimit -n`, or give fewer --senders",
    FILES: "raise fs.file-max, or end other programs",
    PORTS: "widen net.ipv4.ip_local_port_range, or give fewer --senders",
    BUFFERS: "give fewer --senders, or this machine more memory",
    MEMORY: "give fewer --senders, or this machine more memory",
    DISK: "make room, or give --out another disk",
    DISK_QUOTA: "make room, or give --out another disk",
    READ_ONLY: "give --out another folder",
    FIREWALL: "see this machine's firewall",
}

NEVER_ARRIVED = ("refused", "name resolution", "certificate: ", "proxy: ", "not signed", OWN)
"""Causes of which the request cannot have reached the target begin so."""


def fit_into_record(cause: str) -> str:
    """The cause as a record holds it; one that is too long ends with dots."""
    return cause if len(cause) <= MOST_CHARACTERS else f"{cause[: MOST_CHARACTERS - 3]}..."


def name_shortage(short: str) -> str:
    """The cause of a shortage of this machine."""
    return f"{OWN}{short}"


def explain_shortage(cause: str) -> str | None:
    """A line that says what this machine lacks and what to do; None for causes that are not its own."""
    if not cause.startswith(OWN):
        return None
    short = cause.removeprefix(OWN)
    if short not in CURES:
        return f"an error of loadgen's own while sending: {short}; see locust.log"
    return f"this machine ran out of {short}: {CURES[short]}"


def may_have_arrived(cause: str) -> bool:
    """Whether a request that got no answer for this cause may have reached the target."""
    return not cause.startswith(NEVER_ARRIVED)
