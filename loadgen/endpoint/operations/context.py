"""What every operation is called with, and the look-ups they share."""

from __future__ import annotations

import base64
import binascii
import uuid
from datetime import UTC, datetime
from typing import Any

import msgspec

from loadgen.endpoint.service_error import ResourceNotFoundException, ValidationException
from loadgen.endpoint.settings import EndpointSettings
from loadgen.endpoint.store import AppMonitor, Store
from loadgen.model import Noun

Members = dict[str, Any]
"""Checked input members by their model names."""

PAGE = 100
"""Results per page when MaxResults is not given; also the model's greatest."""


class OperationContext(Noun):
    """One control plane call."""

    settings: EndpointSettings
    store: Store
    now: float  # Unix time

    @property
    def stamp(self) -> str:
        """Now as the model's ISOTimestampString: 19 characters, UTC."""
        return f"{datetime.fromtimestamp(self.now, UTC):%Y-%m-%dT%H:%M:%S}"

    def gone(self, monitor: AppMonitor) -> bool:
        """The monitor's deletion is over: its name is free and nothing shows it."""
        return monitor.deleted is not None and self.now >= monitor.deleted + self.settings.deleting_seconds

    def monitor(self, name: str) -> AppMonitor:
        """The monitor of that name, or 404."""
        found = self.store.named(name)
        if found is None or self.gone(found):
            raise ResourceNotFoundException("AppMonitor", name)
        return found

    def collecting(self, name: str) -> AppMonitor:
        """The same for changes: a monitor that is being deleted takes none."""
        found = self.monitor(name)
        if found.deleted is not None:
            raise ResourceNotFoundException("AppMonitor", name)
        return found


def new_id() -> str:
    """A random UUID."""
    return str(uuid.uuid4())


def make_token(query: str, position: Any) -> str:
    """A NextToken: where a listing goes on, good for the same query only."""
    return base64.urlsafe_b64encode(msgspec.json.encode([query, position])).decode()


def read_token(token: str, query: str, kind: Any) -> Any:
    """The position in a NextToken of this query, decoded as `kind`; anything else is refused."""
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
