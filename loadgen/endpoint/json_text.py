"""JSON text as its grammar allows it, where msgspec's reader is stricter. Pure.

Rule: JSON (RFC 8259, section 8.2) allows the escape of half a surrogate pair, which JSON.stringify writes for a string
that was cut inside an emoji. A Python text cannot carry it as UTF-8, so such text is kept as it came, escape by escape,
and decoded only as far as needed. Each function tries msgspec first and costs nothing more for other text.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

_ESCAPE = re.compile(r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[dD][89a-fA-F][0-9a-fA-F]{2}|.)")
"""One escape: a whole surrogate pair, half a pair, or any other."""

_HALF_LENGTH = 6  # of \ud83d


class AnyObject(msgspec.Struct):
    """Any JSON object: its members are scanned, not built."""


scan_object = msgspec.json.Decoder(AnyObject).decode
"""Raises msgspec.DecodeError or RecursionError for a text that is no object, or that only `is_object` understands."""


def is_object(text: str) -> bool:
    """Whether a text is a JSON object; one nested deeper than about 1,000 levels is taken to be none."""
    try:
        scan_object(text)
    except msgspec.DecodeError:
        if "\\u" not in text:
            return False
    except RecursionError:
        return False
    else:
        return True
    try:
        scan_object(_replace_halves(text, r"\ufffd"))
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def parse_object(text: str | None) -> dict[str, Any]:
    """Decode a text that is a JSON object; one that is nested too deeply is taken as empty.

    A number too large for a float becomes infinite, and half a surrogate pair stays half in the Python text.
    """
    if not text:
        return {}
    try:
        return dict(msgspec.json.decode(text))
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        return dict(json.loads(text, parse_int=_parse_integer))
    except RecursionError:
        return {}


def encode_members(members: dict[str, Any]) -> str:
    """Encode an object whose values may be msgspec.Raw, or texts with half a surrogate pair."""
    try:
        return msgspec.json.encode(members).decode()
    except UnicodeEncodeError:
        encoded = (f"{json.dumps(name)}:{_encode_value(value)}" for name, value in members.items())
        return f"{{{','.join(encoded)}}}"


def escape_halves(data: bytes) -> bytes:
    """Escape half surrogate pairs of a JSON text once more, so that a text inside it keeps them as escapes."""
    return _replace_halves(data.decode(), None).encode()


def _replace_halves(text: str, replacement: str | None) -> str:
    def replace(found: re.Match[str]) -> str:
        escape = found[0]
        is_half = len(escape) == _HALF_LENGTH and escape[1] == "u"
        return (replacement or "\\" + escape) if is_half else escape

    return _ESCAPE.sub(replace, text)


def _encode_value(value: Any) -> str:
    if isinstance(value, msgspec.Raw):
        return bytes(value).decode()
    return json.dumps(value, separators=(",", ":"))


def _parse_integer(digits: str) -> int | float:
    """Python refuses to read integers of more than 4,300 digits; RUM keeps none beyond 64 bits."""
    return int(digits) if len(digits) < 20 else float("inf")
