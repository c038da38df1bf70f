"""What is kept of a run does not grow with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import psutil

from loadgen.model import Volume
from loadgen.results import Aggregate, IntervalReport, Recording, RunFolder
from loadgen.results.records import RECORD

RATE, MINUTES = 500, 30


def second(number: int) -> IntervalReport:
    """A worker's second of 500 results."""
    batch = np.zeros(RATE, RECORD)
    draw = np.random.default_rng(number)
    batch["intended"] = number + np.arange(RATE) / RATE
    batch["started"] = batch["intended"] + draw.exponential(0.001, RATE)
    batch["finished"] = batch["started"] + draw.exponential(0.02, RATE)
    batch["status"] = draw.choice([200, 429, 500], RATE, p=[0.8, 0.15, 0.05])
    batch["events"], batch["attempt"], batch["final"] = 10, 1, True
    return IntervalReport(
        0,
        number,
        batch.tobytes(),
        spooled=True,
        offered_by_monitor=(Volume(RATE),),
        event_mix={"page_view_event": RATE},
    )


def test_half_an_hour_at_500_requests_a_second_takes_little_more_than_its_first_minute(tmp_path: Path) -> None:
    process = psutil.Process()
    measured = Aggregate((600.0, 1800.0))
    recording = Recording(RunFolder.ensure(tmp_path), measured, 0.0)
    sizes = []
    for number in range(MINUTES * 60):
        measured.add(second(number))
        recording.settle(number - 2)
        if number % 60 == 59:
            sizes.append(process.memory_info().rss)
    assert sizes[-1] < 1.1 * sizes[0]
