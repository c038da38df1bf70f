"""The context that an operation is called with, and what operations share: look-ups, ids, pages of lists."""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import msgspec

from loadgen.endpoint.call_log import PutCall
from loadgen.endpoint.service_error import ResourceNotFoundException, ValidationException
from loadgen.endpoint.settings import EndpointSettings
from loadgen.endpoint.store import AppMonitor, Store
from loadgen.model import Noun, Request

Members = dict[str, Any]
"""Members of an operation's input, checked, or of its output, by their names in the model."""

PAGE_SIZE = 100
"""Results per page when MaxResults is not given; also the greatest MaxResults of the model."""

Integer64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""An integer that SQLite can store; the tokens that clients send back hold such numbers."""

Item = TypeVar("Item")


class OperationContext(Noun):
    """The context of one call of an operation: the request, the store and the settings."""

    settings: EndpointSettings
    store: Store
    now: float  # Unix time
    request: Request
    peer: str  # IP address of the client
    access_key_id: str | None = None  # the key of the verified signature; None: unsigned
    call: PutCall | None = None  # PutRumEvents alone: the log entry that gets the counts of events

    @property
    def timestamp(self) -> str:
        """The present time as the live service writes it: 2024-04-07T12:37:05.326459Z (aws-cli, list-app-monitors.rst).

        The model says 19 characters, without the Z; JavaScript would take those for local time.
        """
        return f"{datetime.fromtimestamp(self.now, UTC):%Y-%m-%dT%H:%M:%S.%fZ}"

    def is_gone(self, monitor: AppMonitor) -> bool:
        """Whether the monitor's deletion is over: its name is free and no operation shows it."""
        return monitor.deleted is not None and self.now >= monitor.deleted + self.settings.deleting_seconds

    def find_monitor(self, name: str) -> AppMonitor:
        """Return the monitor with this name; raises ResourceNotFoundException."""
        monitor = self.store.find_named(name)
        if monitor is None or self.is_gone(monitor):
            raise ResourceNotFoundException("AppMonitor", name)
        return monitor

    def find_active_monitor(self, name: str) -> AppMonitor:
        """Return the monitor with this name; raises ResourceNotFoundException also while it is being deleted."""
        monitor = self.find_monitor(name)
        if monitor.deleted is not None:
            raise ResourceNotFoundException("AppMonitor", name)
        return monitor


def make_id() -> str:
    """Return a random UUID."""
    return str(uuid.uuid4())


def cut_page(
    given: Members, query: str, items: Sequence[Item], key: Callable[[Item], Any], kind: Any
) -> tuple[Sequence[Item], Members]:
    """Return one page of `items`, which are in the order of `key`, and NextToken as a member if items remain.

    A token holds the key of a page's last item, decoded as type `kind`; it is valid for the same `query` only.
    """
    if "NextToken" in given:
        after = read_token(given["NextToken"], query, kind)
        items = [item for item in items if key(item) > after]
    size = given.get("MaxResults", PAGE_SIZE)
    page = items[:size]
    return page, {"NextToken": make_token(query, key(page[-1]))} if len(items) > size else {}


def make_token(query: str, position: Any) -> str:
    """Return a NextToken that holds the position where a listing continues; it is valid for the same query only."""
    return base64.urlsafe_b64encode(msgspec.json.encode([query, position])).decode()


def read_token(token: str, query: str, kind: Any) -> Any:
    """Return the position in a NextToken of this query, decoded as `kind`; raises ValidationException for others."""
    try:
        raw = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
        token_query, position = msgspec.json.decode(raw, type=tuple[str, kind])
    except (binascii.Error, ValueError, RecursionError) as wrong:
        raise ValidationException(f"Value '{token[:100]}' at 'nextToken' is not a token of this operation") from wrong
    if token_query != query:
        raise ValidationException(
            "Value at 'nextToken' belongs to another query: give the same parameters with every page"
        )
    return position
