"""The metadata of an event as RUM keeps it: the batch's and its own merged, bad custom attributes removed. Pure.

Rule (CloudWatch user guide, "Specify session-level custom attributes", and the service model's SessionMetadata): an
event's own value wins. A custom attribute has a key of at most 128 characters of [A-Za-z0-9_:] that does not begin with
`aws:`, and a value that is a string of at most 256 characters, a number or a boolean. An event keeps 10 of them;
ill-named, ill-typed and surplus ones are removed, and the event stays.
"""

from __future__ import annotations

import re
from math import isfinite
from typing import Any

BUILT_IN = frozenset(
    """
    browserLanguage browserName browserVersion countryCode deviceType domain interaction osName osVersion pageId
    pageTags pageTitle pageUrl parentPageId platformType referrerUrl subdivisionCode title url version
    aws:client aws:clientVersion aws:releaseId aws:userAgent
    """.split()  # noqa: SIM905  a list of 25 quoted names would fill a screen
)
"""Names that are no custom attributes: the user guide's reserved names and those that the web client sends itself."""

CUSTOM_LIMIT = 10
"""Custom attributes of one event (the same page of the user guide)."""

_KEY = re.compile(r"(?!aws:)[A-Za-z0-9_:]{1,128}", re.ASCII)


def merge_metadata(session: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """The metadata of one event: the session's and its own."""
    left = CUSTOM_LIMIT
    kept = {}
    for key, value in (session | own).items():
        if key in BUILT_IN:
            if _is_scalar(value) or (isinstance(value, list) and all(map(_is_scalar, value))):
                kept[key] = value
        elif left and _KEY.fullmatch(key) and _is_custom_value(value):
            kept[key] = value
            left -= 1
    return kept


def _is_custom_value(value: Any) -> bool:
    return len(value) <= 256 if isinstance(value, str) else _is_scalar(value)


def _is_scalar(value: Any) -> bool:
    if isinstance(value, int):  # a boolean too
        return abs(value) < 2**63
    return isinstance(value, str) or (isinstance(value, float) and isfinite(value))


def flatten_metadata(metadata: dict[str, Any]) -> list[str]:
    """The `metadata_values` of an event that is read back: "key=value" strings, a list's values one by one."""
    return [
        f"{key}={_format_value(value)}"
        for key, values in metadata.items()
        for value in (values if isinstance(values, list) else [values])
    ]


def _format_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
