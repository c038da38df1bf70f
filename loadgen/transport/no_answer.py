"""Why no answer came: an exception of the socket or of TLS → one name, the same wherever we send.

Rule: what this machine lacks is never booked on the target. Such a cause begins with `generator: `.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl

OWN = "generator: "
"""A cause that begins so is a shortage of the machine that sends."""

SHORTAGES = {
    errno.EMFILE: "file descriptors",  # of the process: ulimit -n
    errno.ENFILE: "the system's files",
    errno.EADDRNOTAVAIL: "local ports",
    errno.EADDRINUSE: "local ports",  # connect(2): no local port is left
    errno.ENOBUFS: "socket buffers",
    errno.ENOMEM: "memory",
    errno.ENOSPC: "disk space",
    errno.EDQUOT: "disk quota",
    errno.EROFS: "a disk that can be written",
    errno.EAGAIN: "local ports",  # connect(2): no free local ports, or routes
    errno.EPERM: "permission to connect",  # a firewall on this machine
    errno.EACCES: "permission to connect",
}
"""Errors of socket(2), connect(2), send(2) and files that tell of this machine, not of the target."""

CURES = {
    "file descriptors": "raise `ulimit -n`, or give fewer --senders",
    "the system's files": "raise fs.file-max, or end other programs",
    "local ports": "widen net.ipv4.ip_local_port_range, or give fewer --senders",
    "socket buffers": "give fewer --senders, or this machine more memory",
    "memory": "give fewer --senders, or this machine more memory",
    "disk space": "make room",
    "disk quota": "make room",
    "a disk that can be written": "write to another folder",
    "permission to connect": "see this machine's firewall",
}

CERTIFICATES = {  # X509_V_ERR_… of OpenSSL's x509_vfy.h → why a certificate is not believed, short enough for a record
    9: "not valid yet",
    10: "expired",
    18: "self-signed",
    19: "unknown authority",
    20: "unknown authority",
    21: "unknown authority",
    23: "revoked",
    62: "for another host",
    64: "for another address",
}

MOST_CHARACTERS = 40
"""Of a cause in a record (results/records.py)."""


class NoAnswer(Exception):
    """No answer came. `cause`: one of `name_cause`'s, `closed` (before the answer was whole) or `malformed` (no HTTP).

    `sent` is False when the request cannot have arrived, because no connection was made.
    """

    def __init__(self, cause: str, sent: bool = True) -> None:
        super().__init__(cause)
        self.cause = cause[:MOST_CHARACTERS]
        self.sent = sent


def name_cause(error: OSError) -> str:
    """The cause's name.

    timeout, refused, reset, unreachable, name resolution, `certificate: …`, `tls: …`, or `generator: …` for what this
    machine lacks.
    """
    match error:
        case TimeoutError():
            return "timeout"
        case ConnectionRefusedError():
            return "refused"
        case ConnectionError():
            return "reset"
        case socket.gaierror():
            return f"{OWN}{SHORTAGES[errno.EMFILE]}" if lacks_descriptors() else "name resolution"
        case ssl.SSLCertVerificationError():
            return f"certificate: {CERTIFICATES.get(error.verify_code, error.verify_message)}"
        case ssl.SSLError():
            return f"tls: {(error.reason or 'broken off').lower().replace('_', ' ')}"
    short = SHORTAGES.get(error.errno or 0)
    return "unreachable" if short is None else f"{OWN}{short}"


def not_connected(error: OSError, by_proxy: bool) -> NoAnswer:
    """The NoAnswer of a connection that could not be made; `by_proxy`: it was one to a proxy."""
    cause = name_cause(error)
    return NoAnswer(f"proxy: {cause}" if by_proxy and not cause.startswith(OWN) else cause, sent=False)


def lacks_descriptors() -> bool:
    """Whether no file can be opened: the resolver then says that it does not know the name."""
    try:
        os.close(os.dup(0))
    except OSError as error:
        return error.errno in (errno.EMFILE, errno.ENFILE)
    return False


def explain_shortage(cause: str) -> str | None:
    """A line that says what this machine lacks and what to do; None for other causes."""
    if not cause.startswith(OWN):
        return None
    short = cause.removeprefix(OWN)
    return f"this machine ran out of {short}: {CURES.get(short, 'see its limits')}"
