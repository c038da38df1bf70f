"""How a batch is dispatched: whether the browser asks for permission first, and what the client does with the answer.

Rule: the web client's fetches have headers that need permission, its beacons have none. The browser asks, by a CORS
preflight, before the first fetch of a visit, and again when the answer is too old. Of 303 captured requests 50 were
preflights, one for each of the 50 browsers that sent a fetch.

The client retries, ignores or switches off (dispatch/RetryHttpHandler.ts, Dispatch.ts). 429, 5xx and no answer are
retried, 2 s after the first attempt and 4 s after the second, whatever Retry-After says, unless the scenario's clients
honour it. 404 switches the document's client off. So does 403, but only the second one when requests are signed: after
the first the client fetches new credentials. Any other refusal loses its batch. The answer to a beacon is ignored.
"""

from __future__ import annotations

import math

import msgspec

from loadgen.model import Batch, Visitor
from loadgen.scenario import Client

BACKOFF = 2.0
"""Seconds before the first retry; doubles with each (dispatch/RetryHttpHandler.ts)."""

DRAIN_SECONDS = 20.0
"""How long after its end a run waits for answers and for the retries (2 s + 4 s) of batches that were due before."""

MOST_TROUBLED = 100_000
"""Loads with failed requests that are remembered; beyond that the oldest are forgotten, whose documents have ended."""

MAX_AGE = 7200.0
"""Access-Control-Max-Age of the captured data plane's answers, and of the local endpoint's; seconds."""

LONGEST = {"Chromium": 7200.0, "Gecko": 86400.0, "WebKit": 600.0}
"""Seconds for which each engine believes an answer at most (MDN on Access-Control-Max-Age; WebKit's
CrossOriginPreflightResultCache)."""

LoadKey = tuple[int, int]


class Preflights:
    """What one browser remembers during a visit."""

    def __init__(self, visitor: Visitor, settings: Client) -> None:
        self._believed = min(MAX_AGE, LONGEST[visitor.engine])
        self._until = -math.inf if settings.preflights else math.inf

    def must_ask(self, due: float, beacon: bool) -> bool:
        """Whether a preflight comes before a request that is due at this run second; ask in order of due times."""
        if beacon or due < self._until:
            return False
        self._until = due + self._believed
        return True


class Dispatch:
    """How clients react to answers, for all sessions of a worker; it remembers only loads with failed requests."""

    def __init__(self, settings: Client) -> None:
        self._retries = settings.retries
        self._patient = settings.retryAfter == "honour"
        self._tolerated = 1 if settings.signing else 0  # 403s a document may meet
        self._refused: dict[LoadKey, int] = {}
        self._off: dict[LoadKey, int] = {}

    def allows(self, batch: Batch) -> bool:
        """Whether the batch's document still dispatches; a retry under way is not stopped by the switch-off."""
        return batch.attempt > 1 or (batch.session, batch.load) not in self._off

    def handle_answer(self, batch: Batch, status: int | None, at: float, retry_after: float = 0.0) -> Batch | None:
        """The retry that an answer at run time `at` leads to, if any; a status of None is no answer.

        `retry_after` is the answer's Retry-After in seconds, 0 without one.
        """
        if batch.beacon:
            return None
        if status is None or status == 429 or 500 <= status < 600:
            return self._retry(batch, at, retry_after if self._patient else 0.0)
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
    """Set an entry; forget the oldest beyond MOST_TROUBLED."""
    memory[load] = value
    if len(memory) > MOST_TROUBLED:
        del memory[next(iter(memory))]
