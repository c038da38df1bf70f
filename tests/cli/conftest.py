"""An endpoint of one's own for commands, and an environment that knows its keys."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from loadgen.aws import Account
from loadgen.endpoint import Endpoint, EndpointSettings
from loadgen.wire.sigv4 import Credentials

KEY = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")


@pytest.fixture(scope="session")
def served() -> Iterator[tuple[Endpoint, Account]]:
    with Endpoint(EndpointSettings(credentials=(KEY,), quota=None)) as running:
        yield running, Account("us-east-1", KEY, running.url)


@pytest.fixture
def account(served: tuple[Endpoint, Account]) -> Account:
    """The endpoint's account, empty at the start."""
    account = served[1]
    for name in account.list_names():
        account.rum.delete_app_monitor(Name=name)
    return account


@pytest.fixture
def endpoint(
    served: tuple[Endpoint, Account], account: Account, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Endpoint:
    """Endpoint, without monitors, named by the environment; the working directory is empty."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    running = served[0]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY.secret_access_key)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_RUM", running.url)
    monkeypatch.chdir(tmp_path)
    return running
