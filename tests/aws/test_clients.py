"""Refusals in one line, targets that are not RUM or never answer, and what of the user's environment reaches a target
on this machine."""

from __future__ import annotations

import gzip
import re
import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import botocore.session
import pytest

from loadgen.aws import Account, clients, make_signer, read_events, sender
from loadgen.endpoint import Endpoint, EndpointSettings, Faults
from loadgen.endpoint.faults import FaultPeriod
from loadgen.errors import ControlError, Unreachable
from loadgen.model import Request
from loadgen.scenario import Monitor
from loadgen.transport import first_answer
from tests.aws.conftest import KEY
from tests.transport.certificates import Authority

LOG_IN = b"<html><body>Please log in</body></html>"


def answer(status: str, body: bytes, *headers: str) -> bytes:
    lines = (f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "Connection: close")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Stranger:
    """A server that gives every request the same answer, or none."""

    def __init__(self, answer: bytes | None, tls: ssl.SSLContext | None = None) -> None:
        self._answer, self._tls = answer, tls
        self._server = socket.create_server(("127.0.0.1", 0))
        self.requests: list[bytes] = []
        self._open: list[socket.socket] = []
        Thread(target=self._serve, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._server.getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:  # closed
                return
            if self._tls is not None:
                try:
                    connection = self._tls.wrap_socket(connection, server_side=True)
                except ssl.SSLError:  # the client does not trust us
                    continue
            self._open.append(connection)
            self.requests.append(connection.recv(65536))
            if self._answer is not None:
                connection.sendall(self._answer)
                connection.close()

    def close(self) -> None:
        for each in (self._server, *self._open):
            each.close()


@pytest.fixture
def stranger(request: pytest.FixtureRequest) -> Iterator[Stranger]:
    made = Stranger(request.param)
    yield made
    made.close()


FOREIGN = {
    "200 text/html": answer("200 OK", LOG_IN, "Content-Type: text/html; charset=utf-8"),
    "200 text/plain": answer("200 OK", b"ok", "Content-Type: text/plain"),
    "302 redirect to https://sso.example.com/": answer("302 Found", b"", "Location: https://sso.example.com/"),
    "307 redirect to /elsewhere": answer("307 Temporary Redirect", b"{}", "Location: /elsewhere"),
    "404 text/plain": answer("404 Not Found", b"404 page not found", "Content-Type: text/plain"),
    "407 no type": answer("407 Proxy Authentication Required", b""),
    "403 text/html": answer("403 Forbidden", LOG_IN, "Content-Type: text/html"),
    "200 application/json": answer("200 OK", b"[1, 2]", "Content-Type: application/json"),
}


@pytest.mark.parametrize(
    ("stranger", "said"), [(each, said) for said, each in FOREIGN.items()], indirect=["stranger"], ids=list(FOREIGN)
)
@pytest.mark.parametrize("call", ["get", "list", "create", "read"])
def test_what_rum_cannot_have_answered_is_refused_in_one_line(stranger: Stranger, said: str, call: str) -> None:
    account = Account("us-east-1", KEY, stranger.url)
    with pytest.raises(ControlError) as caught:
        match call:
            case "get":
                account.get("demo")
            case "list":
                account.list_names()
            case "create":
                account.create(Monitor())
            case "read":
                list(read_events(account, "demo", 0, 1))
    assert f"not RUM's answer: {said}" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(stranger.requests) == 1


OBJECT = answer("200 OK", b'{"ok": true}', "Content-Type: application/json")


@pytest.mark.parametrize("stranger", [OBJECT], indirect=True)
def test_json_without_what_the_operation_always_gives_is_refused(stranger: Stranger) -> None:
    account = Account("us-east-1", KEY, stranger.url)
    for call in (lambda: account.get("demo"), account.list_names, lambda: list(read_events(account, "demo", 0, 1))):
        with pytest.raises(ControlError, match=r'not RUM\'s answer: \{"ok":true\} lacks '):
            call()


MISFITS = {
    "get": {
        b'{"AppMonitor": 5}': "AppMonitor is 5, not a structure",
        b'{"AppMonitor": {}}': "{} lacks Id",
        b'{"AppMonitor": {"Id": "i", "Name": "demo", "DomainList": "x"}}': 'DomainList is "x", not a list',
    },
    "list": {
        b'{"AppMonitorSummaries": {"a": 1}}': 'AppMonitorSummaries is {"a":1}, not a list',
        b'{"AppMonitorSummaries": [{}]}': "{} lacks Id",
    },
    "read": {b'{"Events": [1]}': "Events is 1, not a string"},
}


@pytest.mark.parametrize(
    ("stranger", "call", "said"),
    [
        (answer("200 OK", body, "Content-Type: application/json"), call, said)
        for call, bodies in MISFITS.items()
        for body, said in bodies.items()
    ],
    indirect=["stranger"],
)
def test_json_that_is_not_as_the_service_model_has_it_is_refused(stranger: Stranger, call: str, said: str) -> None:
    account = Account("us-east-1", KEY, stranger.url)
    calls = {"get": lambda: account.get("demo"), "list": account.list_names}
    with pytest.raises(ControlError, match=rf"not RUM's answer: {re.escape(said)}; "):
        calls.get(call, lambda: list(read_events(account, "demo", 0, 1)))()


PACKED = answer("200 OK", gzip.compress(b'{"AppMonitorSummaries": []}'), "Content-Encoding: gzip")


@pytest.mark.parametrize("stranger", [PACKED], indirect=True)
def test_an_answer_that_a_proxy_has_packed_is_read(stranger: Stranger) -> None:
    assert Account("us-east-1", KEY, stranger.url).list_names() == []


@pytest.mark.parametrize("stranger", [answer("429 Too Many Requests", b"")], indirect=True)
def test_a_429_of_what_stands_before_rum_is_worth_another_try(stranger: Stranger) -> None:
    with pytest.raises(Unreachable, match=r"refused \(429\)"):
        Account("us-east-1", KEY, stranger.url).list_names()


@pytest.mark.parametrize("stranger", [None], indirect=True)
def test_a_target_that_never_answers_is_waited_for_once_and_named(
    stranger: Stranger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "TIMEOUT_SECONDS", 0.4)
    monkeypatch.setattr(first_answer, "NOTICE_SECONDS", 0.1)
    heard: list[str] = []
    account = Account("us-east-1", KEY, stranger.url, on_wait=heard.append)
    began = time.monotonic()
    with pytest.raises(
        Unreachable, match=r"no answer in time from http://127\.0\.0\.1:\d+/appmonitor/demo \(timeout\)"
    ):
        account.get("demo")
    assert time.monotonic() - began < 2 * sender.TIMEOUT_SECONDS + 1.0
    assert len(stranger.requests) == 1
    assert heard == [f"waiting for 127.0.0.1:{stranger.port} to answer GetAppMonitor, at most 0 s"]


def test_an_answer_in_time_is_not_announced(running: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_answer, "NOTICE_SECONDS", 0.2)
    heard: list[str] = []
    assert isinstance(Account("us-east-1", KEY, running.url, on_wait=heard.append).list_names(), list)
    time.sleep(0.4)
    assert heard == []


@pytest.mark.parametrize(("url", "cause"), [("http://127.0.0.1:9", "refused"), ("http://nowhere.invalid", "name")])
def test_why_there_is_no_connection_is_told(url: str, cause: str) -> None:
    with pytest.raises(Unreachable, match=rf"Could not connect to the endpoint URL: \"{url}.*\" \({cause}"):
        Account("us-east-1", KEY, url).get("demo")


HOSTILE = {
    "AWS_PROFILE": "nowhere",
    "AWS_DEFAULT_PROFILE": "nowhere",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ENDPOINT_URL_RUM": "http://127.0.0.1:9",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "AWS_USE_DUALSTACK_ENDPOINT": "true",
    "AWS_CA_BUNDLE": "/nonexistent/ca.pem",
    "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/x",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/nonexistent/token",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
    "ALL_PROXY": "http://127.0.0.1:9",
}


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment and files that would lead elsewhere if anybody read them."""
    for name, value in HOSTILE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    config = (
        "[default]\nregion = eu-west-1\nrole_arn = arn:aws:iam::1:role/x\ncredential_source = Ec2InstanceMetadata\n"
    )
    (tmp_path / "config").write_text(config)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id = AKIAFILE\naws_secret_access_key = file\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


@pytest.mark.usefixtures("hostile")
def test_nothing_of_the_users_configuration_reaches_an_endpoint_of_a_run(running: Endpoint) -> None:
    account = Account("us-east-1", KEY, running.url)
    assert account.look_up("nowhere") is None


def test_no_variable_that_the_aws_sdk_reads_can_stop_a_run_against_an_endpoint_of_its_own(
    running: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _, variables, *_ in botocore.session.Session.SESSION_VARIABLES.values():
        for name in [variables] if isinstance(variables, str) else variables or ():
            monkeypatch.setenv(name, "no value / of it")
    account = Account("us-east-1", KEY, running.url)
    assert account.look_up("nowhere") is None
    assert account.fetch_rate_quota() is None


@pytest.mark.parametrize(
    ("expiration", "said"),
    [("2000-01-01T00:00:00Z", "have expired: get new ones"), ("soon", "format: soon; see the AWS_")],
)
def test_credentials_that_have_expired_are_told_and_are_nothing_to_an_endpoint_on_this_machine(
    running: Endpoint, monkeypatch: pytest.MonkeyPatch, expiration: str, said: str
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY.secret_access_key)
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", expiration)
    with pytest.raises(ControlError, match=said):
        Account("us-east-1", endpoint_url="http://rum.invalid").list_names()
    with pytest.raises(ControlError, match=said):
        make_signer("us-east-1", url="http://rum.invalid")()
    assert isinstance(Account("us-east-1", endpoint_url=running.url).list_names(), list)
    assert make_signer("us-east-1", url=running.url)().sign(Request("POST", "/", (("host", "h"),)), 1e9)


@pytest.mark.usefixtures("hostile")
def test_an_endpoint_on_this_machine_is_signed_for_with_the_environments_keys(
    running: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        ControlError, match=r"no AWS credentials: .* paste the export lines that `loadgen serve` prints"
    ):
        Account("us-east-1", endpoint_url=running.url).list_names()
    with pytest.raises(ControlError, match="no AWS credentials"):
        make_signer("us-east-1", url=running.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY.secret_access_key)
    assert isinstance(Account("us-east-1", endpoint_url=running.url).list_names(), list)
    signed = make_signer("us-east-1", url=running.url)().sign(Request("POST", "/", (("host", "h"),)), 1e9)
    assert KEY.access_key_id in str(signed.get_header("authorization"))


@pytest.fixture
def behind_tls(tmp_path: Path) -> Iterator[tuple[Stranger, Path]]:
    """A server whose certificate is of an authority of our own, and that authority's file."""
    authority = Authority(tmp_path)
    made = Stranger(FOREIGN["200 text/html"], authority.server_context())
    yield made, authority.bundle
    made.close()


BUNDLES = ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


@pytest.mark.parametrize("variable", BUNDLES)
def test_the_control_plane_trusts_what_senders_trust(
    behind_tls: tuple[Stranger, Path], variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger, bundle = behind_tls
    url = f"https://localhost:{stranger.port}"
    for name in BUNDLES:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(Unreachable, match=r"certificate: unknown authority"):
        Account("us-east-1", KEY, url).get("demo")
    monkeypatch.setenv(variable, str(bundle))
    with pytest.raises(ControlError, match="not RUM's answer: 200 text/html"):
        Account("us-east-1", KEY, url).get("demo")


@pytest.mark.parametrize("stranger", [FOREIGN["403 text/html"]], indirect=True)
def test_the_control_plane_takes_the_proxy_that_senders_take(
    stranger: Stranger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", stranger.url)
    with pytest.raises(ControlError, match="not RUM's answer: 403 text/html"):
        Account("us-east-1", KEY, "http://rum.corp.invalid").get("demo")
    assert stranger.requests[0].startswith(b"GET http://rum.corp.invalid/appmonitor/demo ")
    monkeypatch.setenv("no_proxy", "corp.invalid")
    with pytest.raises(Unreachable, match="name resolution"):
        Account("us-east-1", KEY, "http://rum.corp.invalid").get("demo")
    assert len(stranger.requests) == 1


@pytest.mark.parametrize("name", clients.KEY_VARIABLES)
def test_a_key_with_the_line_end_of_its_file_is_named_and_nothing_to_an_endpoint_of_our_own(
    name: str, running: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a secret of Kubernetes has it. In a header the line end would begin another one."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY.secret_access_key)
    for wrong in ("secret\nX-Evil: 1", "secret\n", " secret", "secr\u00e9t", "secret\udcff"):
        monkeypatch.setenv(name, wrong)
        for made in (
            lambda: Account("us-east-1", None, running.url),
            lambda: make_signer("us-east-1", None, running.url),
        ):
            with pytest.raises(ControlError, match=f"^{name}: holds a blank, a line end") as caught:
                made()
            assert "secret" not in str(caught.value)
    assert Account("us-east-1", KEY, running.url).look_up("nowhere") is None


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
