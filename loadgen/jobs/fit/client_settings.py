"""Settings of the web client that show in its traffic.

Rule: a limit is seen where many sessions or batches end at exactly the same number and none goes beyond it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from loadgen.jobs.fit.recorded import Ints, Recorded
from loadgen.rum import events as rum

DEFAULT_EVENTS, DEFAULT_BATCH = 200, 100
"""The web client's own limits of a session and of a batch (aws-rum-web 3.2.1)."""

PILED, FEWEST = 0.002, 3
"""Share and number of sessions at exactly the highest count, from which that is a limit."""


class ClientSettings(NamedTuple):
    """What the client was set to, as far as the data show it."""

    cookies: bool
    limit: int  # events of a session; 0: none
    members: dict[str, Any]  # of a scenario's [client], without defaults
    telemetries: tuple[str, ...]
    custom_events: bool
    replay: int  # session replay events, which no scenario sends


def find_settings(recorded: Recorded, at_least: int) -> ClientSettings:
    """Read the settings off the data."""
    members: dict[str, Any] = {}
    cookies = bool((recorded.sessions.user >= 0).mean() > 0.5) if len(recorded.sessions.user) else True
    if not cookies:
        members["allowCookies"] = False
    limit = _find_session_limit(recorded)
    if limit != DEFAULT_EVENTS:
        members["sessionEventLimit"] = limit
    batch = _find_batch_limit(recorded)
    if batch != DEFAULT_BATCH:
        members["batchLimit"] = batch
    http = recorded.events.code[recorded.rows_of(rum.HTTP)]
    if len(recorded.rows_of(rum.XRAY)):
        members["enableXRay"] = True
    if len(http) and ((http >= 200) & (http < 400)).mean() > 0.02:
        members["recordAllRequests"] = True
    members |= _read_resources(recorded)
    release = _find_release(recorded, at_least)
    if release is not None:
        members["releaseId"] = release
    custom = any(not name.startswith(rum.EVENT_PREFIX) for name in recorded.types)
    return ClientSettings(
        cookies, limit, members, _find_telemetries(recorded), custom, len(recorded.rows_of(rum.REPLAY))
    )


def _find_session_limit(recorded: Recorded) -> int:
    return find_pile(np.bincount(recorded.events.session), DEFAULT_EVENTS)


def find_pile(counts: Ints, otherwise: int) -> int:
    """The highest count, if many stand exactly there; else `otherwise` while no count is higher; else 0: no limit."""
    if not len(counts):
        return otherwise
    highest = int(counts.max())
    there = int((counts == highest).sum())
    if there >= FEWEST and there >= PILED * len(counts) and highest > 20:
        return highest
    return otherwise if highest <= otherwise else 0


def _find_batch_limit(recorded: Recorded) -> int:
    batch = recorded.events.batch[recorded.events.batch >= 0]
    if not len(batch):
        return DEFAULT_BATCH
    found = find_pile(np.bincount(batch), DEFAULT_BATCH)
    return found or int(np.bincount(batch).max())


def _read_resources(recorded: Recorded) -> dict[str, Any]:
    """Settings of resource events: whether URLs are kept, and how many images of a load."""
    rows = recorded.rows_of(rum.RESOURCE)
    if not len(rows):
        return {}
    found: dict[str, Any] = {}
    named = np.array([not key.endswith(" ") for key in recorded.keys] + [False])
    if not named[recorded.events.key[rows]].any():
        found["recordResourceUrl"] = False
    return found


def _find_release(recorded: Recorded, at_least: int) -> str | None:
    releases = recorded.sessions.release[recorded.sessions.release >= 0]
    if not len(releases):
        return None
    counts = np.bincount(releases)
    return recorded.words[int(counts.argmax())] if counts.max() >= at_least else None


def _find_telemetries(recorded: Recorded) -> tuple[str, ...]:
    """The families of events that were collected; errors and calls may be missing because none failed."""
    seen = [name for name, types in (
        ("errors", (rum.JS_ERROR,)),
        ("performance", (rum.NAVIGATION, rum.RESOURCE, rum.LCP, rum.CLS, rum.FCP, rum.TTFB)),
        ("http", (rum.HTTP, rum.XRAY)),
        ("interaction", (rum.DOM,)),
    ) if any(name in recorded.types for name in types)]  # fmt: skip
    return tuple(seen)
