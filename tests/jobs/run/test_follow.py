"""The target is asked for its ledger, which most targets do not keep."""

from __future__ import annotations

import socket

import pytest

from loadgen.aws import MonitorTarget
from loadgen.jobs.run import follow
from loadgen.jobs.run.follow import read_ledgers
from loadgen.transport import first_answer
from tests.transport.test_ways import serving

NO_LEDGER = b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}"


@pytest.mark.parametrize("answer", [None, NO_LEDGER])
def test_a_target_that_keeps_no_ledger_is_asked_once_whatever_the_number_of_app_monitors(
    answer: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "ASK_SECONDS", 0.4)
    monkeypatch.setattr(first_answer, "NOTICE_SECONDS", 0.1)
    asked, heard = list[bytes](), list[str]()

    def serve(connected: socket.socket) -> None:
        asked.append(connected.recv(65536))
        if answer is not None:
            connected.sendall(answer)
        connected.recv(1)

    with serving(serve) as port:
        targets = [MonitorTarget(f"http://127.0.0.1:{port}", "us-east-1", each, each) for each in ("a", "b", "c")]
        assert read_ledgers(targets, heard.append) == (None, None, None)
    assert [line.split(b" ")[1] for line in asked] == [b"/_loadgen/ledger?monitor=a"]
    waited = [f"waiting for 127.0.0.1:{port} to answer /_loadgen/ledger, at most 0 s"]
    assert heard == (waited if answer is None else [])
