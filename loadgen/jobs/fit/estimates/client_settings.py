"""Find the settings of the web client that show in its traffic.

Rule: a limit shows if many sessions end at exactly the same number of events and hardly any has more, or if batches
with the highest number of events continue in the next batch.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np

from loadgen.jobs.fit.estimates.custom_data import find_attributes
from loadgen.jobs.fit.estimates.files import LIMITED, find_most_images, read_kinds
from loadgen.jobs.fit.reading.recorded import Bools, Ints, Recorded
from loadgen.jobs.fit.visits.visits import make_view_keys
from loadgen.rum import events as rum
from loadgen.scenario import Client

DEFAULT_EVENTS, DEFAULT_BATCH, DEFAULT_INTERVAL = 200, 100, 5000
"""The web client's own limits of a session and of a batch, and ms between dispatches (aws-rum-web 3.2.1)."""

FROM_CDN = "arw-script"
KEPT = (*rum.HELD_UNTIL_HIDDEN, rum.LCP)
PILED, FEWEST = 0.002, 3
"""Share and number of sessions with exactly the highest count from which that count is a limit."""

BELOW = 6
"""Number of counts, the highest one and those just below it, that are compared."""

EDGE = 4.0
"""Ratio of sessions at the highest counts to sessions at the counts below them from which there is a limit."""

STRAY = 0.01
"""Sessions beyond a limit relative to sessions at it, at most."""

MANY, EXPECTED = 20, 8.0
"""Batches that span more than the client's default interval, from which the interval is longer; batches that should
span more but do not, from which it is shorter."""


class ClientSettings(NamedTuple):
    """The client's settings as far as the data show them."""

    cookies: bool
    limit: int  # events of a session; 0: none
    members: dict[str, Any]  # of a scenario's [client], without defaults
    telemetries: tuple[str, ...]
    custom_events: bool

    @property
    def attributes(self) -> frozenset[str]:
        """Names of the attributes that all sessions have in their metadata."""
        kinds = ("sessionAttributes", "applicationAttributes")
        return frozenset(name for kind in kinds for name in self.members.get(kind, ()))

    @property
    def interval(self) -> float:
        """Seconds between dispatches."""
        return float(self.members.get("dispatchInterval", DEFAULT_INTERVAL)) / 1000


def find_settings(recorded: Recorded, at_least: int) -> ClientSettings:
    """Find the client's settings in the data."""
    members: dict[str, Any] = {}
    cookies = bool((recorded.sessions.user >= 0).mean() > 0.5) if len(recorded.sessions.user) else True
    if not cookies:
        members["allowCookies"] = False
    limit = _find_session_limit(recorded)
    if limit != DEFAULT_EVENTS:
        members["sessionEventLimit"] = limit
    batches = list_batches(recorded)
    batch = _find_batch_limit(batches)
    if batch != DEFAULT_BATCH:
        members["batchLimit"] = batch
    http = recorded.events.code[recorded.find_rows(rum.HTTP)]
    if len(recorded.find_rows(rum.XRAY)):
        members["enableXRay"] = True
    if len(http) and ((http >= 200) & (http < 400)).mean() > 0.02:
        members["recordAllRequests"] = True
    if (form := _find_id_format(recorded)) != "PATH":
        members["pageIdFormat"] = form
    if rum.TTI in recorded.types:
        members["timeToInteractive"] = True
    if not _has_urls(recorded):
        members["recordResourceUrl"] = False
    if (images := find_most_images(_count_images(recorded))) > Client().resourceEventLimit:
        members["resourceEventLimit"] = images
    if "batchLimit" not in members and (interval := _find_interval(batches)) is not None:
        members["dispatchInterval"] = interval
    release = _find_usual(recorded, recorded.sessions.release)
    if release is not None and release[1] >= at_least:
        members["releaseId"] = release[0]
    if (_find_usual(recorded, recorded.sessions.client) or ("",))[0] == FROM_CDN:
        members["installed"] = "cdn"
    texts: defaultdict[str, list[int]] = defaultdict(list)
    for place, visitor in zip(recorded.sessions.attributes.tolist(), recorded.sessions.visitor.tolist(), strict=True):
        if place >= 0:
            texts[recorded.words[place]].append(visitor)
    members |= find_attributes(texts, len(recorded.sessions.visitor), recorded.changing, at_least)
    custom = any(not name.startswith(rum.EVENT_PREFIX) for name in recorded.types)
    return ClientSettings(cookies, limit, members, _find_telemetries(recorded), custom)


def _find_session_limit(recorded: Recorded) -> int:
    return find_pile(np.bincount(recorded.events.session), DEFAULT_EVENTS)


def find_pile(counts: Ints, otherwise: int) -> int:
    """Return the limit that counts show: the highest count, `otherwise` if no count is above it, or 0: no limit."""
    if not len(counts):
        return otherwise
    kept = _drop_strays(counts)
    highest = int(kept.max())
    if highest > 20 and (_are_piled(kept) or _have_edge(kept)):
        return highest
    return otherwise if highest <= otherwise else 0


def _drop_strays(counts: Ints) -> Ints:
    """Drop the few counts beyond a limit that very many reach.

    The client records an event whose measurement began before the session ended, limit or not.
    """
    numbers = np.bincount(counts)
    beyond = numbers[::-1].cumsum()[::-1] - numbers
    limits = np.flatnonzero((beyond > 0) & (beyond <= STRAY * numbers))
    return counts[counts <= limits.max()] if len(limits) else counts


def _are_piled(counts: Ints) -> bool:
    """Whether many counts are exactly the highest one, and more than at any count just below."""
    numbers = np.bincount(counts)
    there = int(numbers[-1])
    return there >= FEWEST and there >= PILED * len(counts) and there >= numbers[-BELOW:].max()


def _have_edge(counts: Ints) -> bool:
    """Whether many counts are near the highest one, and few are a little lower.

    A session that reaches its limit as a page is left has some events less: its last events are counted but not sent.
    If most sessions are near the highest count, they are similar rather than cut.
    """
    numbers = np.bincount(counts)
    there, near, below = int(numbers[-1]), int(numbers[-BELOW:].sum()), int(numbers[-2 * BELOW : -BELOW].sum())
    return there >= FEWEST and max(PILED * len(counts), EDGE * max(below, FEWEST)) <= near <= 0.5 * len(counts)


def _count_images(recorded: Recorded) -> Ints:
    """Count the recorded images and media files of each load, of page views with one load."""
    events, rows = recorded.events, recorded.find_rows(rum.RESOURCE)
    rows = rows[np.isin(read_kinds(recorded)[events.key[rows]], LIMITED)]
    keys, often = np.unique(make_view_keys(recorded, recorded.loads.event), return_counts=True)
    own, counts = np.unique(make_view_keys(recorded, rows), return_counts=True)
    return np.asarray(counts[np.isin(own, keys[often == 1])])


def _find_batch_limit(batches: Batches) -> int:
    highest = int(batches.number.max(initial=0))
    full = (batches.number == highest) & ~batches.final
    if highest > 1 and full.any() and _are_piled(batches.number) and batches.continued[full].mean() > 0.5:
        return highest
    return DEFAULT_BATCH if highest <= DEFAULT_BATCH else highest


class Batches(NamedTuple):
    """The batches, one row for each; times are without events held until the page's end, which are older."""

    number: Ints  # events, also those held until the page's end
    span: Ints  # seconds from the first event to the last
    continued: Bools  # the session's next batch begins within a second of its end
    final: Bools  # the session has no further batch


def list_batches(recorded: Recorded) -> Batches:
    """List the batches by session and time; events without a batch id are left out."""
    events = recorded.events
    known = (events.batch >= 0) & ~np.isin(events.type, [recorded.find_type(name) for name in KEPT])
    batch, at, session = events.batch[known], events.at[known], events.session[known]
    size = int(events.batch.max(initial=-1)) + 1
    first, last = np.full(size, np.inf), np.full(size, -np.inf)
    np.minimum.at(first, batch, at)
    np.maximum.at(last, batch, at)
    whose = np.full(size, -1)
    whose[batch] = session
    told = np.flatnonzero(whose >= 0)
    told = told[np.lexsort((first[told], whose[told]))]
    follows = np.append(whose[told][1:] == whose[told][:-1], False)
    continued = follows & (np.append(first[told][1:], np.inf) - last[told] <= 1)
    number = np.bincount(events.batch[events.batch >= 0], minlength=size)[told]
    return Batches(number, (last - first)[told].astype(np.int64), continued, ~follows)


def _find_interval(batches: Batches) -> int | None:
    """Return the milliseconds between dispatches; None: the client's default, or unknown.

    A longer interval shows in batches that span more than the default; a shorter one in the lack of expected spans.
    """
    counts = np.bincount(batches.span[batches.span > 0], minlength=2)
    longest = int(np.flatnonzero(counts >= FEWEST).max(initial=0))
    if longest < 2 or counts[longest + 1 :].sum() > PILED * counts.sum() or longest * 1000 == DEFAULT_INTERVAL:
        return None
    longer = counts[DEFAULT_INTERVAL // 1000 + 1 :].sum()
    expected = counts[longest] ** 2 / max(counts[longest - 1], 1)
    return longest * 1000 if longer >= MANY or (not longer and expected >= EXPECTED) else None


def _find_id_format(recorded: Recorded) -> str:
    """Find which part of an address page ids are: PATH, HASH (after the #), or PATH_AND_HASH."""
    page = recorded.events.page[recorded.find_rows(rum.PAGE_VIEW)]
    views = np.bincount(page[page >= 0], minlength=len(recorded.pages))
    mark = np.array([path.find("#") for path in recorded.pages], dtype=np.int64)
    alone, behind = int(views[mark == 0].sum()), int(views[mark > 0].sum())
    if alone + behind < FEWEST:
        return "PATH"
    return "HASH" if alone > behind else "PATH_AND_HASH"


def _has_urls(recorded: Recorded) -> bool:
    """Whether any file has a URL; without one, the client was set to leave URLs out."""
    rows = recorded.find_rows(rum.RESOURCE)
    named = np.array([not key.endswith(" ") for key in recorded.keys] + [False])
    return not len(rows) or bool(named[recorded.events.key[rows]].any())


def _find_usual(recorded: Recorded, words: Ints) -> tuple[str, int] | None:
    """Return the most frequent word and its number of visitors; None: there is no word."""
    counts = np.bincount(words[words >= 0])
    if not len(counts):
        return None
    usual = int(counts.argmax())
    return recorded.words[usual], len(np.unique(recorded.sessions.visitor[words == usual]))


def _find_telemetries(recorded: Recorded) -> tuple[str, ...]:
    """Return the families of collected events; errors and calls may be missing because nothing failed."""
    seen = [name for name, types in (
        ("errors", (rum.JS_ERROR,)),
        ("performance", (rum.NAVIGATION, rum.RESOURCE, rum.LCP, rum.CLS, rum.FCP, rum.TTFB)),
        ("http", (rum.HTTP, rum.XRAY)),
        ("interaction", (rum.DOM,)),
        ("replay", (rum.REPLAY,)),
    ) if any(name in recorded.types for name in types)]  # fmt: skip
    return tuple(seen)
