"""The Endpoint object: what it is given, what it hands out, what it reads back."""

from __future__ import annotations

import re
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from loadgen.endpoint import Endpoint, EndpointSettings
from loadgen.errors import EndpointError, LoadgenError
from tests.endpoint.conftest import KEYS


def put(client: Any, monitor_id: str, count: int = 1, **more: Any) -> None:
    """Send a batch as any boto3 program does."""
    client.put_rum_events(
        Id=monitor_id,
        BatchId=str(uuid.uuid4()),
        AppMonitorDetails={"id": monitor_id, "version": "1.0.0"},
        UserDetails={"userId": str(uuid.uuid4()), "sessionId": str(uuid.uuid4())},
        RumEvents=[
            {
                "id": str(uuid.uuid4()),
                "timestamp": time.time(),
                "type": "com.amazon.rum.page_view_event",
                "metadata": '{"version":"1.0.0","pageId":"/a"}',
                "details": '{"version":"1.0.0","pageId":"/a"}',
                **more,
            }
            for _ in range(count)
        ],
    )


def test_it_hands_out_all_that_a_client_needs_and_reads_back_what_was_sent() -> None:
    with Endpoint(quota=None) as endpoint:
        client = endpoint.client()
        shop = client.create_app_monitor(Name="shop", Domain="localhost")["Id"]
        other = client.create_app_monitor(Name="other", Domain="localhost")["Id"]
        put(client, shop, 100)
        put(client, shop, 20)
        put(client, other)
        assert len(endpoint.events()) == 121
        (event,) = endpoint.events("other")
        assert event["event_details"] == {"version": "1.0.0", "pageId": "/a"}
        assert event["metadata"] == {"version": "1.0.0", "pageId": "/a"}
        requests, events = endpoint.ledger().requests, endpoint.ledger(shop).events
        assert (requests.accepted, requests.failed, events.accepted, events.dropped) == (3, 0, 120, 0)


@pytest.mark.parametrize("ahead", [0.5, 3600])
def test_events_of_a_clock_that_is_ahead_are_read_back_too(ahead: float) -> None:
    with Endpoint() as endpoint:
        shop = endpoint.client().create_app_monitor(Name="shop", Domain="localhost")["Id"]
        put(endpoint.client(), shop, timestamp=time.time() + ahead)
        assert len(endpoint.events()) == len(endpoint.events("shop")) == endpoint.ledger().events.accepted == 1


def test_every_name_that_an_app_monitor_can_have_is_read_back() -> None:
    with Endpoint() as endpoint:
        for name in ("#", "a#b", "x..-y", "_" * 255):
            put(endpoint.client(), endpoint.client().create_app_monitor(Name=name, Domain="localhost")["Id"])
            assert [event["application_name"] for event in endpoint.events(name)] == [name]
        assert len(endpoint.events()) == 4


def test_it_needs_nothing_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDWRONG")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "wrong")
    monkeypatch.setenv("AWS_PROFILE", "missing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_RUM", "http://127.0.0.1:9")
    with Endpoint() as endpoint:
        assert endpoint.client().list_app_monitors()["AppMonitorSummaries"] == []
        assert endpoint.events() == []
        assert endpoint.ledger().requests.accepted == 0


def test_members_win_over_settings_and_faults_may_be_text() -> None:
    settings = EndpointSettings(credentials=(KEYS,), quota=3.0)
    endpoint = Endpoint(settings, quota=7.0, faults="errors=0.5,seed=7")
    assert endpoint.settings.quota == 7.0
    assert endpoint.settings.faults.errors == 0.5
    assert endpoint.credentials == KEYS


def test_a_key_is_made_up_unless_given() -> None:
    first, second = Endpoint().credentials, Endpoint().credentials
    assert first.access_key_id.startswith("AKIA")
    assert first.secret_access_key != second.secret_access_key


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"quotum": 5}, "there is no option quotum; the options are region, account"),
        ({"quota": "many"}, "quota: 'many' is no valid value; write a number"),
        ({"quota": -1.0}, "quota: -1.0 is out of range; write a number of at least 0"),
        ({"operation_quotas": {"PutRumEvent": 5.0}}, "Value 'PutRumEvent' at 'operation_quotas'"),
        ({"faults": "errors=2"}, "faults: 'errors=2' does not fit"),
        ({"faults": 5}, "faults: 5 is no valid value; write a mapping"),
        ({"max_connections": 0}, "max_connections: 0 is out of range; write a number of at least 1"),
        ({"max_body_bytes": -1}, "max_body_bytes: -1 is out of range"),
        ({"idle_seconds": 0}, "idle_seconds: 0 is out of range; write a number above 0"),
        ({"retention": float("nan")}, "retention: nan is out of range; write a finite number"),
        ({"region": ""}, "region: '' is no valid value; write one such as us-east-1"),
        ({"account": "12"}, "account: '12' is no valid value; write twelve digits"),
    ],
)
def test_a_wrong_setting_is_told_before_anything_starts(members: dict[str, Any], told: str) -> None:
    with pytest.raises(EndpointError, match=told):
        Endpoint(**members)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"port": "80"}, "port: '80' is no valid value; write an integer"),
        ({"host": None}, "host: None is no valid value; write text"),
        ({"host": "a\0b"}, "cannot listen on a"),
        ({"host": "a" * 64 + ".example"}, "cannot listen on aaa"),
        ({"store": "a\0b"}, "store a"),
        ({"store": "missing\udcff/rum.sqlite"}, "store missing?/rum.sqlite: cannot be opened: No such file"),
    ],
)
def test_what_it_cannot_start_with_is_told_without_a_traceback(
    given: dict[str, Any], told: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(EndpointError) as caught:
        Endpoint(**given).start()
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_a_store_may_have_a_name_that_is_no_text(tmp_path: Path) -> None:
    store = tmp_path / "\udcff.sqlite"
    with Endpoint(store=store) as endpoint:
        endpoint.client().create_app_monitor(Name="shop", Domain="localhost")
    with Endpoint(store=store) as endpoint:
        assert endpoint.events("shop") == []


def test_what_is_asked_of_it_before_it_runs_is_told() -> None:
    with pytest.raises(EndpointError, match="has not been started"):
        _ = Endpoint().url


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_what_is_asked_of_it_after_its_end_is_told(end: str) -> None:
    with Endpoint() as endpoint:
        if end == "stop":
            endpoint.stop()
        else:
            endpoint.process.kill()
            endpoint.process.wait()
        for asked in (endpoint.ledger, endpoint.calls, endpoint.events, lambda: endpoint.change(quota=5)):
            with pytest.raises(EndpointError, match=r"gives no answer \(refused\), and its process has ended"):
                asked()


def test_what_it_refuses_is_told() -> None:
    with Endpoint() as endpoint, pytest.raises(EndpointError, match="404"):
        endpoint.events("no-such-monitor")


def test_it_is_started_once_however_often_that_is_asked() -> None:
    with Endpoint().start() as endpoint:
        process, url = endpoint.process, endpoint.url
        assert endpoint.start() is endpoint
        assert (endpoint.process, endpoint.url) == (process, url)
    assert process.poll() == 0


def test_one_that_died_starts_again_and_leaves_nothing_behind() -> None:
    endpoint = Endpoint().start()
    died = endpoint.process
    died.kill()
    died.wait()
    with endpoint.start():
        assert endpoint.process is not died
        assert endpoint.events() == []
    assert died.stdin is not None and died.stdin.closed


def test_it_stops_twice_and_starts_again() -> None:
    endpoint = Endpoint()
    with endpoint:
        first = endpoint.process
    endpoint.stop()
    with endpoint:
        assert endpoint.is_alive()
        assert endpoint.process is not first
    assert not endpoint.is_alive()


def test_texts_of_the_command_line_are_settings_too() -> None:
    given = Endpoint(access_key_id="AKIAEXAMPLE", faults="errors=0.5", operation_quotas=["GetAppMonitorData=5"])
    assert given.credentials.access_key_id == "AKIAEXAMPLE"
    assert len(given.credentials.secret_access_key) >= 30
    assert (given.settings.faults.errors, given.settings.operation_quotas) == (0.5, {"GetAppMonitorData": 5.0})
    with pytest.raises(EndpointError, match="'GetAppMonitorData' is no operation's quota; write NAME=N"):
        Endpoint(operation_quotas=["GetAppMonitorData"])


def test_an_empty_host_is_refused_as_it_would_be_every_address_of_the_machine() -> None:
    with pytest.raises(EndpointError, match="host: '' is empty; write a value"):
        Endpoint(host="").start()
    with pytest.raises(EndpointError, match="host: '' is empty; write a value"):
        Endpoint(host="").serve_forever(lambda: None)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"access_key_id": 3, "secret_access_key": "Very-Secret"}, "access_key_id: 3 is no valid value; write text"),
        ({"access_key_id": "k\u00e9y"}, "is no valid value; write ASCII text"),
        ({"secret_access_key": 5_550_123}, "secret_access_key: the value is no valid value; write text"),
        ({"session_token": ""}, "session_token: the value is no valid value; write ASCII text"),
        ({"secret_access_key": ""}, "secret_access_key: the value is empty; write a value"),
        ({"credentials": [{"access_key_id": "a", "secret_access_key": 5_550_123}]}, "credentials: the value"),
        ({"burst": 5.0, "quota": None}, "burst does nothing without quota; give that too, or leave it out"),
        ({"region": ""}, "region: '' is no valid value; write one such as us-east-1"),
    ],
)
def test_a_wrong_setting_is_named_without_its_secrets(given: dict[str, Any], said: str) -> None:
    with pytest.raises(EndpointError) as caught:
        Endpoint(**given)
    assert said in str(caught.value)
    assert not {"Very-Secret", "5550123", "5_550_123"} & set(re.split(r"[^\w-]+", str(caught.value)))


def test_the_access_log_is_not_written_into_the_store(tmp_path: Path) -> None:
    store = tmp_path / "rum.sqlite"
    with pytest.raises(LoadgenError, match=r"rum\.sqlite: is named for another output too; name another file"):
        Endpoint(store=store, access_log=f"{tmp_path}/./rum.sqlite")
    assert not store.exists()
