"""The metadata of an event as RUM keeps it: the batch's and its own merged, bad custom attributes removed. Pure.

Rule (CloudWatch user guide, "Specify session-level custom attributes", and the service model's SessionMetadata): an
event's own value wins; a custom attribute has a key of at most 128 characters of [A-Za-z0-9_:] that does not begin with
`aws:`, and a value that is a string of at most 256 characters, a number or a boolean; an event keeps 10 of them, and
what is ill-named, ill-typed or surplus is removed while the event stays.
"""

from __future__ import annotations

import re
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

_KEY = re.compile(r"(?!aws:)[A-Za-z0-9_:]{1,128}", re.ASCII)


def merged(session: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """The metadata of one event."""
    whole = session | own
    if whole.keys() <= BUILT_IN:
        return whole
    left = CUSTOM_LIMIT
    kept = {}
    for key, value in whole.items():
        if key in BUILT_IN:
            kept[key] = value
        elif left and _KEY.fullmatch(key) and _fits(value):
            kept[key] = value
            left -= 1
    return kept


def _fits(value: Any) -> bool:
    return len(value) <= 256 if isinstance(value, str) else isinstance(value, (int, float))


def flattened(metadata: dict[str, Any]) -> list[str]:
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
