"""Why no answer came: an exception of the socket or of TLS → one name, the same wherever we send.

Rule: what this machine lacks is never booked on the target; such a cause is named by `causes.name_shortage`.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl

from loadgen import causes

SHORTAGES = {
    errno.EMFILE: causes.DESCRIPTORS,
    errno.ENFILE: causes.FILES,
    errno.EADDRNOTAVAIL: causes.PORTS,
    errno.EADDRINUSE: causes.PORTS,  # connect(2): every local port is taken
    errno.EAGAIN: causes.PORTS,  # connect(2): no local port, or no route
    errno.ENOBUFS: causes.BUFFERS,
    errno.ENOMEM: causes.MEMORY,
    errno.ENOSPC: causes.DISK,
    errno.EDQUOT: causes.DISK_QUOTA,
    errno.EROFS: causes.READ_ONLY,
    errno.EPERM: causes.FIREWALL,
    errno.EACCES: causes.FIREWALL,
}
"""Errors of socket(2), connect(2), send(2) and files that tell of this machine, not of the target."""

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


class NoAnswer(Exception):
    """No answer came.

    `cause`: one of `name_cause`'s, `closed` (before the answer was whole), `malformed` (no HTTP) or `endless` (an
    answer that does not stop).

    `sent` is False when the request cannot have arrived, because no connection was made.
    """

    def __init__(self, cause: str, sent: bool = True) -> None:
        super().__init__(cause)
        self.cause = causes.fit_into_record(cause)
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
            return causes.name_shortage(causes.DESCRIPTORS) if lacks_descriptors() else "name resolution"
        case ssl.SSLCertVerificationError():
            return f"certificate: {CERTIFICATES.get(error.verify_code, error.verify_message)}"
        case ssl.SSLError():
            return f"tls: {(error.reason or 'broken off').lower().replace('_', ' ')}"
    short = SHORTAGES.get(error.errno or 0)
    return "unreachable" if short is None else causes.name_shortage(short)


def not_connected(error: OSError, by_proxy: bool) -> NoAnswer:
    """The NoAnswer of a connection that could not be made; `by_proxy`: it was one to a proxy."""
    cause = name_cause(error)
    return NoAnswer(f"proxy: {cause}" if by_proxy and not cause.startswith(causes.OWN) else cause, sent=False)


def lacks_descriptors() -> bool:
    """Whether no file can be opened: the resolver then says that it does not know the name."""
    try:
        os.close(os.dup(0))
    except OSError as error:
        return error.errno in (errno.EMFILE, errno.ENFILE)
    return False
