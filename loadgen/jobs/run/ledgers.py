"""Both sides' counts of a run: what an endpoint of ours says it accepted, asked before and after, beside our own."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote, urlsplit

import msgspec

from loadgen.aws import MonitorTarget
from loadgen.endpoint import EndpointLedger
from loadgen.model import Request, Volume
from loadgen.results import LedgerComparison, MonitorSummary
from loadgen.transport import BlockingConnection, NoAnswer, OnWait, find_route, start_notice

ASK_SECONDS, LEDGER = 10.0, "/_loadgen/ledger"


def read_ledgers(targets: Sequence[MonitorTarget], on_wait: OnWait) -> tuple[Volume | None, ...]:
    """What each app monitor of a run has accepted; None for all where one is not told: they are compared together.

    Events that the endpoint dropped from accepted requests are included. `on_wait` gets a line when it takes long.
    """
    found: list[Volume | None] = []
    for target in targets:
        found.append(_read_ledger(target.url, target.monitor_id, on_wait))
        if found[-1] is None:
            return (None,) * len(targets)
    return tuple(found)


def _read_ledger(url: str, monitor_id: str, on_wait: OnWait) -> Volume | None:
    """Ask an endpoint; None when it is none of ours, or not there."""
    if not url.startswith("http://"):
        return None
    parts = urlsplit(url)
    path = f"{parts.path.rstrip('/')}{LEDGER}?monitor={quote(monitor_id, safe='')}"
    connection = BlockingConnection(find_route(url), ASK_SECONDS)
    notice = start_notice(parts.netloc, LEDGER, ASK_SECONDS, on_wait)
    try:
        answer = connection(Request("GET", path, (("host", parts.netloc),)))
        told = msgspec.json.decode(answer.body, type=EndpointLedger)
    except (NoAnswer, msgspec.DecodeError):
        return None
    finally:
        notice.cancel()
        connection.close()
    return Volume(told.requests.accepted, told.events.accepted + told.events.dropped)


def compare_counts(before: Volume | None, after: Volume | None, ours: MonitorSummary) -> LedgerComparison:
    """Both sides' counts of one run for one of its app monitors."""
    if before is None or after is None:
        return LedgerComparison()
    accepted = after - before
    more = accepted - Volume(ours.requests.accepted, ours.events.accepted)
    # What got no answer, or was in flight when a worker was killed, may have been accepted all the same.
    agrees = 0 <= more.requests <= ours.in_doubt.requests and 0 <= more.events <= ours.in_doubt.events
    return LedgerComparison(agrees, accepted.requests, accepted.events)
