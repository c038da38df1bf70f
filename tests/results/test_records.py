"""The spool: what a worker stored is there for those who come after it."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from loadgen.model import Result
from loadgen.results import records as record
from loadgen.results.records import InDoubt, Spool

KILLED = """
import os, signal, sys
from pathlib import Path
from loadgen.model import Result
from loadgen.results.records import Spool, pack_result

spool = Spool(Path(sys.argv[1]))
for session in range(3):
    spool.start(session, 7, 1)
    if session < 2:
        spool.finish(pack_result(Result(0.0, 0.0, 1.0, 200, 7, 100, 400, session=session), 0))
os.kill(os.getpid(), signal.SIGKILL)
"""


def stored(spool: Spool, session: int) -> None:
    """A request and its answer."""
    spool.start(session, 5, 1)
    spool.finish(record.pack_result(Result(0.0, 0.0, 1.0, 200, 5, 100, 400, session=session), 0))


def sessions(path: Path) -> list[int]:
    return [session for batch in record.read_spool(path) for session in batch["session"].tolist()]


def test_what_a_killed_worker_stored_is_there_and_what_it_had_in_flight_is_in_doubt(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    assert subprocess.run([sys.executable, "-c", KILLED, str(path)]).returncode == -signal.SIGKILL
    assert sessions(path) == [0, 1]
    assert record.count_in_doubt([path]) == (InDoubt(1, 7),)


def test_a_spool_is_read_while_it_is_written(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    stored(spool, 3)
    assert sessions(tmp_path / "spool") == [3]
    stored(spool, 4)
    assert sessions(tmp_path / "spool") == [3, 4]


def test_a_closed_spool_is_as_long_as_its_records(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    spool = Spool(path)
    stored(spool, 1)
    spool.close()
    assert path.stat().st_size == 2 * record.RECORD.itemsize


def test_a_spool_goes_on_from_piece_to_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Spool, "PIECE", Spool.PIECE // 64)
    each = Spool.PIECE // record.RECORD.itemsize // 2  # requests a piece
    spool = Spool(tmp_path / "spool")
    for session in range(4 * each + 1):
        stored(spool, session)
    assert sessions(tmp_path / "spool") == list(range(4 * each + 1))
    spool.close()
    assert sessions(tmp_path / "spool") == list(range(4 * each + 1))


def test_a_full_disk_is_known_while_there_is_room_for_what_is_in_flight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Spool, "PIECE", Spool.PIECE // 64)
    each = Spool.PIECE // record.RECORD.itemsize // 2  # requests a piece
    spool = Spool(tmp_path / "spool")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    for session in range(each):
        assert spool.full is None
        stored(spool, session)
    assert spool.full == "No space left on device"
    for session in range(each - 1):
        stored(spool, session)
    assert len(sessions(tmp_path / "spool")) == 2 * each - 1


def test_a_record_is_104_bytes_and_comes_back_as_it_was() -> None:
    result = Result(1.0, 1.5, 2.0, None, 3, 40, 50, 2, False, "timeout", session=9, waited=0.25, beacon=True)
    [row] = record.unpack_records(record.pack_result(result, 6))
    assert record.RECORD.itemsize == 104
    assert (row["session"], row["status"], row["error"], row["worker"]) == (9, record.NO_ANSWER, b"timeout", 6)
    assert np.isclose(row["waited"], 0.25) and row["beacon"] and not row["final"]
