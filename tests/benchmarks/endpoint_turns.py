"""Does a PutRumEvents call cost the endpoint more than in another checkout? `tests.benchmarks.endpoint_turns` says it.

    git worktree add --detach ../loadgen-before 4ccaea6
    python -m tests.benchmarks.endpoint_turns ../loadgen-before

Both endpoints run on one core, each with a file of its own, and answer the client of `endpoint_speed.py` on the other
core in turns: there and here, then here and there. What is compared is the processor time of a call, pair by pair, so
that a busy machine disturbs both alike. An older checkout needs to know but the settings that are sent to it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

import msgspec

from tests.benchmarks.endpoint_speed import KEYS, client, drive, pin, put_rum_events

HERE = Path(__file__).parents[2]
RESAMPLES = 5000


class Cost(NamedTuple):
    """Of a call, on average over a turn: processor time in µs, all of it and the system's part, and page faults."""

    total: float
    system: float
    faults: float


class Contestant:
    """The endpoint of one checkout."""

    def __init__(self, pid: int, url: str) -> None:
        self.pid, self.url = pid, url
        monitor_id = client("rum", url).create_app_monitor(Name="shop", Domain="localhost")["Id"]
        self._requests = put_rum_events(url, monitor_id)

    def take_turn(self, seconds: float) -> Cost:
        """Answer calls for so long."""
        before = self._read_process()
        calls, _ = drive(self.url, self._requests, seconds)
        return Cost(*((late - early) / calls for early, late in zip(before, self._read_process(), strict=True)))

    def _read_process(self) -> Cost:
        """What the process has used so far (proc(5): /proc/PID/schedstat and stat)."""
        taken = int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[0]) / 1e3
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return Cost(taken, int(fields[12]) * 1e6 / os.sysconf("SC_CLK_TCK"), int(fields[7]))


@contextmanager
def started(folder: Path, core: int) -> Iterator[Contestant]:
    """The endpoint of a checkout in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "loadgen.endpoint.server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
    )
    assert process.stdin is not None and process.stdout is not None
    pin(process.pid, {core})
    with tempfile.TemporaryDirectory() as kept:
        settings = {"credentials": [msgspec.to_builtins(KEYS)], "quota": None}
        asked = {"settings": settings, "store_path": f"{kept}/rum.sqlite", "host": "127.0.0.1", "port": 0}
        process.stdin.write(json.dumps(asked).encode() + b"\n")
        process.stdin.flush()
        yield Contestant(process.pid, json.loads(process.stdout.readline())["url"])
        process.terminate()
        process.communicate()


def find_interval(ratios: list[float]) -> tuple[float, float]:
    """The 95 % interval of the median, by resampling with a seed of its own."""
    draw = random.Random(7)
    medians = sorted(median(draw.choices(ratios, k=len(ratios))) for _ in range(RESAMPLES))
    return medians[RESAMPLES // 40], medians[-RESAMPLES // 40]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the other checkout")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=1.0, help="how long a turn takes")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    pin(0, {cores[0]})
    with ExitStack() as running:
        pair = [running.enter_context(started(folder, cores[-1])) for folder in (options.folder, HERE)]
        costs: tuple[list[Cost], list[Cost]] = ([], [])
        for turn in range(-2, options.rounds):  # two for warming up
            for which in (0, 1) if turn % 2 else (1, 0):
                costs[which].append(pair[which].take_turn(options.seconds))
    there, here = (kept[2:] for kept in costs)
    print("| checkout | µs a call | of these the system's | page faults |\n|---|---|---|---|")
    for name, kept in ((options.folder, there), ("this one", here)):
        print(f"| {name} | {' | '.join(f'{median(figures):.1f}' for figures in zip(*kept, strict=True))} |")
    ratios = [new.total / old.total for old, new in zip(there, here, strict=True)]
    low, high = find_interval(ratios)
    print(f"\nthis one / {options.folder}: {median(ratios):.3f} ({low:.3f} to {high:.3f}), {len(ratios)} pairs")


if __name__ == "__main__":
    main()
