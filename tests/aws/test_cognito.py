"""Credentials as a browser gets them, against moto's Cognito and STS."""

from __future__ import annotations

import json
import logging
from typing import Any

import boto3
import pytest

from loadgen.aws import signer
from loadgen.aws.cognito import Guest, Renewed
from loadgen.errors import ControlError
from loadgen.model import Request

DAY = 86_400.0
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRoleWithWebIdentity"}],
}


@pytest.fixture(autouse=True)
def at_moto(moto: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No credentials of our own: a browser has none."""
    for service in ("COGNITO_IDENTITY", "STS", "IAM"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", moto)


def client(service: str) -> Any:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.client(service, region_name="us-east-1", **keys)


@pytest.fixture
def pool() -> str:
    made = client("cognito-identity").create_identity_pool(
        IdentityPoolName="shop", AllowUnauthenticatedIdentities=True, AllowClassicFlow=True
    )
    return str(made["IdentityPoolId"])


@pytest.fixture
def role() -> str:
    iam = client("iam")
    try:
        return str(iam.create_role(RoleName="guest", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"])
    except iam.exceptions.EntityAlreadyExistsException:
        return str(iam.get_role(RoleName="guest")["Role"]["Arn"])


def calls(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The operations that were called."""
    prefix = "OperationModel(name="
    return [
        text.split(prefix)[1].split(")")[0]
        for record in caplog.records
        if record.message.startswith("Making request") and prefix in (text := record.getMessage())
    ]


def test_the_enhanced_flow_takes_two_calls(pool: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "botocore.endpoint")
    credentials = Renewed(Guest(pool))()
    assert credentials.access_key_id
    assert credentials.session_token
    assert calls(caplog) == ["GetId", "GetCredentialsForIdentity"]


def test_the_basic_flow_takes_three_calls_and_assumes_the_role(
    pool: str, role: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "botocore.endpoint")
    credentials = Renewed(Guest(pool, role))()
    assert credentials.access_key_id.startswith("ASIA")
    assert credentials.session_token
    assert calls(caplog) == ["GetId", "GetOpenIdToken", "AssumeRoleWithWebIdentity"]


def test_credentials_are_fetched_again_before_they_expire_and_the_identity_is_kept(
    pool: str, role: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "botocore.endpoint")
    now = [0.0]
    renewed = Renewed(Guest(pool, role), lambda: now[0])
    first = renewed()
    assert renewed() == first
    now[0] = renewed._expires - 31
    assert renewed() == first
    now[0] = renewed._expires - 29
    assert renewed() != first
    assert calls(caplog).count("GetId") == 1
    assert calls(caplog).count("AssumeRoleWithWebIdentity") == 2


def test_a_run_signs_as_the_guest_that_the_environment_names(
    pool: str, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOADGEN_IDENTITY_POOL", pool)
    monkeypatch.setenv("LOADGEN_GUEST_ROLE", role)
    signed = signer("us-east-1")().sign(Request("POST", "/appmonitors/x", (("host", "h"),)), 1e9)
    assert "Credential=ASIA" in str(signed.header("authorization"))
    assert signed.header("x-amz-security-token")


def test_a_pool_that_is_none_is_told() -> None:
    with pytest.raises(ControlError, match="write it as region:UUID"):
        Renewed(Guest("nonsense"))
    with pytest.raises(ControlError, match="guest credentials of identity pool us-east-1:0"):
        Renewed(Guest("us-east-1:00000000-0000-0000-0000-000000000000"))()
