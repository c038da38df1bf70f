"""A planned batch as it is sent: the request, the same on every attempt, and its entry in the ledger."""

from __future__ import annotations

from loadgen import wire
from loadgen.jobs.seed.ledger import Entry
from loadgen.jobs.seed.stream import Planned, id_bytes
from loadgen.model import Noun, Request


class Parcel(Noun):
    """A batch, encoded but unsigned."""

    entry: Entry
    request: Request
    due: float  # Unix time at which the client means to send it


def packed(planned: Planned, destination: wire.Destination, clock: wire.Clock) -> Parcel:
    """Encode a planned batch."""
    batch = planned.batch
    stamps = [int(clock.unix(batch.start + event.at) + 0.5) for event in batch.events]  # as wire.encode rounds
    entry = Entry(planned.number, batch.id, min(stamps), max(stamps), id_bytes(batch), 0.0)
    return Parcel(entry, wire.encode(batch, destination, clock).request, clock.unix(batch.due))
