"""An account: Service Quotas, asked where it may be asked and never insisted on, and the ARNs of its Region."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from loadgen.aws import Account
from loadgen.endpoint import Endpoint
from tests.aws.conftest import KEY


class Quotas(BaseHTTPRequestHandler):
    """Answers GetServiceQuota with what the server was told."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        known = asked == {"ServiceCode": "rum", "QuotaCode": "L-35851224"}
        value = self.server.value if known else None  # type: ignore[attr-defined]  # set by the fixture
        body = json.dumps({"Quota": {"Value": value}} if value else {"__type": "AccessDeniedException"}).encode()
        self.send_response(200 if value else 400)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def quotas(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = HTTPServer(("127.0.0.1", 0), Quotas)
    server.value = request.param  # type: ignore[attr-defined]  # for the handler
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_SERVICE_QUOTAS", f"http://127.0.0.1:{server.server_port}")
    yield
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.usefixtures("quotas")
@pytest.mark.parametrize(("quotas", "expected"), [(75.0, 75.0), (None, None)], indirect=["quotas"])
def test_the_accounts_quota_is_asked_for_and_a_refusal_means_unknown(expected: float | None) -> None:
    assert Account("us-east-1", KEY).fetch_rate_quota() == expected


def test_a_local_endpoint_has_no_service_quotas(running: Endpoint) -> None:
    assert Account("us-east-1", KEY, running.url).fetch_rate_quota() is None


def test_arns_know_their_partition() -> None:
    assert Account("cn-north-1", KEY, "http://127.0.0.1:9").build_arn("demo").startswith("arn:aws-cn:rum:cn-north-1:")
