"""An endpoint in this process, and unmodified AWS clients on an endpoint of its own."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from loadgen.endpoint import Endpoint, EndpointSettings
from loadgen.endpoint.service import RumService
from loadgen.endpoint.store import Store
from loadgen.model import Request, Response
from loadgen.wire.sigv4 import Credentials, Signer

KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
NOW = 1_795_288_962.0


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def handle(endpoint: RumService, request: Request) -> Response:
    """Answer a request and commit, as the server does; faults that delay or drop an answer have no effect here."""
    reply = endpoint.reply(request)
    try:
        endpoint.commit()
    except sqlite3.Error as wrong:
        return endpoint.report_failed_commit(wrong)
    return reply.response


class Caller:
    """Calls an endpoint in this process with signed requests."""

    def __init__(self, **settings: Any) -> None:
        self.clock = Clock()
        self.settings = EndpointSettings(**{"credentials": (KEYS,), "quota": None, **settings})
        self.store = Store()
        self.endpoint = RumService(self.settings, self.store, self.clock)

    def send(
        self, method: str, target: str, body: Any = None, headers: tuple[tuple[str, str], ...] = (), sign: bool = True
    ) -> Response:
        """A request with `body` as JSON, or as it is when it is bytes."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        request = Request(method, target, (("host", "127.0.0.1:8080"), *headers), data)
        if sign:
            request = Signer(KEYS, self.settings.region).sign(request, self.clock())
        return self.handle(request)

    def handle(self, request: Request) -> Response:
        """The answer to a request as it is."""
        return handle(self.endpoint, request)

    def json(self, method: str, target: str, body: Any = None, status: int = 200) -> Any:
        """The answer's JSON, once its status is as expected."""
        response = self.send(method, target, body)
        assert response.status == status, response.body
        return json.loads(response.body)

    def monitor(self, name: str = "shop", **more: Any) -> str:
        """Create an app monitor; its id."""
        return str(self.json("POST", "/appmonitor", {"Name": name, "Domain": "localhost", **more})["Id"])

    def put(self, monitor_id: str, body: Any, **how: Any) -> Response:
        """PutRumEvents."""
        return self.send("POST", f"/appmonitors/{monitor_id}", body, **how)

    def events(self, name: str = "shop", **more: Any) -> list[dict[str, Any]]:
        """GetAppMonitorData, one page, unfolded."""
        query = {"TimeRange": {"After": 0}, **more}
        return [json.loads(event) for event in self.json("POST", f"/appmonitor/{name}/data", query)["Events"]]


def event(**more: Any) -> dict[str, Any]:
    """A page view."""
    return {
        "id": str(uuid.uuid4()),
        "timestamp": int(NOW),
        "type": "com.amazon.rum.page_view_event",
        "metadata": '{"title":"Shop","pageId":"/"}',
        "details": '{"version":"1.0.0","pageId":"/"}',
        **more,
    }


def batch(count: int = 2, at: float = NOW, **more: Any) -> dict[str, Any]:
    """The body of a good PutRumEvents request with events of Unix time `at`."""
    return {
        "BatchId": str(uuid.uuid4()),
        "AppMonitorDetails": {"id": "x", "version": "1.0.0"},
        "UserDetails": {"userId": str(uuid.uuid4()), "sessionId": str(uuid.uuid4())},
        "RumEvents": [event(timestamp=at) for _ in range(count)],
        **more,
    }


def client_of(running: Endpoint, service: str = "rum", **more: Any) -> Any:
    """An unmodified boto3 client that talks to a running endpoint and does not retry."""
    return boto3.client(
        service,
        **{
            "region_name": "us-east-1",
            "endpoint_url": running.url,
            "aws_access_key_id": KEYS.access_key_id,
            "aws_secret_access_key": KEYS.secret_access_key,
            "config": Config(inject_host_prefix=False, retries={"total_max_attempts": 1}),
            **more,
        },
    )


@pytest.fixture
def caller() -> Caller:
    return Caller()


@pytest.fixture
def callers() -> Callable[..., Caller]:
    return Caller


@pytest.fixture(scope="session")
def running() -> Iterator[Endpoint]:
    """One endpoint in a process of its own, without a quota, for all tests that take what comes."""
    with Endpoint(EndpointSettings(credentials=(KEYS,), quota=None, monitor_limit=1000)) as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def rum(running: Endpoint) -> Any:
    return client_of(running)
