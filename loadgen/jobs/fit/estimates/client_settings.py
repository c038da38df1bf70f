"""Find the settings of the web client that show in its traffic.

Rule: a limit shows if many sessions end at exactly the same number of events and hardly any has more, or if batches
with the highest number of events continue in the next batch.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from loadgen.jobs.fit.estimates.calls import are_told
from loadgen.jobs.fit.estimates.custom_data import find_attributes
from loadgen.jobs.fit.estimates.files import LIMITED, find_most_images, read_kinds
from loadgen.jobs.fit.reading.recorded import Bools, Ints, Recorded, mark
from loadgen.jobs.fit.support import group
from loadgen.jobs.fit.visits.cuts import span_groups
from loadgen.jobs.fit.visits.visits import make_view_keys
from loadgen.rum import events as rum
from loadgen.scenario import Client

USUAL = Client()
"""The web client's own settings (aws-rum-web 3.2.1), except that it keeps cookies."""

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
        return float(self.members.get("dispatchInterval", USUAL.dispatchInterval)) / 1000


def find_settings(recorded: Recorded, at_least: int) -> ClientSettings:
    """Find the client's settings in the data."""
    cookies = bool((recorded.sessions.user >= 0).mean() > 0.5) if len(recorded.sessions.user) else True
    limit, batches = find_pile(np.bincount(recorded.events.session), USUAL.sessionEventLimit), list_batches(recorded)
    batch, release = _find_batch_limit(batches), _find_usual(recorded, recorded.sessions.release)
    named = np.array([not key.endswith(" ") for key in recorded.keys] + [False])
    files = recorded.events.key[recorded.find_rows(rum.RESOURCE)]
    found = {
        "allowCookies": cookies,
        "sessionEventLimit": limit,
        "batchLimit": batch,
        "enableXRay": rum.XRAY in recorded.types,
        "recordAllRequests": are_told(recorded.events.code[recorded.find_rows(rum.HTTP)]),
        "pageIdFormat": _find_id_format(recorded),
        "timeToInteractive": rum.TTI in recorded.types,
        "recordResourceUrl": not len(files) or bool(named[files].any()),
        "resourceEventLimit": find_most_images(_count_images(recorded)),
        "dispatchInterval": _find_interval(batches) if batch == USUAL.batchLimit else USUAL.dispatchInterval,
        "releaseId": release[0] if release is not None and release[1] >= at_least else None,
        "installed": "cdn" if (_find_usual(recorded, recorded.sessions.client) or ("",))[0] == FROM_CDN else "npm",
    }
    members: dict[str, Any] = {name: value for name, value in found.items() if value != getattr(USUAL, name)}
    attributes, visitor = recorded.sessions.attributes.tolist(), recorded.sessions.visitor.tolist()
    texts = group((recorded.words[place], each) for place, each in zip(attributes, visitor, strict=True) if place >= 0)
    members |= find_attributes(texts, len(recorded.sessions.visitor), recorded.changing, at_least)
    custom = any(not name.startswith(rum.EVENT_PREFIX) for name in recorded.types)
    return ClientSettings(cookies, limit, members, _find_telemetries(recorded), custom)


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
    return max(highest, USUAL.batchLimit)


class Batches(NamedTuple):
    """The batches, one row for each; times are without events held until the page's end, which are older."""

    number: Ints  # events, also those held until the page's end
    span: Ints  # seconds from the first event to the last
    continued: Bools  # the session's next batch begins within a second of its end
    final: Bools  # the session has no further batch


def list_batches(recorded: Recorded) -> Batches:
    """List the batches by session and time; events without a batch id are left out."""
    events = recorded.events
    known = (events.batch >= 0) & ~mark(len(events.at), recorded.find_rows(*KEPT))
    batch, at, session = events.batch[known], events.at[known], events.session[known]
    size = int(events.batch.max(initial=-1)) + 1
    first, last = span_groups(batch, at, size)
    whose = np.full(size, -1)
    whose[batch] = session
    told = np.flatnonzero(whose >= 0)
    told = told[np.lexsort((first[told], whose[told]))]
    follows = np.append(whose[told][1:] == whose[told][:-1], False)
    continued = follows & (np.append(first[told][1:], np.inf) - last[told] <= 1)
    number = np.bincount(events.batch[events.batch >= 0], minlength=size)[told]
    return Batches(number, (last - first)[told].astype(np.int64), continued, ~follows)


def _find_interval(batches: Batches) -> int:
    """Return the milliseconds between dispatches, the client's default if they are unknown.

    A longer interval shows in batches that span more than the default; a shorter one in the lack of expected spans.
    """
    counts = np.bincount(batches.span[batches.span > 0], minlength=2)
    longest = int(np.flatnonzero(counts >= FEWEST).max(initial=0))
    if longest < 2 or counts[longest + 1 :].sum() > PILED * counts.sum():
        return USUAL.dispatchInterval
    longer = counts[USUAL.dispatchInterval // 1000 + 1 :].sum()
    expected = counts[longest] ** 2 / max(counts[longest - 1], 1)
    return longest * 1000 if longer >= MANY or (not longer and expected >= EXPECTED) else USUAL.dispatchInterval


def _find_id_format(recorded: Recorded) -> str:
    """Find which part of an address page ids are: PATH, HASH (after the #), or PATH_AND_HASH."""
    page = recorded.events.page[recorded.find_rows(rum.PAGE_VIEW)]
    views = np.bincount(page[page >= 0], minlength=len(recorded.pages))
    mark = np.array([path.find("#") for path in recorded.pages], dtype=np.int64)
    alone, behind = int(views[mark == 0].sum()), int(views[mark > 0].sum())
    if alone + behind < FEWEST:
        return "PATH"
    return "HASH" if alone > behind else "PATH_AND_HASH"


def _find_usual(recorded: Recorded, words: Ints) -> tuple[str, int] | None:
    """Return the most frequent word and its number of visitors; None: there is no word."""
    counts = np.bincount(words[words >= 0])
    if not len(counts):
        return None
    usual = int(counts.argmax())
    return recorded.words[usual], len(np.unique(recorded.sessions.visitor[words == usual]))


def _find_telemetries(recorded: Recorded) -> tuple[str, ...]:
    """Return the families of collected events; errors and calls may be missing because nothing failed."""
    return tuple(name for name, types in (
        ("errors", (rum.JS_ERROR,)),
        ("performance", (rum.NAVIGATION, rum.RESOURCE, rum.LCP, rum.CLS, rum.FCP, rum.TTFB)),
        ("http", (rum.HTTP, rum.XRAY)),
        ("interaction", (rum.DOM,)),
        ("replay", (rum.REPLAY,)),
    ) if any(each in recorded.types for each in types))  # fmt: skip
