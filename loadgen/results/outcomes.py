"""What became of requests, each outcome in requests, in events and in bytes.

Rule: every attempt counts, so that sent = accepted + throttled + failed in each unit; offered and given up are batches.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from loadgen.model import Noun
from loadgen.results import records as record
from loadgen.results.meter import Volume
from loadgen.results.records import Records

MEASURED = ("sent", "accepted", "throttled", "failed", "retried", "recovered", "given_up")
UNITS = Volume.__struct_fields__


class Outcomes(Noun):
    """Amounts by outcome; recovered and retried are parts of the others."""

    offered: Volume  # batches due
    sent: Volume
    accepted: Volume
    throttled: Volume
    failed: Volume
    retried: Volume  # second and later attempts
    recovered: Volume  # accepted by a retry
    given_up: Volume  # batches that were tried and never accepted

    @classmethod
    def of(cls, counts: Mapping[str, int], offered: Volume, stranded: Volume, whole: bool) -> Outcomes:
        """From counts by name; of a worker that never said its last word, what was tried and not accepted is given up.

        `stranded` are the batches that waited for a retry when the run was over.
        """
        by_name = {name: amount(counts, name) for name in MEASURED}
        tried = by_name["sent"].minus(by_name["retried"])
        lost = by_name["given_up"].plus(stranded) if whole else tried.minus(by_name["accepted"])
        return cls(offered=offered, **by_name | {"given_up": lost})


def amount(counts: Mapping[str, int], outcome: str) -> Volume:
    """One outcome in all units."""
    return Volume(*(counts.get(name_of(outcome, unit), 0) for unit in UNITS))


def name_of(outcome: str, unit: str) -> str:
    """The name of a count, such as throttled, throttled_events or throttled_wire_bytes."""
    return outcome if unit == "requests" else f"{outcome}_{unit}"


def amounts(batch: Records) -> npt.NDArray[np.int64]:
    """Each record in all units, shape (n, units)."""
    columns = (np.ones(len(batch)), batch["events"], batch["wire_bytes"], batch["raw_bytes"])
    return np.stack(columns, axis=1).astype(np.int64)


def counted(batch: Records) -> Counter[str]:
    """Records added up by outcome and unit, by name."""
    ok, refused, again = record.accepted(batch), record.throttled(batch), batch["attempt"] > 1
    kinds = (np.ones(len(batch), bool), ok, refused, ~ok & ~refused, again, ok & again, batch["final"] & ~ok)
    sums = (np.stack(kinds).astype(np.int64) @ amounts(batch)).tolist()
    return Counter(
        {
            name_of(outcome, unit): number
            for outcome, row in zip(MEASURED, sums, strict=True)
            for unit, number in zip(UNITS, row, strict=True)
        }
    )
