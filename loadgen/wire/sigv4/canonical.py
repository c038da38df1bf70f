"""What signer and verifier agree on: credentials, scope, canonical path, query and headers, the signing key.

Rule: everything a signature covers is written in one canonical form, so that both sides hash the same bytes
(AWS, "Create a signed AWS API request"). RUM's form encodes the path once more than it stands on the request line.
"""

from __future__ import annotations

import hmac
import re
from functools import lru_cache
from hashlib import sha256
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from loadgen.model import Noun

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"

_PLAIN = re.compile(r"[A-Za-z0-9._~-]*").fullmatch


class Credentials(Noun, frozen=True):
    """An access key; its secrets never show in a repr, a traceback or a log."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None

    def __repr__(self) -> str:
        return f"Credentials({self.access_key_id!r}, …)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """What rich shows in place of the fields (msgspec's own would show them all)."""
        return [("access_key_id", self.access_key_id)]


def utf8(text: str) -> bytes:
    """UTF-8 of any str, also of one with lone surrogates, which a hostile request may hold."""
    return text.encode("utf-8", "surrogatepass")


@lru_cache(maxsize=512)
def canonical_path(path: str) -> str:
    """The canonical form of a raw path: no dot or empty segments, every segment percent-encoded once more."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment and segment != ".":
            kept.append(segment)
    tail = "/" if kept and path.endswith("/") else ""
    return "/" + quote(utf8("/".join(kept)), safe="/~") + tail


@lru_cache(maxsize=256)
def encoded(text: str) -> str:
    """Percent-encode all but letters, digits and -_.~"""
    return quote(utf8(text), safe="-_.~")


@lru_cache(maxsize=256)
def _recoded(text: str) -> str:
    return quote(unquote_to_bytes(utf8(text)), safe="-_.~")


def query_pairs(query: str) -> list[tuple[str, str]]:
    """The (name, value) pairs of a raw query in canonical encoding and order."""
    halves = (part.partition("=") for part in query.split("&") if part)
    return sorted(
        (name if _PLAIN(name) else _recoded(name), value if _PLAIN(value) else _recoded(value))
        for name, _, value in halves
    )


def joined(pairs: list[tuple[str, str]]) -> str:
    """Pairs as a query string."""
    return "&".join(f"{name}={value}" for name, value in pairs)


def trimmed(value: str) -> str:
    """A header value without outer blanks, inner runs of blanks (and folded lines) as one space."""
    return " ".join(value.split())


@lru_cache(maxsize=64)
def signing_key(secret: str, date: str, region: str, service: str) -> hmac.HMAC:
    """The key of one day, region and service, ready to be copied for each message; `date` is yyyymmdd."""
    key = utf8("AWS4" + secret)
    for part in (date, region, service, TERMINATOR):
        key = hmac.digest(key, utf8(part), "sha256")
    return hmac.new(key, digestmod=sha256)


def signature(key: hmac.HMAC, moment: str, scope: str, canonical_request: str) -> str:
    """64 hex digits; `moment` is yyyymmddThhmmssZ, `scope` date/region/service/aws4_request."""
    mac = key.copy()
    mac.update(f"{ALGORITHM}\n{moment}\n{scope}\n{sha256(utf8(canonical_request)).hexdigest()}".encode())
    return mac.hexdigest()
