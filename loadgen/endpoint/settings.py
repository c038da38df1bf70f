"""The settings that an endpoint starts with, and the messages that bring them to its process.

`LiveState` is what changes while an endpoint runs, besides its store: quotas, faults, and counts of rejected requests.
"""

from __future__ import annotations

import secrets
from math import ceil, isfinite
from typing import Annotated, Any, ClassVar

import msgspec

from loadgen.endpoint.call_log import name_rejection
from loadgen.endpoint.faults import FaultInjector, Faults, parse_faults
from loadgen.endpoint.service_error import ThrottlingException
from loadgen.errors import EndpointError
from loadgen.model import Noun
from loadgen.options import Text, resolve_options
from loadgen.rum.quotas import (
    APP_MONITORS,
    EVENT_BYTES,
    EVENTS_PER_BATCH,
    REQUESTS_PER_SECOND,
    REQUESTS_QUOTA_CODE,
    RETENTION_SECONDS,
    TokenBucket,
)
from loadgen.rum.service_model import PUT_RUM_EVENTS, load_service_model
from loadgen.units import parse_count
from loadgen.wire.sigv4 import Credentials

YEAR_10000 = 253_402_300_800_000
"""Unix milliseconds. A later time stamp was probably given in milliseconds instead of seconds, and is refused."""


class LiveSettings(Noun, forbid_unknown_fields=True):
    """Quotas and faults: what the admin route changes while the endpoint runs."""

    quota: float | None = REQUESTS_PER_SECOND  # PutRumEvents requests a second; None: off
    burst: float | None = None  # requests at once; None: as many as the quota allows in a second
    operation_quotas: dict[str, float] = msgspec.field(default_factory=dict)  # requests a second by operation
    faults: Faults = Faults()

    def find_problem(self) -> str | None:
        """Return one sentence that names a wrong quota; None if all are right."""
        known = load_service_model().operations
        for name, rate in (("quota", self.quota), ("burst", self.burst), *self.operation_quotas.items()):
            if rate is not None and not (isfinite(rate) and rate >= 0):
                return f"Value '{rate}' at '{name}' failed to satisfy constraint: Member must not be less than 0"
        if unknown := [name for name in self.operation_quotas if name not in known]:
            return f"Value '{unknown[0]}' at 'operation_quotas' failed to satisfy constraint: no such operation"
        return None


_AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]
_Rate = Annotated[float, msgspec.Meta(ge=0)]
_Positive = Annotated[float, msgspec.Meta(gt=0)]


class EndpointSettings(Noun):
    """All settings that an endpoint starts with. Sizes are in bytes, times in seconds."""

    NEEDS: ClassVar = {"burst": "quota"}

    region: Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9-]+\Z", description="one such as us-east-1")] = "us-east-1"
    account: Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{12}\Z", description="twelve digits")] = "123456789012"
    credentials: tuple[Credentials, ...] = ()
    quota: _Rate | None = REQUESTS_PER_SECOND
    burst: _Rate | None = None
    operation_quotas: dict[str, float] = msgspec.field(default_factory=dict)
    faults: Faults = Faults()
    unsigned: bool = False  # PutRumEvents needs no signature, as with a resource policy for Principal "*"
    cors_origins: tuple[Text, ...] = ("*",)
    monitor_limit: Annotated[int, msgspec.Meta(ge=0)] = APP_MONITORS
    deleting_seconds: Annotated[float, msgspec.Meta(ge=0)] = 0.0  # how long a deleted monitor is shown as DELETING
    read_only: bool = False  # only show a store: every request is refused and nothing expires
    keeps: bool = True  # keep accepted batches, so that they can be read back; False: only count them
    retention: _Positive = RETENTION_SECONDS
    max_batch_events: _AtLeastOne = EVENTS_PER_BATCH
    max_event_bytes: _AtLeastOne = EVENT_BYTES
    max_body_bytes: _AtLeastOne = 1024 * 1024
    max_inflated_bytes: _AtLeastOne = 4 * 1024 * 1024
    max_header_bytes: _AtLeastOne = 64 * 1024  # request line, headers and trailers
    max_connections: _AtLeastOne = 10_000
    max_unfinished_bytes: _AtLeastOne = 256 * 1024 * 1024  # incomplete bodies of all connections together
    max_memory_bytes: _AtLeastOne = 1024 * 1024 * 1024  # batches of a store in memory; a file is limited by its disk
    idle_seconds: _Positive = 75.0  # an unused connection is closed after so long
    access_log: str | None = None  # a file that gets one line for each request; "-": standard error
    body_seconds: _Positive = 20.0  # a request must have arrived completely by then

    @property
    def live(self) -> LiveSettings:
        """The settings that can change while the endpoint runs."""
        return LiveSettings(self.quota, self.burst, self.operation_quotas, self.faults)

    @property
    def partition(self) -> str:
        """The partition of ARNs in this Region: aws, aws-cn or aws-us-gov."""
        return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(self.region.rpartition("-")[0].rpartition("-")[0], "aws")

    def make_arn(self, monitor_name: str) -> str:
        """Return the ARN of an app monitor; its last part is the monitor's name, not its id."""
        return f"arn:{self.partition}:rum:{self.region}:{self.account}:appmonitor/{monitor_name}"


_HeaderText = Annotated[str, msgspec.Meta(pattern=r"\A[!-~]([ -~]*[!-~])?\Z", description="ASCII text")]


class AccessKeyParts(Noun):
    """The parts of an access key as they are given one by one; a key or secret that is not given is random."""

    access_key_id: _HeaderText | None = None
    secret_access_key: Text | None = None
    session_token: _HeaderText | None = None


def complete_settings(settings: EndpointSettings, members: dict[str, Any]) -> EndpointSettings:
    """Return the settings with `members` changed. EndpointError: one is unknown, of a wrong type or out of range."""
    given = {name: getattr(settings, name) for name in EndpointSettings.__struct_fields__} | _read_texts(members)
    plain = msgspec.to_builtins(given, enc_hook=str)
    complete = resolve_options(EndpointSettings, plain, EndpointError, on_command_line=False)
    if problem := complete.live.find_problem():
        raise EndpointError(f"endpoint settings: {problem}")
    return complete


def _read_texts(members: dict[str, Any]) -> dict[str, Any]:
    """Return the members with what `loadgen serve` takes as texts: faults, operations' quotas, parts of a key.

    None means that faults or a part of the key are not given.
    """
    names = AccessKeyParts.__struct_fields__
    read = {name: value for name, value in members.items() if name not in names}
    given = {name: value for name, value in members.items() if name in names and value is not None}
    if given:
        parts = resolve_options(AccessKeyParts, given, EndpointError, on_command_line=False)
        read["credentials"] = (make_credentials(*msgspec.structs.astuple(parts)),)
    if isinstance(faults := read.get("faults"), str):
        read["faults"] = parse_faults(faults)
    if isinstance(quotas := read.get("operation_quotas"), list | tuple):
        read["operation_quotas"] = dict(map(parse_operation_quota, quotas))
    return {name: value for name, value in read.items() if name != "faults" or value is not None}


def make_credentials(
    access_key_id: str | None = None, secret_access_key: str | None = None, session_token: str | None = None
) -> Credentials:
    """Return credentials in AWS's form. A key or secret that is not given is random; a missing token stays missing."""
    key = access_key_id or "AKIA" + secrets.token_hex(8).upper()
    return Credentials(key, secret_access_key or secrets.token_urlsafe(30), session_token)


def parse_operation_quota(text: str) -> tuple[str, float]:
    """Parse the quota of an operation: its name, and its calls a second. EndpointError says what to write instead."""
    operation, _, number = text.partition("=")
    try:
        rate = parse_count(number)
    except ValueError:
        rate = 0.0
    if operation not in load_service_model().operations or not rate:
        raise EndpointError(
            f"--operation-quota: {text!r} is no operation's quota; write NAME=N such as GetAppMonitorData=5"
        )
    return operation, rate


class ServerArguments(Noun):
    """What the endpoint's process reads from its stdin, as one line of JSON."""

    settings: EndpointSettings
    store_path: str | None  # half surrogate pairs, which stand for bytes that are no UTF-8, as JSON's escapes
    host: Text
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)]


class StartReport(Noun):
    """What the endpoint's process writes to its stdout, as one line of JSON: its URL, or why it cannot start."""

    url: str = ""
    error: str = ""


class RejectionCounts(Noun):
    """Counts of PutRumEvents requests not accepted since the endpoint started; the store counts accepted ones."""

    throttled: int = 0
    refused: int = 0  # 4xx other than 429
    failed: int = 0  # 5xx, and connections that a fault dropped


MOST_COUNTED = 2_000
"""App monitors whose errors are counted at most; the ledger knows 20 live monitors and 1,000 deleted ones."""


class LiveState:
    """The settings in force, with their token buckets and fault injector, and the counts of rejected requests."""

    def __init__(self, settings: LiveSettings, now: float) -> None:
        self.settings = settings
        self._buckets = _make_buckets(settings)
        self.faults = FaultInjector(settings.faults, now)
        self._counts: dict[str | None, RejectionCounts] = {}

    def change(self, settings: LiveSettings, now: float) -> None:
        """Put other settings in force. Changed quotas begin with full buckets, periods of changed faults begin now."""
        previous, self.settings = self.settings, settings
        quotas = (settings.quota, settings.burst, settings.operation_quotas)
        if quotas != (previous.quota, previous.burst, previous.operation_quotas):
            self._buckets = _make_buckets(settings)
        if settings.faults != previous.faults:
            self.faults = FaultInjector(settings.faults, now)

    def take_token(self, operation: str, now: float) -> None:
        """Count a request against its operation's quota; raises ThrottlingException if the quota is used up."""
        bucket = self._buckets.get(operation)
        if bucket is not None and (wait := bucket.take(now)):
            quota_code = REQUESTS_QUOTA_CODE if operation == PUT_RUM_EVENTS else None
            raise ThrottlingException(max(1, ceil(wait)), quota_code)

    def read_counts(self, monitor_id: str | None) -> RejectionCounts:
        """Return the counts of one app monitor, or (None) of all requests."""
        return self._counts.get(monitor_id, RejectionCounts())

    def count_error(self, monitor_id: str | None, status: int) -> None:
        """Count a PutRumEvents request that got an error; `monitor_id` is None for an unknown app monitor."""
        kind = name_rejection(status)
        for key in {monitor_id, None}:
            counts = self._counts.pop(key, None) or RejectionCounts()
            self._counts[key] = msgspec.structs.replace(counts, **{kind: getattr(counts, kind) + 1})
        if len(self._counts) > MOST_COUNTED:
            del self._counts[next(iter(self._counts))]  # the monitor without an error for the longest time


def _make_buckets(settings: LiveSettings) -> dict[str, TokenBucket]:
    """Return the token buckets by operation name."""
    buckets = {name: TokenBucket(rate) for name, rate in settings.operation_quotas.items()}
    if settings.quota is not None:
        buckets[PUT_RUM_EVENTS] = TokenBucket(settings.quota, settings.burst)
    return buckets
