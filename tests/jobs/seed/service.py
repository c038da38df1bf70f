"""A RUM of our own in a few lines: takes requests in every unlucky way, and shows what it took after a while."""

from __future__ import annotations

import json
import random
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from threading import Lock
from uuid import UUID

from loadgen.model import Noun, Request, Response
from loadgen.transport import NoAnswer

OK, THROTTLED = Response(200), Response(429, (("retry-after", "0.01"),))
BROKEN = Response(500, (("x-amzn-errortype", "InternalServerException"),), b"{}")
GZIP = 31  # zlib's wbits


class Luck(Noun):
    """Shares of requests by what happens to them; the rest goes well."""

    throttled: float = 0.0
    refused: float = 0.0  # no connection
    lost: float = 0.0  # dropped before it was looked at
    lost_answers: float = 0.0  # taken, and no answer
    broken: float = 0.0  # 500, not taken
    lying: float = 0.0  # 500, and taken all the same


class Service:
    """A Send, and a Read of what it took."""

    def __init__(self, luck: Luck, seed: int = 1, delay: float = 0.0) -> None:
        self._luck, self._delay = luck, delay
        self._source = random.Random(seed)
        self._lock = Lock()
        self._taken: list[tuple[float, bytes, int]] = []  # when, id, milliseconds
        self.requests = self.reads = 0

    def __call__(self, request: Request) -> Response:
        with self._lock:
            self.requests += 1
            return self._answer(request)

    def _answer(self, request: Request) -> Response:
        chance = self._source.random()
        for name in Luck.__struct_fields__:
            share = getattr(self._luck, name)
            if chance < share:
                return self._unlucky(name, request)
            chance -= share
        self._take(request)
        return OK

    def _unlucky(self, name: str, request: Request) -> Response:
        if name in {"lost_answers", "lying"}:
            self._take(request)
        if name == "throttled":
            return THROTTLED
        if name in {"broken", "lying"}:
            return BROKEN
        raise NoAnswer(name, sent=name != "refused")

    def _take(self, request: Request) -> None:
        body = zlib.decompress(request.body, GZIP) if request.body.startswith(b"\x1f\x8b") else request.body
        for event in json.loads(body)["RumEvents"]:
            self._taken.append((time.time(), UUID(event["id"]).bytes, event["timestamp"] * 1000))

    def read(self, after: int, before: int) -> Iterator[tuple[bytes, int]]:
        """What shows by now."""
        with self._lock:
            self.reads += 1
            taken = list(self._taken)
        shows = time.time() - self._delay
        return ((event, at) for when, event, at in taken if when <= shows and after <= at <= before)

    def times_taken(self) -> Counter[bytes]:
        """How often each event was taken."""
        return Counter(event for _, event, _ in self._taken)
