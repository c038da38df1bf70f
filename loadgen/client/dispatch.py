"""How a batch is dispatched: whether the browser sends a CORS preflight first, and how the client handles the answer.

Rule: the web client's fetches have headers for which a browser needs permission, its beacons have none. The browser
sends a preflight before the first fetch of a visit, and again when the answer to the preflight is too old. Of 303
captured requests 50 were preflights, one for each of the 50 browsers that sent a fetch.

The client retries, ignores or switches itself off (dispatch/RetryHttpHandler.ts, Dispatch.ts). After 429, 5xx and no
answer it retries, 2 s after the first attempt and 4 s after the second. It ignores Retry-After, unless the scenario's
clients honour it. A 404 switches the document's client off. So does a 403; but if requests are signed, only the second
403 does, because after the first the client fetches new credentials. After any other refusal the batch is lost. The
client ignores the answer to a beacon.
"""

from __future__ import annotations

import math

import msgspec

from loadgen.model import Batch, Visitor
from loadgen.scenario import Client

BACKOFF = 2.0
"""Seconds before the first retry; each further retry waits twice as long (dispatch/RetryHttpHandler.ts)."""

DRAIN_SECONDS = 20.0
"""Seconds after a run's end for which it waits for answers and retries (2 s + 4 s) of batches that were due before."""

MOST_TROUBLED = 100_000
"""The most loads with failed requests that are remembered; the oldest, whose documents have ended, are forgotten."""

MAX_AGE = 7200.0
"""Access-Control-Max-Age of the captured data plane's answers, and of the local endpoint's; seconds."""

LONGEST = {"Chromium": 7200.0, "Gecko": 86400.0, "WebKit": 600.0}
"""The most seconds for which each engine caches the answer to a preflight (MDN on Access-Control-Max-Age; WebKit's
CrossOriginPreflightResultCache)."""

LoadKey = tuple[int, int]
"""The numbers of a session and of a load in it."""


class Preflights:
    """One browser's cached preflight answer during a visit."""

    def __init__(self, visitor: Visitor, settings: Client) -> None:
        self._seconds = min(MAX_AGE, LONGEST[visitor.engine])
        self._until = -math.inf if settings.preflights else math.inf  # when the cached answer is too old

    def must_ask(self, due: float, beacon: bool) -> bool:
        """Whether the browser sends a preflight before a request; call it for each request, in order of due times.

        `due` is in seconds from the run's zero.
        """
        if beacon or due < self._until:
            return False
        self._until = due + self._seconds
        return True


class Dispatch:
    """The clients' reaction to answers, for all sessions of a worker; it remembers only loads with failed requests."""

    def __init__(self, settings: Client) -> None:
        self._retries = settings.retries
        self._honours_retry_after = settings.retryAfter == "honour"
        self._tolerated = 1 if settings.signing else 0  # 403s of a document that do not switch its client off
        self._refused: dict[LoadKey, int] = {}  # 403s of each load
        self._off: dict[LoadKey, int] = {}  # the status that switched off the load's client

    def allows(self, batch: Batch) -> bool:
        """Whether the batch's document may send the batch: its client is not switched off, or the batch is a retry."""
        return batch.attempt > 1 or (batch.session, batch.load) not in self._off

    def handle_answer(self, batch: Batch, status: int | None, at: float, retry_after: float = 0.0) -> Batch | None:
        """Handle the answer to a batch; return the retry that the client makes, or None.

        Args:
            batch: The batch as it was sent.
            status: The answer's HTTP status; None: no answer came.
            at: When the answer came, in seconds from the run's zero.
            retry_after: The answer's Retry-After in seconds; 0 if it has none.
        """
        if batch.beacon:
            return None
        if status is None or status == 429 or 500 <= status < 600:
            return self._retry(batch, at, retry_after if self._honours_retry_after else 0.0)
        load = (batch.session, batch.load)
        if status == 404:
            _remember(self._off, load, status)
        elif status == 403:
            refused = self._refused.get(load, 0) + 1
            _remember(self._refused, load, refused)
            if refused > self._tolerated:
                _remember(self._off, load, status)
        return None

    def _retry(self, batch: Batch, at: float, least: float) -> Batch | None:
        if batch.attempt > self._retries:
            return None
        due = at + max(BACKOFF * 2 ** (batch.attempt - 1), least)
        return msgspec.structs.replace(batch, attempt=batch.attempt + 1, due=due)


def _remember(memory: dict[LoadKey, int], load: LoadKey, value: int) -> None:
    """Set a load's entry; remove the oldest entry if there are more than MOST_TROUBLED."""
    memory[load] = value
    if len(memory) > MOST_TROUBLED:
        del memory[next(iter(memory))]
