"""Hands a summary from the Locust process to the process that started it, past a disk that is full or gone.

Rule: the way is a file in memory without a name, so that nothing is left of it, however both processes end.
"""

from __future__ import annotations

import os
import tempfile

import msgspec

from loadgen.results.summary import Summary

VARIABLE = "LOADGEN_HANDOVER"
"""The number of the file's descriptor in the process that hands over."""


class Handover:
    """The receiving end; `descriptor` goes to the other process under the same number."""

    def __init__(self) -> None:
        # Where the system has no files in memory, one without a name in its folder of temporary files.
        in_memory = os.memfd_create("loadgen-summary") if hasattr(os, "memfd_create") else None
        self._file = tempfile.TemporaryFile() if in_memory is None else os.fdopen(in_memory, "w+b")  # noqa: SIM115  # received later
        self.descriptor = self._file.fileno()

    def receive(self) -> Summary | None:
        """Take the summary that was handed over, once; None when the process did not come so far."""
        with self._file as file:
            file.seek(0)
            try:
                return msgspec.json.decode(file.read(), type=Summary)
            except msgspec.DecodeError:
                return None


def hand_over(summary: Summary) -> None:
    """Hand a summary to the process that started this one, if it asked for it."""
    if given := os.environ.get(VARIABLE):
        os.pwrite(int(given), msgspec.json.encode(summary), 0)
