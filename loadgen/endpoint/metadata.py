"""The metadata of an event as RUM keeps it: the batch's and its own merged, bad custom attributes removed. Pure.

Rule (CloudWatch user guide, "Specify session-level custom attributes", and the service model's SessionMetadata): an
event's own value wins; a custom attribute has a key of at most 128 characters of [A-Za-z0-9_:] that does not begin with
`aws:`, and a value that is a string of at most 256 characters, a number or a boolean; an event keeps 10 of them, and
what is ill-named, ill-typed or surplus is removed while the event stays.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

import msgspec

BUILT_IN = frozenset(
    """
    browserLanguage browserName browserVersion countryCode deviceType domain interaction osName osVersion pageId
    pageTags pageTitle pageUrl parentPageId platformType referrerUrl subdivisionCode title url version
    aws:client aws:clientVersion aws:releaseId aws:userAgent
    """.split()  # noqa: SIM905  a list of 25 quoted names would fill a screen
)
"""Names that are no custom attributes: the user guide's reserved names and those that the web client sends itself."""

CUSTOM_LIMIT = 10

_KEY = re.compile(r"(?!aws:)[A-Za-z0-9_:]{1,128}", re.ASCII)


_RAW = msgspec.json.Decoder(dict[str, msgspec.Raw])


def parse_metadata(text: str | None) -> dict[str, Any]:
    """Metadata as sent; what is JSON by its letters but no value that can be held (1e999) is left out."""
    if not text:
        return {}
    try:
        return dict(msgspec.json.decode(text))
    except (msgspec.ValidationError, RecursionError):
        return _salvaged(text)


def _salvaged(text: str) -> dict[str, Any]:
    values = {}
    try:
        for key, raw in _RAW.decode(text).items():
            with suppress(msgspec.ValidationError):
                values[key] = msgspec.json.decode(raw)
    except RecursionError:
        return {}
    return values


def merge_metadata(session: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """The metadata of one event."""
    left = CUSTOM_LIMIT
    kept = {}
    for key, value in (session | own).items():
        if key in BUILT_IN:
            if _scalar(value) or (isinstance(value, list) and all(map(_scalar, value))):
                kept[key] = value
        elif left and _KEY.fullmatch(key) and _fits(value):
            kept[key] = value
            left -= 1
    return kept


def _fits(value: Any) -> bool:
    return len(value) <= 256 if isinstance(value, str) else _scalar(value)


def _scalar(value: Any) -> bool:
    if isinstance(value, int):  # a boolean too
        return abs(value) < 2**63
    return isinstance(value, (str, float))


def flatten_metadata(metadata: dict[str, Any]) -> list[str]:
    """The `metadata_values` of a stored event: "key=value" strings, a list's values one by one."""
    return [
        f"{key}={_text(value)}"
        for key, values in metadata.items()
        for value in (values if isinstance(values, list) else [values])
    ]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
