"""Why no answer came: an exception of the socket or of TLS → one name, the same wherever we send."""

from __future__ import annotations

import ssl


class NoAnswer(Exception):
    """No answer came. `cause`: one of `name_cause`'s, `closed` (before the answer was whole) or `malformed` (no HTTP).

    `sent` is False when the request cannot have arrived, because no connection was made.
    """

    def __init__(self, cause: str, sent: bool = True) -> None:
        super().__init__(cause)
        self.cause = cause
        self.sent = sent


def name_cause(error: OSError) -> str:
    """The cause's name: timeout, refused, reset, tls or unreachable."""
    match error:
        case TimeoutError():
            return "timeout"
        case ConnectionRefusedError():
            return "refused"
        case ConnectionError():
            return "reset"
        case ssl.SSLError():
            return "tls"
    return "unreachable"
