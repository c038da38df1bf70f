"""The access log of `serve --log`: one line for each request that the endpoint has answered.

Rule: a line has eight fields between single spaces, with a dash for an empty field: time (UTC), method, path, status,
error, app monitor, accepted events, milliseconds from the request's last byte to its answer. A path is written without
its query, which may hold a signature. If the log can no longer be written, requests are still answered.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote

import msgspec

from loadgen.endpoint.service import Reply
from loadgen.errors import EndpointError
from loadgen.model import Request
from loadgen.rum.service_model import find_operation

_LOG = logging.getLogger(__name__)

STANDARD_ERROR = "-"
PATH_CHARACTERS = 300
SAFE = "/%:@!$&'()*+,;=~-._"  # characters of a field; others are written as %XX, so that fields stay apart


class AccessEntry(msgspec.Struct, gc=False):
    """A request that is being answered, with its time of arrival."""

    request: Request
    at: float  # Unix time
    began: float  # arrival on the monotonic clock


class AccessLog:
    """The access log of one endpoint. It appends to a file or writes to standard error ("-"); without a path it is off.

    `name_monitor` returns the name of the app monitor with an id. Raises EndpointError if the file cannot be opened.
    """

    def __init__(self, path: str | None, name_monitor: Callable[[str], str]) -> None:
        self._name_monitor = name_monitor
        self._descriptor: int | None = 2 if path == STANDARD_ERROR else None
        try:
            if path and path != STANDARD_ERROR:
                self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as wrong:
            raise EndpointError(
                f"--log {path}: cannot be written ({os.strerror(wrong.errno or 0).lower()}); name a file that can be"
            ) from wrong

    def begin(self, request: Request) -> AccessEntry | None:
        """Start the entry of a request that has arrived; None if nothing is logged."""
        return None if self._descriptor is None else AccessEntry(request, time.time(), time.monotonic())

    def finish(self, entry: AccessEntry | None, reply: Reply) -> None:
        """Write the line of an answered request."""
        if self._descriptor is None or entry is None:
            return
        try:
            os.write(self._descriptor, self._format(entry, reply).encode(errors="replace"))
        except OSError as wrong:
            self._descriptor = None
            _LOG.error("--log: further requests are not logged, the file cannot be written: %s", wrong.strerror)

    def _format(self, entry: AccessEntry, reply: Reply) -> str:
        path = entry.request.target.partition("?")[0]
        stamp = datetime.fromtimestamp(entry.at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        status, error = reply.response.status, reply.response.get_header("x-amzn-errortype")
        if reply.fault.drop:
            status, error = 0, "ConnectionDropped"
        events = reply.call.events if reply.call is not None and status == 200 else None
        fields = (
            f"{stamp}Z",
            quote(entry.request.method, SAFE),
            quote(path, SAFE)[:PATH_CHARACTERS],
            status or "-",
            error or "-",
            quote(self._find_monitor(entry.request.method, path), SAFE)[:PATH_CHARACTERS] or "-",
            "-" if events is None else events,
            f"{(time.monotonic() - entry.began) * 1000:.1f}",
        )
        return " ".join(map(str, fields)) + "\n"

    def _find_monitor(self, method: str, path: str) -> str:
        """Return the name of the app monitor that a request names; "" if the request names none."""
        found = find_operation(method, path)
        if found is None:
            return ""
        labels = found[1]
        if monitor_id := labels.get("Id"):
            return self._name_monitor(monitor_id)
        return labels.get("Name") or labels.get("AppMonitorName") or ""
