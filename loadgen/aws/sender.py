"""Sends botocore's signed requests by the rules of `transport`: its proxies, certificates and names of causes.

Rule: a whole answer must come within ten seconds, and its length is limited. botocore itself would wait ten seconds for
each piece of it, and read as many as come. A failure that another try may mend is raised as botocore's own exception,
so that botocore tries again; a time-out is not. A service in front of RUM, or in its place, may answer anything: an
answer whose status, format or members the RUM API cannot have given is refused before it is read.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from math import ceil
from typing import Any
from urllib.parse import urlsplit

import msgspec

from loadgen.model import Noun, Request, Response
from loadgen.transport import (
    ANSWER_SECONDS,
    PORTS,
    BlockingConnection,
    NoAnswer,
    OnWait,
    describe_answer,
    find_route,
    is_json,
    make_printable,
    name_outcome,
    parse_retry_after,
    start_notice,
    unpack,
)
from loadgen.units import format_bytes

TIMEOUT_SECONDS = ANSWER_SECONDS
"""The time for the connection and the whole answer of one call."""

MOST_ANSWER_BYTES = 64_000_000
"""The longest answer: a page of GetAppMonitorData has 100 events, each of which may be as long as a request's body."""

BRIEF = frozenset({"refused", "reset", "closed", "unreachable", "name resolution"})
"""Causes that fail at once and may be gone at the next try."""


CURES = {"proxy: 407": "the proxy wants a user and a password: HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT"}


class NotRumAnswer(Exception):
    """An answer that the RUM API cannot have given, described on one line."""


class CallUnanswered(Exception):
    """Raised when no answer came to a call; the message names the URL and the cause."""


class _Body(Noun):
    """A received body with the interface that botocore's response reads."""

    data: bytes

    def stream(self) -> Iterator[bytes]:
        """Yield the whole body."""
        yield self.data


class ControlSender:
    """A handler of botocore's event `before-send`: botocore takes its answer instead of sending the request itself.

    Each thread keeps one connection to each origin. `on_wait` gets a line when an answer takes long.
    """

    def __init__(self, on_wait: OnWait | None) -> None:
        self._on_wait = on_wait
        self._thread = threading.local()

    def __call__(self, request: Any, event_name: str, **_: Any) -> Any:
        """Send a request, and return the answer as botocore's AWSResponse."""
        from botocore.awsrequest import AWSResponse

        operation, parts = event_name.rpartition(".")[2], urlsplit(request.url)
        notice = start_notice(parts.netloc, operation, TIMEOUT_SECONDS, self._on_wait or (lambda _: None))
        try:
            answer = self._connect(f"{parts.scheme}://{parts.netloc}")(read_request(request))
        except NoAnswer as error:
            raise explain_no_answer(error, request.url) from error
        finally:
            notice.cancel()
        body, headers = unpack(answer, MOST_ANSWER_BYTES), dict(answer.headers)  # no request asks for an encoding
        if body is not None and body is not answer.body:
            headers.pop("content-encoding", None)
        if (seconds := parse_retry_after(headers.pop("retry-after", None), time.time())) is not None:
            headers["retry-after"] = str(ceil(seconds))  # the only form that botocore reads
        return AWSResponse(request.url, answer.status, headers, _Body(answer.body if body is None else body))

    def _connect(self, origin: str) -> BlockingConnection:
        """Return this thread's connection to an origin."""
        kept: dict[str, BlockingConnection] = self._thread.__dict__.setdefault("kept", {})
        if origin not in kept:
            kept[origin] = BlockingConnection(find_route(origin), TIMEOUT_SECONDS, MOST_ANSWER_BYTES)
        return kept[origin]


def read_request(prepared: Any) -> Request:
    """Turn botocore's AWSPreparedRequest into a Request; its Host header is the one that the signature covers."""
    parts = urlsplit(prepared.url)
    host = parts.netloc.rpartition("@")[2].lower().removesuffix(f":{PORTS[parts.scheme]}")
    target = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
    headers = {
        name.lower(): value.decode("latin-1") if isinstance(value, bytes) else value
        for name, value in prepared.headers.items()
    }
    headers.pop("content-length", None)  # `serialize` writes it
    body = prepared.body or b""
    return Request(
        prepared.method,
        target,
        tuple(({"host": host} | headers).items()),
        body.encode() if isinstance(body, str) else body,
    )


def explain_no_answer(error: NoAnswer, url: str) -> Exception:
    """Return the exception to raise in its place: botocore tries again only after its own exceptions."""
    from botocore.exceptions import ConnectionClosedError, EndpointConnectionError

    match error.cause:
        case "timeout":
            return CallUnanswered(f"no {'answer' if error.sent else 'connection'} in time from {url} (timeout)")
        case "malformed":
            return NotRumAnswer("it is no HTTP")
        case "endless":
            return NotRumAnswer(f"it has more than {format_bytes(MOST_ANSWER_BYTES)}")
    if error.cause in BRIEF:
        explained: Exception = (ConnectionClosedError if error.sent else EndpointConnectionError)(
            endpoint_url=url, error=error
        )
        return explained
    cure = f"; {CURES[error.cause]}" if error.cause in CURES else ""
    return CallUnanswered(f'Could not connect to the endpoint URL: "{url}" ({make_printable(error.cause)}{cure})')


ALWAYS = {
    "CreateAppMonitorResponse": ["Id"],
    "GetAppMonitorResponse": ["AppMonitor"],
    "AppMonitor": ["Id", "Name"],
    "GetAppMonitorDataResponse": ["Events"],
    "ListAppMonitorsResponse": ["AppMonitorSummaries"],
    "AppMonitorSummary": ["Id", "Name"],
    "ListTagsForResourceResponse": ["Tags"],
    "ListRumMetricsDestinationsResponse": ["Destinations"],
    "MetricDestinationSummary": ["Destination"],
    "BatchGetRumMetricDefinitionsResponse": ["MetricDefinitions"],
    "GetResourcePolicyResponse": ["PolicyDocument"],
}
"""Members that the RUM API always gives, although the service model does not require them (aws-cli's RUM examples)."""

JSON_TYPES: dict[str, Any] = {
    **dict.fromkeys(("structure", "map"), dict),
    **dict.fromkeys(("integer", "long"), int),
    **dict.fromkeys(("float", "double", "timestamp"), int | float),
    "list": list,
    "string": str,
    "boolean": bool,
}


def check_answer(response_dict: dict[str, Any], operation_model: Any, **_: Any) -> None:
    """Raise NotRumAnswer for an answer that RUM cannot have given; a handler of botocore's event `before-parse`."""
    headers = tuple((name.lower(), value) for name, value in response_dict["headers"].items())
    answer = Response(response_dict["status_code"], headers, response_dict["body"])
    if answer.status >= 400:
        is_refusal = answer.get_header("x-amzn-errortype") is not None or is_json(answer)
        if answer.status < 500 and answer.status != 429 and not is_refusal:
            raise NotRumAnswer(describe_answer(answer))
        return
    value = msgspec.json.decode(answer.body or b"{}") if name_outcome(answer) is None else None
    if not isinstance(value, dict):
        raise NotRumAnswer(describe_answer(answer))
    if (shape := operation_model.output_shape) is not None and (misfit := find_misfit(shape, value)):
        raise NotRumAnswer(misfit)


def find_misfit(shape: Any, value: Any, name: str = "") -> str:
    """Return how a value differs from the service model's `shape`; "" if it does not. `name` is the member's name."""
    if not isinstance(value, JSON_TYPES.get(shape.type_name, object)):
        where = f"{name} is " if name else ""
        return f"{where}{show(value)}, not a {shape.type_name}"
    if shape.type_name == "list":
        return next(filter(None, (find_misfit(shape.member, each, name) for each in value)), "")
    if shape.type_name != "structure":
        return ""
    for member in (*shape.required_members, *ALWAYS.get(shape.name, ())):
        if value.get(member) is None:
            return f"{show(value)} lacks {member}"
    known = (
        (shape.members[key], each, key) for key, each in value.items() if key in shape.members and each is not None
    )
    return next(filter(None, (find_misfit(*one) for one in known)), "")


def show(value: Any) -> str:
    """Return the beginning of a value, as JSON."""
    return make_printable(msgspec.json.encode(value).decode())
