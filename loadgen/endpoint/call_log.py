"""The latest PutRumEvents calls with what became of each, and counts a second: what the console shows live.

Rule: every call is noted whether somebody looks or not, so that a refusal can be looked at after it happened. Noting
costs a few microseconds, and everything here is bounded in number and size.
"""

from __future__ import annotations

import re
from collections import deque

import msgspec

from loadgen.model import Request

_SIGNATURE = re.compile(r"[ ,&]*(X-Amz-)?(Signature|Security-Token)=[^,&]*")

CALLS = 2000
"""Calls that are remembered."""

REFUSALS = 100
"""Refused calls that are remembered besides, with their bodies, so that accepted ones do not push them out."""

BODY_BYTES = 64 * 1024
"""A larger body of a refused call is not kept."""

SECONDS = 900
"""How far the counts a second go back."""

DROPPED_SHOWN = 10
"""Dropped events of one call that are named; more are only counted."""

MESSAGE_CHARACTERS = 4000
NAME_CHARACTERS = 200


class DroppedEvent(msgspec.Struct, gc=False):
    """An event that was dropped alone, and the rule that it broke."""

    position: int  # in the batch, from 0
    type: str
    reason: str


class PutCall(msgspec.Struct, gc=False):
    """One call, filled in while it is answered."""

    at: float  # Unix time
    target: str  # path of the request
    body_bytes: int  # on the wire
    number: int = 0  # counts calls since the start
    monitor: str = ""  # the id in the path, whether there is such a monitor or not
    status: int = 500
    code: str = ""  # AWS's name of the error
    message: str = ""  # the error in full; it names the offending members
    milliseconds: float = 0.0  # handling, without injected delays
    delay: float = 0.0  # seconds that a fault adds
    dropped_connection: bool = False  # by a fault
    events: int = 0  # accepted
    dropped: int = 0
    dropped_events: tuple[DroppedEvent, ...] = ()  # the first ones


HEADERS_KEPT = ("authorization", "content-encoding", "origin", "referer", "user-agent", "x-amz-date")
"""Headers that say why a call was refused; of the signature, only who signed for what."""


class RefusedCall(msgspec.Struct, gc=False):
    """A refused call with what it sent."""

    call: PutCall
    query: str
    headers: dict[str, str]  # of HEADERS_KEPT, those that it had
    peer: str  # IP address
    body: bytes | None  # as it came over the wire; None: too large to keep


class SecondCounts(msgspec.Struct, gc=False):
    """What came in one second."""

    second: int  # Unix time
    accepted: int = 0  # requests
    throttled: int = 0
    refused: int = 0
    failed: int = 0
    events: int = 0  # accepted
    dropped: int = 0  # events


class CallLog:
    """The latest calls of one endpoint."""

    def __init__(self) -> None:
        self.number = 0
        self._committed = 0
        self.calls: deque[PutCall] = deque(maxlen=CALLS)
        self.refusals: deque[RefusedCall] = deque(maxlen=REFUSALS)
        self.seconds: deque[SecondCounts] = deque(maxlen=SECONDS)
        self._counts = SecondCounts(-1)  # of the second that is counted now

    def add(self, call: PutCall) -> None:
        """Note a call that has been answered; what is shown of one that was not accepted is cut to a bounded length."""
        if call.status != 200:
            call.message = call.message[:MESSAGE_CHARACTERS]
            call.monitor, call.target = call.monitor[:NAME_CHARACTERS], call.target[:NAME_CHARACTERS]
        self.number = call.number = self.number + 1
        self.calls.append(call)
        second, status, counts = int(call.at), call.status, self._counts
        if counts.second != second:
            counts = self._counts = SecondCounts(second)
            self.seconds.append(counts)
        if status == 200:
            counts.accepted += 1
            counts.events += call.events
            counts.dropped += call.dropped
        elif status == 429:
            counts.throttled += 1
        elif status >= 500:
            counts.failed += 1
        else:
            counts.refused += 1

    def mark_committed(self) -> None:
        """What was noted so far is durable."""
        self._committed = self.number

    def fail_uncommitted(self, code: str, message: str) -> None:
        """The commit failed: the calls since the last one were answered with a 500 after all."""
        for call in reversed(self.calls):
            if call.number <= self._committed:
                break
            if call.status == 200:
                call.status, call.code, call.message, call.events, call.dropped = 500, code, message, 0, 0
        self._committed = self.number

    def note_refusal(self, call: PutCall, request: Request, peer: str) -> None:
        """Keep what a refused call sent, with what is shown of it cut to a bounded length."""
        headers = {
            name: _drop_signature(value)[:NAME_CHARACTERS] for name, value in request.headers if name in HEADERS_KEPT
        }
        query = _drop_signature(request.target.partition("?")[2])[:NAME_CHARACTERS]
        body = request.body if len(request.body) <= BODY_BYTES else None
        self.refusals.append(RefusedCall(call, query, headers, peer, body))

    def find_refusal(self, number: int) -> RefusedCall | None:
        """The refused call of a number, if it is still remembered."""
        return next((each for each in self.refusals if each.call.number == number), None)


def _drop_signature(text: str) -> str:
    """An Authorization header or a query string without its signature."""
    return _SIGNATURE.sub("", text)
