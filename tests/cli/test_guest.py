"""Seeding as a browser's guest, from the identity pool to the endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from click.testing import CliRunner
from moto.server import ThreadedMotoServer

from loadgen.cli import commands
from loadgen.endpoint import Endpoint, EndpointSettings
from loadgen.errors import ControlError
from loadgen.wire.sigv4 import Credentials
from tests.cli.conftest import KEY

GUEST = Credentials("TESTACCESSKEY12345", "ABCSECRETKEY", "ABC12345")
"""What moto's GetCredentialsForIdentity gives."""

SHOP = 'name = "shop"\n[arrivals]\nrate = 0.001\n[pages.home]\npath = "/"\nexit = 1\n'


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL_COGNITO_IDENTITY", f"http://{host}:{port}")
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    cognito = boto3.client("cognito-identity", region_name="us-east-1", **keys)
    made = cognito.create_identity_pool(IdentityPoolName="shop", AllowUnauthenticatedIdentities=True)
    yield str(made["IdentityPoolId"])
    server.stop()


@pytest.mark.parametrize("known", [True, False])
def test_events_are_sent_as_the_pools_guest(
    tmp_path: Path, pool: str, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    (tmp_path / "shop.toml").write_text(SHOP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY.secret_access_key)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    settings = EndpointSettings(credentials=(KEY, GUEST) if known else (KEY,), quota=None)
    with Endpoint(settings) as endpoint:
        options = ["--target", endpoint.url, "--region", "us-east-1", "--days", "1", "--quota", "500"]
        result = CliRunner().invoke(commands, ["seed", "shop.toml", *options, "--identity-pool", pool])
    if known:
        assert result.exit_code == 0, result.output
        assert "the past is in" in result.output
    else:
        assert isinstance(result.exception, ControlError)
        assert "the credentials lack rum:PutRumEvents on this app monitor, or are wrong or expired" in str(
            result.exception
        )
