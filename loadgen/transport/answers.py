"""The outcome of a request, by name: accepted, a refusal, a foreign answer, or the cause why no answer came.

Rule: accepted means that the service's own answer came. That is 200, or 202 or 204 from a compatible backend, with an
empty body or JSON that reports no error. A page of HTML, other text, another 2xx or a redirect comes from something in
front of the service (a log-in page, a captive portal, a gateway), which has stored nothing.

A shortage of this machine is never counted as a failure of the target; `causes.name_shortage` names such a cause.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl
import zlib
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from loadgen import causes
from loadgen.model import Response
from loadgen.options import Accept

STATUSES = frozenset({200, 202, 204})
BODIES = frozenset({b"", b"{}"})  # the bodies of RUM itself
ENCODINGS = {"gzip": 31, "x-gzip": 31, "deflate": 15}  # as zlib's wbits
PLAIN = frozenset({"", "identity"})
ERRORS = ("error", "errors", "errorMessage", "errorType", "__type")  # members of an object that reports an error
GOOD = ("ok", "success")  # members that are false in an object that reports an error
BAD_STATUSES = ("error", "fail")  # values of JSend's member `status`
NO_JSON: Any = object()
MOST_SHOWN = 60  # characters of a body, a type or an error's name
MOST_UNPACKED = 1 << 20  # bytes: a kilobyte of gzip can stand for a megabyte
SECONDS = re.compile(r"\d{1,100}(\.\d*)?", re.ASCII)
LONGEST_WAIT = 3600.0
"""The longest Retry-After that is obeyed, in seconds: a wrong header must not stop a job for years."""


def is_accepted(response: Response, accept: Accept = "rum") -> bool:
    """Return whether an answer means that the batch was accepted."""
    if accept == "2xx":
        return 200 <= response.status < 300
    if response.status not in STATUSES or (response.status == 204 and has_content(response)):
        return False
    return response.body in BODIES or is_json_of_success(response)


def is_json_of_success(response: Response) -> bool:
    """Return whether a body is JSON that reports no error."""
    value = read_json(response)
    return value is not NO_JSON and not reports_error(response, value)


def has_content(response: Response) -> bool:
    """Return whether Content-Length announces a body; a 204 cannot have one (RFC 9110, 15.3.5): no parser reads it."""
    return (response.get_header("content-length") or "0").strip() != "0"


def is_json(response: Response) -> bool:
    """Return whether a body is JSON: an object or a list, or any value if Content-Type says JSON."""
    return read_json(response) is not NO_JSON


def read_json(response: Response) -> Any:
    """Return the value of a body that is JSON, else NO_JSON.

    Browsers ask for encodings that this module cannot read (br, zstd); for such a body Content-Type decides.
    """
    body = unpack(response)
    if body is None:
        return {} if read_media_type(response) == "application/json" else NO_JSON
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return NO_JSON
    return value if isinstance(value, dict | list) or "json" in read_media_type(response) else NO_JSON


def reports_error(response: Response, value: Any) -> bool:
    """Return whether the JSON value of an answer says that the call failed, although its status says it did not.

    A gateway answers 200 with a failed function's `errorMessage` unless it maps that to a status (API Gateway developer
    guide, "Handle Lambda errors in API Gateway"); `__type` is AWS's own member; `error`, `errors`, `ok` and `success`
    are members of other backends, such as GraphQL servers; `status` is JSend's (github.com/omniti-labs/jsend).
    """
    if response.get_header("x-amzn-errortype") is not None:
        return True
    if not isinstance(value, dict):
        return False
    is_bad = any(value.get(name) is False for name in GOOD) or value.get("status") in BAD_STATUSES
    return is_bad or any(map(value.get, ERRORS))


def unpack(response: Response, most: int = MOST_UNPACKED) -> bytes | None:
    """Return the decoded body; the body as it is if it is damaged or too large; None for an unknown encoding."""
    encoding = (response.get_header("content-encoding") or "").strip().lower()
    if encoding in PLAIN:
        return response.body
    if encoding not in ENCODINGS:
        return None
    inflate = zlib.decompressobj(ENCODINGS[encoding])
    try:
        body = inflate.decompress(response.body, most)
    except zlib.error:
        return response.body
    return body if inflate.eof and not inflate.unused_data else response.body


def allows_origin(response: Response, origin: str | None) -> bool:
    """Return whether an answer to a preflight lets a page of this origin send (Fetch standard, CORS check)."""
    return 200 <= response.status < 300 and response.get_header("access-control-allow-origin") in ("*", origin)


def name_outcome(response: Response, accept: Accept = "rum") -> str | None:
    """Return the name of an outcome: None for accepted, `not RUM's answer: 200 text/html`, or a refusal's name."""
    if is_accepted(response, accept):
        return None
    if not 200 <= response.status < 400:
        return name_refusal(response)
    what = "redirect" if response.status >= 300 else read_media_type(response)
    return f"{causes.FOREIGN}{response.status} {what}"


def read_media_type(response: Response) -> str:
    """Return Content-Type without its parameters; `no type` without the header."""
    return make_printable((response.get_header("content-type") or "").partition(";")[0].lower()) or "no type"


def name_refusal(response: Response) -> str:
    """Return the name of a refusal, such as `403 AccessDeniedException`; only its status if it has no error type."""
    kind = make_printable((response.get_header("x-amzn-errortype") or "").partition(":")[0])
    return f"{response.status} {kind}".strip()


def describe_answer(response: Response) -> str:
    """Describe an answer on one line for people: status, type and beginning of the body, or the redirect's target."""
    if location := response.get_header("location"):
        return f"{response.status} redirect to {make_printable(location)}"
    shown = f"{response.status} {read_media_type(response)}"
    text = make_printable((unpack(response) or response.body)[: 4 * MOST_SHOWN].decode(errors="replace"))
    if text:
        return f"{shown}, {text!r}"
    return f"{shown}, {len(response.body):,} bytes that are not text" if response.body else f"{shown}, no body"


def make_printable(text: str) -> str:
    """Make foreign text safe for a terminal: one line without control characters, cut to MOST_SHOWN characters."""
    clean = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return clean if len(clean) <= MOST_SHOWN else f"{clean[: MOST_SHOWN - 1]}…"


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Return Retry-After in seconds from `now`, a Unix time (RFC 9110, 10.2.3: seconds or an HTTP date); at most 3600.

    None if there is no value, or one of neither form. RUM sends seconds; a date comes from something in front of RUM.
    """
    if value is None:
        return None
    if SECONDS.fullmatch(value.strip()):
        return min(float(value), LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return min(max(0.0, moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() - now), LONGEST_WAIT)


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
"""Errors of socket(2), connect(2), send(2) and files that are a shortage of this machine, no fault of the target."""

CERTIFICATES = {  # X509_V_ERR_… of OpenSSL's x509_vfy.h → why a certificate is not trusted, short enough for a record
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
    """Raised when a request got no answer.

    `cause`: a name from `name_cause`, `closed` (before the answer was complete), `malformed` (no HTTP) or `endless` (an
    answer that does not stop).

    `sent` is False when the request cannot have arrived, because no connection was made.
    """

    def __init__(self, cause: str, sent: bool = True) -> None:
        super().__init__(cause)
        self.cause = causes.fit_into_record(cause)
        self.sent = sent

    @property
    def is_own_shortage(self) -> bool:
        """Whether this machine had no means to send the request, so that it is unsent and no failure of the target."""
        return not self.sent and self.cause.startswith(causes.OWN)


def name_cause(error: Exception) -> str:
    """Return the name of an error's cause.

    timeout, refused, reset, unreachable, name resolution, `certificate: …`, `tls: …`, or `generator: …` for a shortage
    of this machine and for an error of loadgen's own.
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
        case OSError():
            short = SHORTAGES.get(error.errno or 0)
            return "unreachable" if short is None else causes.name_shortage(short)
    return causes.name_shortage(causes.MEMORY if isinstance(error, MemoryError) else type(error).__name__)


def explain_connect_error(error: OSError, by_proxy: bool) -> NoAnswer:
    """Return the NoAnswer for a connection that could not be made; `by_proxy`: it was a connection to a proxy."""
    cause = name_cause(error)
    return NoAnswer(f"proxy: {cause}" if by_proxy and not cause.startswith(causes.OWN) else cause, sent=False)


def lacks_descriptors() -> bool:
    """Return whether no further file can be opened: the resolver then reports an unknown name."""
    try:
        os.close(os.dup(0))
    except OSError as error:
        return error.errno in (errno.EMFILE, errno.ENFILE)
    return False
