"""Locust's log, read for people: lines during a run, and afterwards the reason of a failure."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from loadgen.results import GrowingFile

MOST_LINES = 20  # that are passed on to people
MAX_WAIT_SECONDS = 60
"""Seconds that a master waits for its workers; without a limit it would wait forever for a worker that has died."""

GAVE_UP = "Gave up waiting for workers to connect"
RAISED = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Exit|Interrupt)\b")  # the last line of a traceback
WAITING = re.compile(r"Waiting for workers to be ready, (\d+) of (\d+) connected")
WARNING = re.compile(r"/WARNING/loadgen: (.+)")


class LogFollower:
    """Reads Locust's log during a run, and yields each line that is meant for people once."""

    def __init__(self, log: Path) -> None:
        self._log, self._yielded = GrowingFile(log), set[str]()

    def lines(self) -> Iterator[str]:
        """Yield the lines for people that are new since the last call."""
        try:
            new = self._log.read_new_lines()
        except OSError:  # the folder is gone: other code reports that
            return
        for line in new.decode(errors="replace").splitlines():
            text = translate_line(line)
            if text is not None and text not in self._yielded and len(self._yielded) < MOST_LINES:
                self._yielded.add(text)
                yield text


def translate_line(line: str) -> str | None:
    """Translate a line of Locust's log for people; None for a line that they need not see."""
    if found := WAITING.search(line):
        return f"waiting for workers: {found[1]} of {found[2]} connected; a worker that cannot connect says why there"
    return found[1] if (found := WARNING.search(line)) else None


def explain_few_workers(log: str) -> str | None:
    """Return from a master's log why it gave up; None if it did not."""
    if GAVE_UP not in log:
        return None
    last = WAITING.findall(log)[-1:]
    workers = f"{last[0][0]} of {last[0][1]} workers" if last else "fewer workers than --expect-workers"
    return (
        f"{workers} connected within {MAX_WAIT_SECONDS} s; a master knows of a worker only when it connects, so see on "
        "the other machines why theirs do not"
    )


def describe_silence(folder: Path) -> str:
    """Say why a process may have written no log into its folder."""
    if not folder.is_dir():
        return f"the folder {folder} is gone"
    free = shutil.disk_usage(folder).free
    return "nothing was logged" if free else f"{folder}: no space left on its disk; give --out a folder on another"


def find_first_error(log: str) -> str | None:
    """Return the first error in a log, with the exception of a traceback before it; else its last line, if any."""
    lines = log.strip().splitlines()
    if not lines:
        return None
    first = next((place for place, line in enumerate(lines) if "/ERROR/" in line), len(lines) - 1)
    raised = [line for line in lines[:first] if RAISED.match(line)][:1]
    return "; ".join([lines[first].rpartition("/ERROR/")[2].removeprefix("loadgen: "), *raised])
