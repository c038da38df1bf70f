"""What every operation gets besides its input, and what operations have in common: look-ups, ids, pages of lists."""

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
"""What SQLite takes as an integer; tokens of clients hold such numbers."""

Item = TypeVar("Item")


class OperationContext(Noun):
    """One call of an operation."""

    settings: EndpointSettings
    store: Store
    now: float  # Unix time
    request: Request
    peer: str  # IP address of the client
    access_key_id: str | None = None  # whose signature was verified; None: unsigned
    call: PutCall | None = None  # of PutRumEvents: where to note what became of the events

    @property
    def timestamp(self) -> str:
        """Now in the live service's form, 2024-04-07T12:37:05.326459Z (aws-cli, examples/rum/list-app-monitors.rst).

        The model says 19 characters, without the Z; JavaScript would take those for local time.
        """
        return f"{datetime.fromtimestamp(self.now, UTC):%Y-%m-%dT%H:%M:%S.%fZ}"

    def is_gone(self, monitor: AppMonitor) -> bool:
        """Whether the monitor's deletion is over: its name is free and no operation shows it."""
        return monitor.deleted is not None and self.now >= monitor.deleted + self.settings.deleting_seconds

    def find_monitor(self, name: str) -> AppMonitor:
        """The monitor of that name; raises ResourceNotFoundException."""
        found = self.store.find_named(name)
        if found is None or self.is_gone(found):
            raise ResourceNotFoundException("AppMonitor", name)
        return found

    def find_active_monitor(self, name: str) -> AppMonitor:
        """The monitor of that name that is not being deleted; raises ResourceNotFoundException."""
        found = self.find_monitor(name)
        if found.deleted is not None:
            raise ResourceNotFoundException("AppMonitor", name)
        return found


def make_id() -> str:
    """A random UUID."""
    return str(uuid.uuid4())


def cut_page(
    given: Members, query: str, items: Sequence[Item], key: Callable[[Item], Any], kind: Any
) -> tuple[Sequence[Item], Members]:
    """One page of a listing in the order of its keys, and its NextToken as a member if there is a next page.

    A token holds the key of a page's last item, decoded as `kind`; it is good for the same `query` only.
    """
    if "NextToken" in given:
        after = read_token(given["NextToken"], query, kind)
        items = [item for item in items if key(item) > after]
    size = given.get("MaxResults", PAGE_SIZE)
    page = items[:size]
    return page, {"NextToken": make_token(query, key(page[-1]))} if len(items) > size else {}


def make_token(query: str, position: Any) -> str:
    """Make a NextToken: where a listing goes on, good for the same query only."""
    return base64.urlsafe_b64encode(msgspec.json.encode([query, position])).decode()


def read_token(token: str, query: str, kind: Any) -> Any:
    """The position in a NextToken of this query, decoded as `kind`; raises ValidationException for any other token."""
    try:
        raw = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
        own, position = msgspec.json.decode(raw, type=tuple[str, kind])
    except (binascii.Error, ValueError, RecursionError) as wrong:
        raise ValidationException(f"Value '{token[:100]}' at 'nextToken' is not a token of this operation") from wrong
    if own != query:
        raise ValidationException(
            "Value at 'nextToken' belongs to another query: give the same parameters with every page"
        )
    return position
