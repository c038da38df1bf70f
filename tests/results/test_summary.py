"""A summary reaches the process that started a run when the disk does not take it; its events add up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from loadgen.results import HANDOVER, Handover, hand_over
from loadgen.results.summary import Events
from tests.report.runs import Plan, make

CODE = """
import sys
from pathlib import Path
from loadgen.results import RunFolder, hand_over
hand_over(RunFolder(Path(sys.argv[1])).read_summary())
"""


def test_a_summary_that_was_handed_over_is_received(tmp_path: Path) -> None:
    folder = make(tmp_path / "run", Plan(seconds=3))
    handover = Handover()
    subprocess.run(
        [sys.executable, "-c", CODE, folder.path],
        env=os.environ | {HANDOVER: str(handover.descriptor)},
        pass_fds=(handover.descriptor,),
        check=True,
    )
    assert handover.receive() == folder.read_summary()


def test_a_process_that_did_not_come_so_far_handed_nothing_over() -> None:
    assert Handover().receive() is None


def test_nothing_is_handed_over_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(HANDOVER, raising=False)
    hand_over(make(tmp_path / "run", Plan(seconds=3)).read_summary())


@pytest.mark.parametrize(
    ("events", "balances"),
    [
        (Events(100, 10, 20, 5, 2, 15, 50, 45, 5), True),
        (Events(101, 10, 20, 5, 2, 15, 50, 45, 5), False),
        (Events(100, 10, 20, 5, 2, 15, 50, 45, 4), False),
    ],
)
def test_accounting_holds_to_the_unit(events: Events, balances: bool) -> None:
    assert events.balanced is balances
