"""boto3's chain, assumed roles and renewal; credentials as a browser gets them, against moto's Cognito and STS."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import boto3
import pytest

from loadgen.aws import Account, Guest, credentials, make_signer
from loadgen.aws.credentials import GuestCredentials
from loadgen.errors import ControlError
from loadgen.model import Request

PUT = Request("POST", "/appmonitors/x", (("host", "h"),))
CONFIG = """
[profile base]
aws_access_key_id = AKIABASE
aws_secret_access_key = secret
[profile demo]
role_arn = arn:aws:iam::123456789012:role/demo
source_profile = base
duration_seconds = 900
region = eu-west-1
"""
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
    credentials = GuestCredentials(Guest(pool))()
    assert credentials.access_key_id
    assert credentials.session_token
    assert calls(caplog) == ["GetId", "GetCredentialsForIdentity"]


def test_the_basic_flow_takes_three_calls_and_assumes_the_role(
    pool: str, role: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "botocore.endpoint")
    credentials = GuestCredentials(Guest(pool, role))()
    assert credentials.access_key_id.startswith("ASIA")
    assert credentials.session_token
    assert calls(caplog) == ["GetId", "GetOpenIdToken", "AssumeRoleWithWebIdentity"]


def test_credentials_are_fetched_again_before_they_expire_and_the_identity_is_kept(
    pool: str, role: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "botocore.endpoint")
    now = [0.0]
    renewed = GuestCredentials(Guest(pool, role), lambda: now[0])
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
    signed = make_signer("us-east-1")().sign(Request("POST", "/appmonitors/x", (("host", "h"),)), 1e9)
    assert "Credential=ASIA" in str(signed.get_header("authorization"))
    assert signed.get_header("x-amz-security-token")


def test_a_pool_that_is_none_is_told() -> None:
    with pytest.raises(ControlError, match="write it as region:UUID"):
        GuestCredentials(Guest("nonsense"))
    with pytest.raises(ControlError, match="guest credentials of identity pool us-east-1:0"):
        GuestCredentials(Guest("us-east-1:00000000-0000-0000-0000-000000000000"))()


def key_of(request: Request) -> str:
    return str(request.get_header("authorization")).split("Credential=")[1].split("/")[0]


@pytest.fixture
def profile(moto: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text(CONFIG)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "demo")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", moto)


def test_keys_of_the_environment_sign_with_their_session_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    signed = make_signer("us-east-1")().sign(PUT, 1e9)
    assert (key_of(signed), signed.get_header("x-amz-security-token")) == ("AKIAENV", "token")


@pytest.mark.usefixtures("profile")
def test_a_profile_with_a_role_signs_as_the_role_and_region_of_the_profile_counts() -> None:
    signed = make_signer("eu-west-1")().sign(PUT, 1e9)
    assert key_of(signed).startswith("ASIA")
    assert signed.get_header("x-amz-security-token")
    assert Account().region == "eu-west-1"


@pytest.mark.usefixtures("profile")
def test_a_role_about_to_expire_is_assumed_again_during_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    # A quarter of an hour is the shortest that STS gives, and less than the notice that botocore takes.
    monkeypatch.setattr(credentials, "CHECK_SECONDS", 0.0)
    fresh = make_signer("eu-west-1")
    assert key_of(fresh().sign(PUT, 1e9)) != key_of(fresh().sign(PUT, 1e9))


def test_between_checks_the_signer_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    fresh = make_signer("us-east-1")
    assert fresh() is fresh()


def test_no_credentials_and_no_region_are_told() -> None:
    with pytest.raises(ControlError, match="no AWS credentials"):
        make_signer("us-east-1")
    with pytest.raises(ControlError, match="no region: set AWS_DEFAULT_REGION"):
        Account()


def test_a_profile_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nowhere")
    with pytest.raises(ControlError, match="nowhere"):
        Account("us-east-1")
