"""The Locust process hands a run's summary to the process that started it, through an unnamed file in memory.

So the summary arrives even when the disk is full or gone, and nothing of the file is left, however the two processes
end.
"""

from __future__ import annotations

import os
import tempfile

import msgspec

from loadgen.results.summary import Summary

HANDOVER = "LOADGEN_HANDOVER"
"""Environment variable with the descriptor of the handover file in the process that writes the summary."""


class Handover:
    """The receiving end of a handover; the other process must inherit `descriptor` under the same number."""

    def __init__(self) -> None:
        # A system without files in memory gives an unnamed file in its folder of temporary files.
        in_memory = os.memfd_create("loadgen-summary") if hasattr(os, "memfd_create") else None
        self._file = tempfile.TemporaryFile() if in_memory is None else os.fdopen(in_memory, "w+b")  # noqa: SIM115  # received later
        self.descriptor = self._file.fileno()

    def receive(self) -> Summary | None:
        """Read the summary that was handed over; None if the process ended before it wrote one. Call it only once."""
        with self._file as file:
            file.seek(0)
            try:
                return msgspec.json.decode(file.read(), type=Summary)
            except msgspec.DecodeError:
                return None


def hand_over(summary: Summary) -> None:
    """Hand a summary to the process that started this one, if that process set HANDOVER."""
    if given := os.environ.get(HANDOVER):
        os.pwrite(int(given), msgspec.json.encode(summary), 0)
