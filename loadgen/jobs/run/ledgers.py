"""What an endpoint of ours says it accepted, asked before and after a run."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote, urlsplit

import msgspec

from loadgen.aws import MonitorTarget
from loadgen.model import Noun, Request
from loadgen.results import LedgerComparison, MonitorSummary, Summary
from loadgen.transport import BlockingConnection, NoAnswer, find_route

ASK_SECONDS = 10.0


class LedgerCounts(Noun):
    """What is read of the endpoint's answer to `/_loadgen/ledger`."""

    requests: dict[str, int]
    events: dict[str, int]


class Kept(Noun):
    """Accepted PutRumEvents calls of one monitor and their events, those included that the endpoint dropped."""

    requests: int
    events: int


def read_ledger(url: str, monitor_id: str) -> Kept | None:
    """Ask an endpoint; None when it is none of ours, or not there."""
    if not url.startswith("http://"):
        return None
    parts = urlsplit(url)
    path = f"{parts.path.rstrip('/')}/_loadgen/ledger?monitor={quote(monitor_id, safe='')}"
    connection = BlockingConnection(find_route(url), ASK_SECONDS)
    try:
        answer = connection(Request("GET", path, (("host", parts.netloc),)))
        counted = msgspec.json.decode(answer.body, type=LedgerCounts)
        return Kept(counted.requests["accepted"], counted.events["accepted"] + counted.events["dropped"])
    except (NoAnswer, msgspec.DecodeError, KeyError):
        return None
    finally:
        connection.close()


def read_ledgers(targets: Iterable[MonitorTarget]) -> tuple[Kept | None, ...]:
    """The same for each app monitor of a run."""
    return tuple(read_ledger(target.url, target.monitor_id) for target in targets)


def compare_ledgers(
    before: tuple[Kept | None, ...], after: tuple[Kept | None, ...], summary: Summary
) -> tuple[LedgerComparison, ...]:
    """Both sides' counts of one run, for each of its app monitors."""
    return tuple(map(compare_ledger, before, after, summary.monitors))


def compare_ledger(before: Kept | None, after: Kept | None, ours: MonitorSummary) -> LedgerComparison:
    """Both sides' counts of one app monitor."""
    if before is None or after is None:
        return LedgerComparison()
    requests, events = after.requests - before.requests, after.events - before.events
    more_requests, more_events = requests - ours.requests.accepted, events - ours.events.accepted
    # What got no answer, or was in flight when a worker was killed, may have been accepted all the same.
    agrees = 0 <= more_requests <= ours.in_doubt.requests and 0 <= more_events <= ours.in_doubt.events
    return LedgerComparison(agrees, requests, events)
