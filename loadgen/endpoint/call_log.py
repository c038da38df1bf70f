"""The latest PutRumEvents calls with the outcome of each, and counts per second, which the console shows live.

Rule: every call is logged, whether or not anybody reads the log, so that a refusal can be examined after it happened.
Logging a call costs a few microseconds, and everything here is bounded in number and size.
"""

from __future__ import annotations

import re
from collections import deque
from typing import Literal

import msgspec

from loadgen.model import Request

_SIGNATURE = re.compile(r"[ ,&]*(X-Amz-)?(Signature|Security-Token)=[^,&]*")

CALLS = 2000
"""Calls that the log remembers."""

REFUSALS = 100
"""Refused calls that the log also remembers with their bodies, so that accepted calls do not push them out."""

OLDER_PROBLEMS = 100
"""Older calls that the log also remembers because they were refused or had dropped events: tests assert on them."""

BODY_BYTES = 64 * 1024
"""The largest body of a refused call that is kept, in bytes."""

SECONDS = 900
"""Seconds that the log keeps counts of."""

DROPPED_SHOWN = 10
"""Dropped events of one call that the log names; further ones are only counted."""

MESSAGE_CHARACTERS = 4000
NAME_CHARACTERS = 200


class DroppedEvent(msgspec.Struct, gc=False):
    """An event that was dropped from an accepted batch, with the rule that it broke."""

    position: int  # in the batch, from 0
    type: str
    reason: str


class PutCall(msgspec.Struct, gc=False):
    """One PutRumEvents call; its members are filled in while it is answered."""

    at: float  # Unix time
    target: str  # path of the request
    body_bytes: int  # on the wire
    number: int = 0  # the n-th call since the start
    monitor: str = ""  # the id in the path, even if no monitor has it
    status: int = 500
    code: str = ""  # AWS's name of the error
    message: str = ""  # the error in full; it names the offending members
    milliseconds: float = 0.0  # handling, without injected delays
    delay: float = 0.0  # seconds that a fault adds
    dropped_connection: bool = False  # a fault closed the connection
    events: int = 0  # accepted
    dropped: int = 0
    dropped_events: tuple[DroppedEvent, ...] = ()  # the first DROPPED_SHOWN

    @property
    def is_problem(self) -> bool:
        """Whether the call was refused for another reason than a quota, or lost events."""
        return self.dropped > 0 or self.is_refused

    @property
    def is_refused(self) -> bool:
        """Whether the call was refused for another reason than a quota."""
        return self.status != 200 and name_rejection(self.status) == "refused"


def name_rejection(status: int) -> Literal["throttled", "failed", "refused"]:
    """Return the kind of an answer with another status than 200."""
    return "throttled" if status == 429 else "failed" if status >= 500 else "refused"


HEADERS_KEPT = ("authorization", "content-encoding", "origin", "referer", "user-agent", "x-amz-date")
"""Headers that explain a refusal; of `authorization` only the part before the signature is kept."""


class RefusedCall(msgspec.Struct, gc=False):
    """A refused call with the headers and body that the client sent."""

    call: PutCall
    query: str
    headers: dict[str, str]  # the call's headers that are in HEADERS_KEPT
    peer: str  # IP address
    body: bytes | None  # as received, perhaps with gzip; None: too large to keep


class SecondCounts(msgspec.Struct, gc=False):
    """Counts of the calls of one second."""

    second: int  # Unix time
    accepted: int = 0  # requests
    throttled: int = 0
    refused: int = 0
    failed: int = 0
    events: int = 0  # accepted
    dropped: int = 0  # events


class CallLog:
    """The latest PutRumEvents calls of one endpoint."""

    def __init__(self) -> None:
        self.number = 0
        self._committed = 0
        self.calls: deque[PutCall] = deque(maxlen=CALLS)
        self._older_problems: deque[PutCall] = deque(maxlen=OLDER_PROBLEMS)
        self.refusals: deque[RefusedCall] = deque(maxlen=REFUSALS)
        self.seconds: deque[SecondCounts] = deque(maxlen=SECONDS)
        self._counts = SecondCounts(-1)  # of the present second

    def add(self, call: PutCall) -> None:
        """Log an answered call. The texts of a call that was not accepted are cut to a bounded length."""
        if call.status != 200:
            call.message = call.message[:MESSAGE_CHARACTERS]
            call.monitor, call.target = call.monitor[:NAME_CHARACTERS], call.target[:NAME_CHARACTERS]
        self.number = call.number = self.number + 1
        if len(self.calls) == CALLS and self.calls[0].is_problem:
            self._older_problems.append(self.calls[0])
        self.calls.append(call)
        second, status, counts = int(call.at), call.status, self._counts
        if counts.second != second:
            counts = self._counts = SecondCounts(second)
            self.seconds.append(counts)
        if status == 200:
            counts.accepted += 1
            counts.events += call.events
            counts.dropped += call.dropped
        else:
            kind = name_rejection(status)
            setattr(counts, kind, getattr(counts, kind) + 1)

    def list_after(self, number: int) -> list[PutCall]:
        """Return the remembered calls with a higher number, the oldest first."""
        return [call for calls in (self._older_problems, self.calls) for call in calls if call.number > number]

    def mark_committed(self) -> None:
        """Record that the calls logged so far are durable."""
        self._committed = self.number

    def fail_uncommitted(self, code: str, message: str) -> None:
        """Turn the accepted calls since the last commit into failures: their commit failed, so they got a 500."""
        for call in reversed(self.calls):
            if call.number <= self._committed:
                break
            if call.status == 200:
                call.status, call.code, call.message, call.events, call.dropped = 500, code, message, 0, 0
        self._committed = self.number

    def note_refusal(self, call: PutCall, request: Request, peer: str) -> None:
        """Keep a refused call with its headers, query and body; headers and query are cut to a bounded length."""
        headers = {
            name: _drop_signature(value)[:NAME_CHARACTERS] for name, value in request.headers if name in HEADERS_KEPT
        }
        query = _drop_signature(request.target.partition("?")[2])[:NAME_CHARACTERS]
        body = request.body if len(request.body) <= BODY_BYTES else None
        self.refusals.append(RefusedCall(call, query, headers, peer, body))

    def find_refusal(self, number: int) -> RefusedCall | None:
        """Return the refused call with this number; None if the log no longer remembers it."""
        return next((refusal for refusal in self.refusals if refusal.call.number == number), None)


def _drop_signature(text: str) -> str:
    """Return an Authorization header or a query string without its signature and session token."""
    return _SIGNATURE.sub("", text)
