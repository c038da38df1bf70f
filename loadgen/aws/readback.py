"""GetAppMonitorData: the events that RUM shows for a span of time, page by page."""

from __future__ import annotations

import time
from collections.abc import Iterator
from uuid import UUID

import msgspec

from loadgen.aws.account import Account
from loadgen.aws.clients import explain_errors
from loadgen.errors import ControlError

PAGE = 100
CALLS_A_SECOND = 5.0
"""On AWS; the control plane's quota is not documented."""


class _Event(msgspec.Struct):
    """What is compared of an event; the rest is skipped unread."""

    event_id: str
    event_timestamp: int


_decode = msgspec.json.Decoder(_Event).decode


def read_events(account: Account, name: str, after: int, before: int) -> Iterator[tuple[bytes, int]]:
    """Id (16 bytes) and time of each event between two Unix times in milliseconds, in no stated order."""
    for text in read_event_texts(account, name, after, before):
        yield _read_event(text, f"reading back from app monitor {name!r}")


def read_event_texts(account: Account, name: str, after: int, before: int) -> Iterator[str]:
    """The JSON of each event between two Unix times in milliseconds, in no stated order."""
    doing = f"reading back from app monitor {name!r}"
    pause = 0.0 if account.is_local else 1.0 / CALLS_A_SECOND
    token = None
    while True:
        query: dict[str, str] = {"NextToken": token} if token else {}
        with explain_errors(doing):
            page = account.rum.get_app_monitor_data(
                Name=name, TimeRange={"After": after, "Before": before}, MaxResults=PAGE, **query
            )
        yield from page.get("Events", [])
        token = page.get("NextToken")
        if not token:
            return
        time.sleep(pause)


def _read_event(text: str, doing: str) -> tuple[bytes, int]:
    try:
        event = _decode(text)
        return UUID(event.event_id).bytes, event.event_timestamp
    except (msgspec.DecodeError, ValueError) as error:
        raise ControlError(f"{doing}: an event is not as documented ({error})") from error
