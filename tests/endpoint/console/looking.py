"""A console over an endpoint in this process, and the events of bodies as plain Python objects."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from loadgen.endpoint.console import Console
from loadgen.model import Request, Response
from tests.endpoint.conftest import Caller

HOST = ("host", "127.0.0.1:8080")
PREFIX = "com.amazon.rum."


class Looker:
    """Asks a console as its page does, and waits until the console has read the whole store."""

    def __init__(self, caller: Caller, is_live: bool = True) -> None:
        self.caller = caller
        self.console = Console(caller.endpoint, is_live)
        self._loop = asyncio.new_event_loop()

    def ask(
        self,
        target: str,
        method: str = "GET",
        headers: tuple[tuple[str, str], ...] = (HOST,),
        peer: str = "127.0.0.1",
        body: bytes = b"",
    ) -> Response:
        request = Request(method, target, headers, body)
        return self._loop.run_until_complete(self.console.answer(request, peer))

    def view(self, name: str, status: int = 200, /, **query: Any) -> Any:
        """The JSON of a view, once its status is as expected."""
        while self.status()["read"] < self.status()["newest"]:
            pass
        response = self.ask(f"/_loadgen/api/{name}?{urlencode(query, doseq=True)}")
        assert response.status == status, response.body
        return json.loads(response.body)

    def status(self) -> dict[str, Any]:
        return dict(json.loads(self.ask("/_loadgen/api/status").body))

    def close(self) -> None:
        self.console.close()
        self._loop.close()


@dataclass(frozen=True)
class Seen:
    """An event of a body, by plain means."""

    ms: int
    type: str
    session: str
    user: str
    metadata: dict[str, Any]
    details: dict[str, Any]

    def dimension(self, name: str) -> str:
        return str(self.metadata.get(name, ""))


def see(bodies: Iterable[bytes]) -> Iterator[Seen]:
    """The events of bodies, in their order."""
    for body in bodies:
        batch = json.loads(body)
        session = json.loads(batch.get("SessionMetadata") or "{}")
        for event in batch["RumEvents"]:
            yield Seen(
                round(event["timestamp"] * 1000),
                event["type"].removeprefix(PREFIX),
                batch["UserDetails"]["sessionId"],
                batch["UserDetails"]["userId"],
                session | json.loads(event.get("metadata") or "{}"),
                json.loads(event["details"]),
            )
