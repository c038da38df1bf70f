"""Causes of failed requests that have rules of their own: a shortage of this machine, an answer that is not RUM's.

Rule: `transport` names the causes, a record holds them in its field `error`, and `results` judges a run by them. A
cause that begins with OWN is a shortage of this machine: it makes the run invalid and never counts as a failure of the
target. A cause that begins with FOREIGN means that an answer came, but not from RUM: the request was not accepted,
whatever the status, and the run fails.
"""

from __future__ import annotations

OWN = "generator: "
FOREIGN = "not RUM's answer: "

MOST_CHARACTERS = 40
"""The longest cause that a record holds (results/records.py)."""

# What this machine may run out of, as a cause names it behind OWN.
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
"""What to do about each shortage, for a message."""

NEVER_ARRIVED = ("refused", "name resolution", "certificate: ", "proxy: ", "not signed", OWN)
"""Prefixes of causes that prove that the request did not reach the target."""


def fit_into_record(cause: str) -> str:
    """Return the cause as a record holds it: a cause above `MOST_CHARACTERS` is cut and ends with three dots."""
    return cause if len(cause) <= MOST_CHARACTERS else f"{cause[: MOST_CHARACTERS - 3]}..."


def name_shortage(short: str) -> str:
    """Return the cause that stands for a shortage of this machine, such as "generator: local ports"."""
    return f"{OWN}{short}"


def explain_shortage(cause: str) -> str | None:
    """Return a line that says what this machine lacks and what to do; None if the cause is no shortage of it."""
    if not cause.startswith(OWN):
        return None
    short = cause.removeprefix(OWN)
    if short not in CURES:
        return f"an error of loadgen's own while sending: {short}; see locust.log"
    return f"this machine ran out of {short}: {CURES[short]}"


def may_have_arrived(cause: str) -> bool:
    """Whether a request that got no answer for this cause may have reached the target."""
    return not cause.startswith(NEVER_ARRIVED)
