"""A process's part in a run."""

from __future__ import annotations

import logging

import pytest
from locust.env import Environment

from loadgen.errors import ControlError
from loadgen.swarm import part


def test_a_worker_without_credentials_ends_with_a_line_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def nobody(region: str) -> None:
        raise ControlError(f"no AWS credentials for {region}")

    monkeypatch.setattr(part.aws, "signer", nobody)
    with caplog.at_level(logging.ERROR, "loadgen"), pytest.raises(SystemExit) as ended:
        part.Part(Environment())._signer("us-east-1")
    assert ended.value.code == 2
    assert caplog.messages == ["no AWS credentials for us-east-1"]
