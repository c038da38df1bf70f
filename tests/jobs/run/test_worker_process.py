"""A worker says that it waits for its master, and when it has waited long enough."""

from __future__ import annotations

import socket

import pytest

from loadgen.errors import LoadgenError
from loadgen.jobs.run import RunNotice
from loadgen.jobs.run.locust_process import wait_for_master


def test_a_master_that_is_there_is_not_waited_for() -> None:
    told: list[RunNotice] = []
    with socket.create_server(("127.0.0.1", 0)) as master:
        port = master.getsockname()[1]
        wait_for_master("127.0.0.1", port, told.append)
    assert [notice.text.partition(";")[0] for notice in told] == [f"found 127.0.0.1:{port}"]


def test_a_master_that_never_comes_is_told_once_and_then_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadgen.jobs.run.locust_process.LOOK_SECONDS", 0.01)
    told: list[RunNotice] = []
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(LoadgenError, match=rf"no master on 127\.0\.0\.1:{port} within 0 s \(Connection refused\)"):
        wait_for_master("127.0.0.1", port, told.append, patience=0.05)
    assert told == [RunNotice(f"waiting for 127.0.0.1:{port}")]
