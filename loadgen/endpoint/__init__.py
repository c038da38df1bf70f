"""The local CloudWatch RUM endpoint over SQLite, as one Python object that starts, calls, reads and stops it.

Rule: the endpoint runs in a process of its own. The process gets its settings on stdin, never on its command line,
which other users can read; it ends when its stdin ends, so it cannot outlive its parent. It has its own terminal
session, so Ctrl-C reaches the parent alone, which decides when to stop it. Nothing here prints, and nothing reads the
user's AWS configuration or proxies.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from loadgen.endpoint.admin import PREFIX, EndpointLedger, LoggedCalls
from loadgen.endpoint.call_log import PutCall
from loadgen.endpoint.faults import Faults, parse_faults
from loadgen.endpoint.settings import (
    YEAR_10000,
    EndpointSettings,
    ServerArguments,
    StartReport,
    complete_settings,
    make_credentials,
)
from loadgen.errors import EndpointError
from loadgen.model import Request
from loadgen.options import require_path, resolve_options, show_options
from loadgen.output import refuse_overwriting
from loadgen.transport import BlockingConnection, NoAnswer, find_route
from loadgen.wire.sigv4 import Credentials, Signer

__all__ = [
    "Endpoint",
    "EndpointLedger",
    "EndpointSettings",
    "Faults",
    "LoggedCalls",
    "PutCall",
    "find_running",
    "parse_faults",
]

STOP_SECONDS = 10.0
"""Seconds after SIGTERM before the process is killed. The process itself waits up to 5 s for responses that are due."""

_running: dict[str, Endpoint] = {}
"""The endpoints that this process has started, by URL."""


def find_running(url: str) -> Endpoint | None:
    """Return the endpoint that this process has started at `url`, so that a job can use its credentials; else None."""
    return _running.get(url.rstrip("/"))


class Endpoint:
    """The CloudWatch RUM API on a port of this machine.

        with Endpoint(quota=50, faults="errors=0.01") as endpoint:
            monitor_id = endpoint.client().create_app_monitor(Name="shop", Domain="localhost")["Id"]
            ...
            endpoint.ledger().requests.accepted, endpoint.events()

    Settings come as one EndpointSettings, as its members by name, or both (members win); `faults` and
    `operation_quotas` may be the texts that `loadgen serve` takes. `access_key_id`, `secret_access_key` and
    `session_token` stand for `credentials`; what of a key is not given is random. Raises EndpointError.
    """

    @show_options(EndpointSettings)
    def __init__(
        self,
        settings: EndpointSettings | None = None,
        store: Path | str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        **members: Any,
    ) -> None:
        complete = complete_settings(settings or EndpointSettings(), members)
        keys = complete.credentials or (make_credentials(),)
        self.settings = msgspec.structs.replace(complete, credentials=keys)
        # An SQLite file; None: accepted events are kept in memory.
        self.store = None if store is None else require_path(store, "store", EndpointError)
        log = complete.access_log
        refuse_overwriting([self.store, None if log is None else Path(log)], [])
        self._host, self._port = host, port
        self._url = ""
        self._process: subprocess.Popen[bytes] | None = None

    # Start and stop

    def __enter__(self) -> Endpoint:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Endpoint:
        """Start the process and wait until it listens; what runs already is left as it is."""
        if self.is_alive():
            return self
        self.stop()  # a process that has died leaves its pipes
        arguments = msgspec.to_builtins(self._resolve_arguments())
        process = self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "loadgen.endpoint.server"],  # -P: a random.py in the folder is not ours
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(arguments).encode() + b"\n")  # msgspec writes no half surrogate pairs
        process.stdin.flush()
        line = process.stdout.readline()
        ended = StartReport(error="the local endpoint cannot start: its process ended at once")
        report = msgspec.json.decode(line, type=StartReport) if line else ended
        if report.error:
            self.stop()
            raise EndpointError(report.error)
        self._url = report.url
        _running[self._url] = self
        return self

    def _resolve_arguments(self) -> ServerArguments:
        """Return what a server needs; raises EndpointError for a host or port that cannot be."""
        store = None if self.store is None else str(self.store)
        given = {"settings": self.settings, "store_path": store, "host": self._host, "port": self._port}
        return resolve_options(ServerArguments, given, EndpointError, on_command_line=False)

    def stop(self) -> None:
        """Stop the process: it answers the requests in flight, commits and ends. Stopping twice does no harm."""
        if self._process is None:
            return
        _running.pop(self._url, None)
        if self.is_alive():
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def is_alive(self) -> bool:
        """Whether the endpoint's process runs."""
        return self._process is not None and self._process.poll() is None

    def serve_forever(self, on_ready: Callable[[], None]) -> None:
        """Serve in the calling process until SIGTERM or SIGINT; `on_ready` is called once the socket listens."""
        from loadgen.endpoint.server import serve

        def note_url(url: str) -> None:
            self._url = url
            on_ready()

        given = self._resolve_arguments()
        serve(given.settings, self.store, given.host, given.port, note_url)

    # What a client needs

    @property
    def url(self) -> str:
        """The endpoint's address, such as http://127.0.0.1:8000, for control plane and data plane alike."""
        if not self._url:
            raise EndpointError("the endpoint has not been started; write `with Endpoint(...) as endpoint:`")
        return self._url

    @property
    def region(self) -> str:
        """The Region that signatures must name."""
        return self.settings.region

    @property
    def credentials(self) -> Credentials:
        """The first of the access keys that the endpoint accepts."""
        return self.settings.credentials[0]

    @property
    def variables(self) -> dict[str, str]:
        """Environment variables by which boto3, the AWS CLI and loadgen find the endpoint, with its access key."""
        token = self.credentials.session_token
        return {
            "AWS_ENDPOINT_URL_RUM": self.url,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
            "AWS_ACCESS_KEY_ID": self.credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.credentials.secret_access_key,
        } | ({"AWS_SESSION_TOKEN": token} if token else {})

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The endpoint's process; raises EndpointError before the start."""
        if self._process is None:
            raise EndpointError("the endpoint has not been started; write `with Endpoint(...) as endpoint:`")
        return self._process

    def client(self) -> Any:
        """A boto3 client for `rum` that talks to this endpoint with its credentials."""
        from loadgen.aws import Account

        return Account(self.region, self.credentials, self.url).rum

    # What the endpoint received

    def ledger(self, monitor_id: str | None = None) -> EndpointLedger:
        """Counts of PutRumEvents requests and their events, of all app monitors or of one."""
        query = f"?monitor={quote(monitor_id)}" if monitor_id else ""
        return msgspec.json.decode(self._fetch("GET", f"{PREFIX}ledger{query}"), type=EndpointLedger)

    def calls(self, after: int = 0) -> LoggedCalls:
        """The PutRumEvents calls with a number above `after`, each with its outcome.

        The latest 2,000 are kept, and of those before the latest 100 that were refused or lost events.
        """
        return msgspec.json.decode(self._fetch("GET", f"{PREFIX}calls?after={after}"), type=LoggedCalls)

    def change(self, **settings: Any) -> None:
        """Change quota, burst, operation_quotas or faults (also as text) of the running endpoint; others stay."""
        if isinstance(settings.get("faults"), str):
            settings["faults"] = parse_faults(settings["faults"])
        self._fetch("PUT", f"{PREFIX}settings", msgspec.to_builtins(settings))

    def events(self, monitor: str | None = None) -> list[dict[str, Any]]:
        """The accepted events of all app monitors, or of the one named `monitor`, as GetAppMonitorData gives them.

        `event_details` and `metadata` are objects, not text. Events older than 30 days are left out.
        """
        return list(self._read_events([monitor] if monitor else self._list_names()))

    def _list_names(self) -> list[str]:
        names: list[str] = []
        token = ""
        while True:
            page = json.loads(self._fetch("POST", f"/appmonitors{token}"))
            names += [summary["Name"] for summary in page["AppMonitorSummaries"]]
            if "NextToken" not in page:
                return names
            token = f"?nextToken={quote(page['NextToken'])}"

    def _read_events(self, names: list[str]) -> Iterator[dict[str, Any]]:
        for name in names:
            # Without an end the range would end now. The web client rounds to whole seconds, so the newest events are
            # up to half a second in the future.
            query: dict[str, Any] = {"TimeRange": {"After": 0, "Before": YEAR_10000 - 1}}
            while True:
                page = json.loads(self._fetch("POST", f"/appmonitor/{quote(name, safe='')}/data", query))
                yield from map(json.loads, page["Events"])
                if "NextToken" not in page:
                    break
                query["NextToken"] = page["NextToken"]

    def _fetch(self, method: str, target: str, body: dict[str, Any] | None = None) -> bytes:
        """Send a signed request and return the response's body; raises EndpointError unless its status is 200."""
        data = b"" if body is None else msgspec.json.encode(body)
        request = Request(method, target, (("host", urlsplit(self.url).netloc),), data)
        connection = BlockingConnection(find_route(self.url, environ={}))
        try:
            response = connection(Signer(self.credentials, self.region).sign(request, time.time()))
        except NoAnswer as error:
            ended = "" if self.is_alive() else ", and its process has ended"
            raise EndpointError(
                f"{method} {target}: the endpoint at {self.url} gives no answer ({error}){ended}"
            ) from error
        finally:
            connection.close()
        if response.status != 200:
            raise EndpointError(f"{method} {target}: {response.status} {response.body.decode(errors='replace')[:500]}")
        return response.body
