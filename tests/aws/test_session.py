"""boto3's chain, assumed roles, renewal, and refusals in one line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from loadgen.aws import Account, session, signer
from loadgen.endpoint import EndpointSettings, Faults
from loadgen.endpoint.faults import FaultPeriod
from loadgen.endpoint.server import start
from loadgen.errors import ControlError, Unreachable
from loadgen.model import Request
from loadgen.scenario.monitor import Monitor
from tests.aws.conftest import KEY

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


def key_of(request: Request) -> str:
    return str(request.header("authorization")).split("Credential=")[1].split("/")[0]


@pytest.fixture
def profile(moto: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text(CONFIG)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "demo")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", moto)


@pytest.fixture
def denied(request: pytest.FixtureRequest) -> Iterator[Account]:
    """An account for which every call gets the status of the test's parameter."""
    faults = Faults(periods=(FaultPeriod(request.param, 0, 1e9),), operations=())
    with start(EndpointSettings(credentials=(KEY,), faults=faults)) as endpoint:
        yield Account("us-east-1", KEY, endpoint.url)


def test_keys_of_the_environment_sign_with_their_session_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    signed = signer("us-east-1")().sign(PUT, 1e9)
    assert (key_of(signed), signed.header("x-amz-security-token")) == ("AKIAENV", "token")


@pytest.mark.usefixtures("profile")
def test_a_profile_with_a_role_signs_as_the_role_and_region_of_the_profile_counts() -> None:
    signed = signer("eu-west-1")().sign(PUT, 1e9)
    assert key_of(signed).startswith("ASIA")
    assert signed.header("x-amz-security-token")
    assert Account().region == "eu-west-1"


@pytest.mark.usefixtures("profile")
def test_a_role_about_to_expire_is_assumed_again_during_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    # A quarter of an hour is the shortest that STS gives, and less than the notice that botocore takes.
    monkeypatch.setattr(session, "CREDENTIALS_CHECK_SECONDS", 0.0)
    fresh = signer("eu-west-1")
    assert key_of(fresh().sign(PUT, 1e9)) != key_of(fresh().sign(PUT, 1e9))


def test_between_checks_the_signer_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    fresh = signer("us-east-1")
    assert fresh() is fresh()


def test_no_credentials_and_no_region_are_told() -> None:
    with pytest.raises(ControlError, match="no AWS credentials"):
        signer("us-east-1")
    with pytest.raises(ControlError, match="no region: set AWS_DEFAULT_REGION"):
        Account()


def test_a_profile_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nowhere")
    with pytest.raises(ControlError, match="nowhere"):
        Account("us-east-1")


@pytest.mark.parametrize("denied", [403], indirect=True)
def test_a_missing_permission_is_named_as_iam_names_it(denied: Account) -> None:
    with pytest.raises(ControlError, match="the credentials lack the permission rum:ListAppMonitors"):
        denied.names()
    with pytest.raises(ControlError, match="the credentials lack the permission rum:CreateAppMonitor"):
        denied.create(Monitor())
    with pytest.raises(ControlError, match="the credentials lack the permission rum:GetAppMonitor"):
        denied.find("demo")


@pytest.mark.parametrize("denied", [500], indirect=True)
def test_a_failing_service_is_worth_another_try(denied: Account) -> None:
    with pytest.raises(Unreachable, match="InternalServerException"):
        denied.names()


def test_an_endpoint_that_is_not_there_is_worth_another_try() -> None:
    with pytest.raises(Unreachable, match="Could not connect"):
        Account("us-east-1", KEY, "http://127.0.0.1:9").names()


def test_no_message_holds_a_secret(account: Account) -> None:
    other = Account("us-east-1", type(KEY)("AKIDEXAMPLE", "wrong-secret"), account.data_plane)
    with pytest.raises(ControlError) as caught:
        other.names()
    assert "wrong-secret" not in str(caught.value)
    assert "the secret access key does not match" in str(caught.value)


def test_arns_know_their_partition() -> None:
    assert Account("cn-north-1", KEY, "http://127.0.0.1:9").arn("demo").startswith("arn:aws-cn:rum:cn-north-1:")
