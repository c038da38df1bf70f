"""Refusals of the control plane in one line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from loadgen.aws import Account
from loadgen.endpoint import Endpoint, EndpointSettings, Faults
from loadgen.endpoint.faults import FaultPeriod
from loadgen.errors import ControlError, Unreachable
from loadgen.scenario import Monitor
from tests.aws.conftest import KEY


@pytest.fixture
def denied(request: pytest.FixtureRequest) -> Iterator[Account]:
    """An account for which every call gets the status of the test's parameter."""
    faults = Faults(periods=(FaultPeriod(request.param, 0, 1e9),), operations=())
    with Endpoint(EndpointSettings(credentials=(KEY,), faults=faults)) as endpoint:
        yield Account("us-east-1", KEY, endpoint.url)


@pytest.mark.parametrize("denied", [403], indirect=True)
def test_a_missing_permission_is_named_as_iam_names_it(denied: Account) -> None:
    with pytest.raises(ControlError, match="the credentials lack the permission rum:ListAppMonitors"):
        denied.list_names()
    with pytest.raises(ControlError, match="the credentials lack the permission rum:CreateAppMonitor"):
        denied.create(Monitor())
    with pytest.raises(ControlError, match="the credentials lack the permission rum:GetAppMonitor"):
        denied.find("demo")


@pytest.mark.parametrize("denied", [500], indirect=True)
def test_a_failing_service_is_worth_another_try(denied: Account) -> None:
    with pytest.raises(Unreachable, match="InternalServerException"):
        denied.list_names()


def test_an_endpoint_that_is_not_there_is_worth_another_try() -> None:
    with pytest.raises(Unreachable, match="Could not connect"):
        Account("us-east-1", KEY, "http://127.0.0.1:9").list_names()


def test_no_message_holds_a_secret(account: Account) -> None:
    other = Account("us-east-1", type(KEY)("AKIDEXAMPLE", "wrong-secret"), account.data_plane)
    with pytest.raises(ControlError) as caught:
        other.list_names()
    assert "wrong-secret" not in str(caught.value)
    assert "the secret access key does not match" in str(caught.value)


def test_arns_know_their_partition() -> None:
    assert Account("cn-north-1", KEY, "http://127.0.0.1:9").build_arn("demo").startswith("arn:aws-cn:rum:cn-north-1:")


def test_another_region_is_told_from_a_wrong_secret(account: Account) -> None:
    with pytest.raises(ControlError) as caught:
        Account("eu-west-1", KEY, account.data_plane).list_names()
    said = "the target is of another Region; give --region (InvalidSignatureException: "
    assert said in str(caught.value)
    assert "valid region: 'us-east-1', not 'eu-west-1'" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("minutes", "said"), [(-20, "late"), (20, "early")])
def test_a_clock_that_is_off_is_told_with_the_minutes(
    account: Account, minutes: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shifted = datetime.now(UTC) + timedelta(minutes=minutes)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_, **__: shifted.replace(tzinfo=None))
    with pytest.raises(ControlError, match=rf"this machine's clock is {said}; set it \(.*20 min\."):
        account.list_names()
