"""Does the service keep old events? A few of the run's own, from over the period, sent first and read back.

Rule: the age of timestamps that RUM accepts is not documented, so nothing more is sent to AWS before a probe was kept.
A probe is a batch of the run like any other: it is in the ledger, and is not sent again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from loadgen.errors import LoadgenError
from loadgen.jobs.seed.encoded_batch import Parcel
from loadgen.jobs.seed.in_doubt import Read, Visibility, look_up
from loadgen.jobs.seed.period import Period, moment
from loadgen.model import Noun

PROBES = 4


class Probe(Noun):
    """What became of one probe."""

    date: float  # Unix time of its batch
    events: int
    kept: bool
    seconds: float  # until it showed; if it never did, how long was waited


def probes(stream: Iterable[Parcel], period: Period, count: int = PROBES) -> Iterator[Parcel]:
    """The first batch of each of so many equal parts of the period."""
    wanted = period.start
    for parcel in stream:
        if parcel.due >= wanted:
            yield parcel
            wanted += period.seconds / count * (1 + int((parcel.due - wanted) // (period.seconds / count)))
        if wanted >= period.end:
            return


def read_back(sent: list[Parcel], read: Read, visibility: Visibility, tell: Callable[[str], None]) -> list[Probe]:
    """Look until all show, or as long as the service may take."""
    began = time.time()
    shown: dict[int, float] = {}
    while len(shown) < len(sent):
        waiting = [parcel.entry for parcel in sent if parcel.entry.number not in shown]
        waited = time.time() - began
        shown |= dict.fromkeys(look_up(waiting, read), waited)
        if len(shown) == len(sent) or waited >= visibility.settle:
            break
        tell(f"probe: {len(sent) - len(shown)} of {len(sent)} batches do not show yet, after {waited:.0f} s")
        time.sleep(visibility.poll)
    waited = time.time() - began
    return [
        Probe(
            parcel.due,
            len(parcel.entry.ids),
            parcel.entry.number in shown,
            round(shown.get(parcel.entry.number, waited), 3),
        )
        for parcel in sent
    ]


def judge(found: list[Probe]) -> None:
    """Refuse to go on when something was not kept, and say what was."""
    lost = [probe for probe in found if not probe.kept]
    if not lost:
        return
    kept = [probe.date for probe in found if probe.kept]
    advice = (
        f"those from {moment(min(kept))} on were kept: begin there, with --from"
        if kept
        else "none was: try a shorter period"
    )
    raise LoadgenError(
        f"the service took events of {', '.join(moment(probe.date) for probe in lost)} but does not show them after "
        f"{max(probe.seconds for probe in lost):.0f} s; {advice}, and give --out another folder. Nothing else was sent"
    )
