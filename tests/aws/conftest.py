"""An endpoint of ours for the control plane, and moto's servers for Cognito and STS."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from moto.server import ThreadedMotoServer

from loadgen.aws import Account
from loadgen.endpoint import Endpoint, EndpointSettings
from loadgen.wire.sigv4 import Credentials

KEY = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="session")
def running() -> Iterator[Endpoint]:
    with Endpoint(EndpointSettings(credentials=(KEY,), quota=None, monitor_limit=1000)) as endpoint:
        yield endpoint


@pytest.fixture
def account(running: Endpoint) -> Account:
    return Account("us-east-1", KEY, running.url)


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()
