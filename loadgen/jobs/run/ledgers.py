"""The comparison of a run's counts with the local endpoint's ledger, which is read before and after the run."""

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
    """Read what the endpoint accepted for each app monitor; None for all if one is missing: they are compared together.

    Events that the endpoint dropped from accepted requests count too. `on_wait` gets a line when an answer takes long.
    """
    ledgers: list[Volume | None] = []
    for target in targets:
        ledgers.append(_read_ledger(target.url, target.monitor_id, on_wait))
        if ledgers[-1] is None:
            return (None,) * len(targets)
    return tuple(ledgers)


def _read_ledger(url: str, monitor_id: str, on_wait: OnWait) -> Volume | None:
    """Read an endpoint's ledger of an app monitor; None if the target keeps none or does not answer."""
    if not url.startswith("http://"):
        return None
    parts = urlsplit(url)
    path = f"{parts.path.rstrip('/')}{LEDGER}?monitor={quote(monitor_id, safe='')}"
    connection = BlockingConnection(find_route(url), ASK_SECONDS)
    notice = start_notice(parts.netloc, LEDGER, ASK_SECONDS, on_wait)
    try:
        answer = connection(Request("GET", path, (("host", parts.netloc),)))
        ledger = msgspec.json.decode(answer.body, type=EndpointLedger)
    except (NoAnswer, msgspec.DecodeError):
        return None
    finally:
        notice.cancel()
        connection.close()
    return Volume(ledger.requests.accepted, ledger.events.accepted + ledger.events.dropped)


def compare_counts(before: Volume | None, after: Volume | None, ours: MonitorSummary) -> LedgerComparison:
    """Compare the endpoint's counts of a run for one app monitor with ours."""
    if before is None or after is None:
        return LedgerComparison()
    accepted = after - before
    more = accepted - Volume(ours.requests.accepted, ours.events.accepted)
    # A request without an answer, or in flight when its worker was killed, may have been accepted all the same.
    agrees = 0 <= more.requests <= ours.in_doubt.requests and 0 <= more.events <= ours.in_doubt.events
    return LedgerComparison(agrees, accepted.requests, accepted.events)
