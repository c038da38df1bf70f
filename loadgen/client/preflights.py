"""Before which requests a browser asks the target for permission: the CORS preflights of a visit.

Rule: the web client's fetches have headers that need permission, its beacons have none. The browser asks before the
first fetch of a visit, and again when the answer is too old. Of 303 captured requests 50 were preflights, one for each
of the 50 browsers that sent a fetch.
"""

from __future__ import annotations

import math

from loadgen.model import Visitor
from loadgen.scenario import Client

MAX_AGE = 7200.0
"""Access-Control-Max-Age of the captured data plane's answers, and of the local endpoint's; seconds."""

LONGEST = {"Chromium": 7200.0, "Gecko": 86400.0, "WebKit": 600.0}
"""Seconds for which each engine believes an answer at most (MDN on Access-Control-Max-Age; WebKit's
CrossOriginPreflightResultCache)."""


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
