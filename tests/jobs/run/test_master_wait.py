"""A worker says that it waits for its master, and when it has waited long enough."""

from __future__ import annotations

import socket

import pytest

from loadgen.errors import LoadgenError
from loadgen.jobs.run import master_wait


def test_a_master_that_is_there_is_not_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as master:
        port = master.getsockname()[1]
        master_wait.wait_for_master("127.0.0.1", port)
    assert capsys.readouterr().err.startswith(f"found 127.0.0.1:{port}")


def test_a_master_that_never_comes_is_told_once_and_then_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(master_wait, "LOOK_SECONDS", 0.01)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(LoadgenError, match=rf"no master on 127\.0\.0\.1:{port} within 0 s \(Connection refused\)"):
        master_wait.wait_for_master("127.0.0.1", port, patience=0.05)
    assert capsys.readouterr().err == f"waiting for 127.0.0.1:{port}\n"
