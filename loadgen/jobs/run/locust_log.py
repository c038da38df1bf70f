"""What Locust's log tells people: lines while a run goes, and afterwards why it did not go well."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from loadgen.results import GrowingFile

MOST_LINES = 20  # that are told
MAX_WAIT_SECONDS = 60
"""A master waits so long for its workers: one that dies before it has connected is not waited for without end."""

GAVE_UP = "Gave up waiting for workers to connect"
RAISED = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Exit|Interrupt)\b")  # the last line of a traceback
WAITING = re.compile(r"Waiting for workers to be ready, (\d+) of (\d+) connected")
WARNING = re.compile(r"/WARNING/loadgen: (.+)")


class LogFollower:
    """Gives what people should hear of Locust's log while a run goes; each line once."""

    def __init__(self, log: Path) -> None:
        self._log, self._told = GrowingFile(log), set[str]()

    def lines(self) -> Iterator[str]:
        """What is new since the last call."""
        try:
            new = self._log.read_new_lines()
        except OSError:  # the folder is gone: others say so
            return
        for line in new.decode(errors="replace").splitlines():
            said = translate_line(line)
            if said is not None and said not in self._told and len(self._told) < MOST_LINES:
                self._told.add(said)
                yield said


def translate_line(line: str) -> str | None:
    """A line of Locust's log for people; None for most."""
    if found := WAITING.search(line):
        return f"waiting for workers: {found[1]} of {found[2]} are there; one that cannot come says why where it runs"
    return found[1] if (found := WARNING.search(line)) else None


def explain_few_workers(log: str) -> str | None:
    """Why a master gave up, by its log; None when it did not."""
    if GAVE_UP not in log:
        return None
    came = WAITING.findall(log)[-1:]
    workers = f"{came[0][0]} of {came[0][1]} workers" if came else "fewer workers than --expect-workers"
    return (
        f"{workers} came within {MAX_WAIT_SECONDS} s; a master knows of a worker only when it connects, so see on the "
        "other machines what keeps theirs"
    )


def describe_silence(folder: Path) -> str:
    """Why a process may have logged nothing into its folder."""
    if not folder.is_dir():
        return f"the folder {folder} is gone"
    free = shutil.disk_usage(folder).free
    return "nothing was logged" if free else f"{folder}: no space left on its disk; give --out a folder on another"


def find_first_error(log: str) -> str | None:
    """The first error, with that of a traceback before it; else the last line, None without one."""
    lines = log.strip().splitlines()
    if not lines:
        return None
    first = next((place for place, line in enumerate(lines) if "/ERROR/" in line), len(lines) - 1)
    raised = [line for line in lines[:first] if RAISED.match(line)][:1]
    return "; ".join([lines[first].rpartition("/ERROR/")[2].removeprefix("loadgen: "), *raised])
