"""RUM's control plane for one account: app monitors, a call by its name, and the events of a span of time."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from loadgen.aws.clients import MISSING, explain_errors, is_on_this_machine, open_client, open_rum, open_session
from loadgen.aws.desired_state import build_creation
from loadgen.errors import ControlError
from loadgen.model import Noun
from loadgen.rum.quotas import REQUESTS_QUOTA_CODE
from loadgen.rum.service_model import WEB
from loadgen.scenario import Client, Monitor
from loadgen.transport import OnWait
from loadgen.wire.sigv4 import Credentials

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

LOCAL_ACCOUNT = "123456789012"
"""The account number of the local endpoint, which has no STS."""


def is_monitor_id(text: str) -> bool:
    """Return whether a text is an app monitor's id rather than its name."""
    return _UUID.fullmatch(text) is not None


def check_platform(monitor: dict[str, Any]) -> None:
    """Raise ControlError for an app monitor of mobile applications; `monitor` is the model's AppMonitor."""
    platform = monitor.get("Platform") or WEB
    if platform != WEB:
        raise ControlError(
            f"app monitor {monitor['Name']} is for {platform}, whose applications send OTLP, and loadgen does not; "
            "give --monitor an app monitor for the web"
        )


def is_of_aws(url: str) -> bool:
    """Return whether a URL's host is one of AWS's."""
    return (urlsplit(url).hostname or "").endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws"))


class MonitorTarget(Noun):
    """An app monitor, with the URL that its PutRumEvents calls go to."""

    url: str  # of the data plane, http(s)://host[:port][/path]
    region: str
    monitor_id: str
    monitor_name: str
    sample_rate: float | None = None  # as the app monitor has it; None: not known


class Account:
    """One account and Region of AWS, or the endpoint at `endpoint_url`.

    Calls are signed with `credentials`, else with those of boto3's chain; for an endpoint on this machine, only with
    those of the environment. `on_wait` gets a line when an answer takes long. Raises ControlError.
    """

    def __init__(
        self,
        region: str | None = None,
        credentials: Credentials | None = None,
        endpoint_url: str | None = None,
        on_wait: OnWait | None = None,
    ) -> None:
        with explain_errors("the AWS configuration"):
            self._session = open_session(region, credentials, is_on_this_machine(endpoint_url))
            region_name = self._session.region_name or os.environ.get("AWS_REGION")  # boto3 reads AWS_DEFAULT_REGION
            if region_name is None:
                raise ControlError("no region: set AWS_DEFAULT_REGION or give --region")
            self.rum: Any = open_rum(self._session, region_name, endpoint_url, on_wait)
        self.region: str = region_name
        self.credentials = credentials  # None: the credentials of boto3's usual chain
        self._given_url = endpoint_url
        self._number: str | None = None

    @property
    def data_plane(self) -> str:
        """The URL that PutRumEvents goes to; an endpoint override counts."""
        url = str(self.rum.meta.endpoint_url)
        return url if self._given_url or not is_of_aws(url) else url.replace("://", "://dataplane.", 1)

    @property
    def is_local(self) -> bool:
        """Whether an endpoint other than AWS answers."""
        return not is_of_aws(self.data_plane)

    def fetch_number(self) -> str:
        """Return the account's number from STS, or "unknown" with the reason."""
        try:
            return self._fetch_account_number()
        except ControlError as error:
            return f"unknown ({error})"

    def _fetch_account_number(self) -> str:
        if self._number is None:
            with explain_errors("asking for the account's number", "sts:GetCallerIdentity"):
                sts = open_client(self._session, "sts", self.region)
                self._number = str(sts.get_caller_identity()["Account"])
        return self._number

    def build_arn(self, name: str) -> str:
        """Return an app monitor's ARN; its last part is the name, not the id."""
        number = LOCAL_ACCOUNT if self.is_local else self._fetch_account_number()
        partition = self._session.get_partition_for_region(self.region)
        return f"arn:{partition}:rum:{self.region}:{number}:appmonitor/{name}"

    def fetch_rate_quota(self) -> float | None:
        """Return how many PutRumEvents requests a second the account may send; None if it is not known."""
        if self.is_local:
            return None
        try:
            with explain_errors("asking for the quota", "servicequotas:GetServiceQuota"):
                quotas = open_client(self._session, "service-quotas", self.region)
                answer = quotas.get_service_quota(ServiceCode="rum", QuotaCode=REQUESTS_QUOTA_CODE)
                return float(answer["Quota"]["Value"])
        except ControlError:  # not permitted: callers learn the quota from 429s instead
            return None

    def list_names(self) -> list[str]:
        """Return the names of all app monitors."""
        return [each["Name"] for each in self.list_monitors()]

    def list_monitors(self) -> Iterator[dict[str, Any]]:
        """Yield the AppMonitorSummary of each app monitor."""
        return self.list_pages(f"listing app monitors in {self.region}", "list_app_monitors", "AppMonitorSummaries")

    def list_pages(self, doing: str, operation: str, member: str, **parameters: str) -> Iterator[dict[str, Any]]:
        """Yield the items that the pages of an operation have in `member`; an error's message begins with `doing`."""
        with explain_errors(doing):
            for page in self.rum.get_paginator(operation).paginate(**parameters):
                yield from page.get(member, [])

    def create(
        self, monitor: Monitor, client: Client | None = None, tags: dict[str, str] | None = None
    ) -> MonitorTarget:
        """Create the scenario's app monitor, with its own and further tags."""
        with explain_errors(f"creating app monitor {monitor.name!r}"):
            created = self.rum.create_app_monitor(**build_creation(monitor, client, tags or {}))
        return MonitorTarget(self.data_plane, self.region, created["Id"], monitor.name, monitor.sample_rate)

    def find_or_create(self, monitor: Monitor) -> MonitorTarget:
        """Find the scenario's app monitor by name; create it if there is none."""
        return self.create(monitor) if self.look_up(monitor.name) is None else self.find(monitor.name)

    def get(self, name: str) -> dict[str, Any]:
        """Return an app monitor as the model's AppMonitor. ControlError: there is none of that name."""
        with explain_errors(f"looking up app monitor {name!r} in {self.region}"):
            found: dict[str, Any] = self.rum.get_app_monitor(Name=name)["AppMonitor"]
        return found

    def look_up(self, name: str) -> dict[str, Any] | None:
        """Return an app monitor as the model's AppMonitor; None if none has that name, or it is being deleted."""
        from botocore.exceptions import ClientError

        with explain_errors(f"looking up app monitor {name!r} in {self.region}"):
            try:
                found: dict[str, Any] = self.rum.get_app_monitor(Name=name)["AppMonitor"]
            except ClientError as error:
                if error.response["Error"].get("Code") == MISSING:
                    return None
                raise
        return None if found.get("State") == "DELETING" else found

    def find(self, name: str) -> MonitorTarget:
        """Find an app monitor by name; a UUID is taken as an id, without a call."""
        if is_monitor_id(name):
            return MonitorTarget(self.data_plane, self.region, name, name)
        found = self.get(name)
        check_platform(found)
        rate = found.get("AppMonitorConfiguration", {}).get("SessionSampleRate")
        return MonitorTarget(self.data_plane, self.region, found["Id"], name, rate)


def make_call(account: Account, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Make one call by its name in the RUM API, and return the answer. ControlError: it failed, also in part."""
    from botocore import xform_name

    named = parameters.get("Name") or parameters.get("AppMonitorName") or parameters.get("ResourceArn", "")
    doing = f"{operation} on {named!r}" if named else operation
    with explain_errors(doing, f"rum:{operation}", parameters.get("AppMonitorName", "NAME")):
        answer: dict[str, Any] = getattr(account.rum, xform_name(operation))(**parameters)
    if errors := answer.get("Errors"):
        names = [each.get("MetricDefinitionId") or each.get("MetricDefinition", {}).get("Name") for each in errors]
        reasons = [f"{each.get('ErrorMessage')} ({each.get('ErrorCode')})" for each in errors]
        raise ControlError(*(f"{doing}: {name}: {why}" for name, why in zip(names, reasons, strict=True)))
    answer.pop("ResponseMetadata", None)
    return answer


EVENTS_PER_PAGE = 100
PAGES_PER_SECOND = 5.0
"""The rate of reading from AWS; the control plane's quota is not documented."""


class _Event(msgspec.Struct):
    """The members of an event that are compared; decoding skips all others."""

    event_id: str
    event_timestamp: int


_decode = msgspec.json.Decoder(_Event).decode


def read_events(account: Account, name: str, after: int, before: int) -> Iterator[tuple[bytes, int]]:
    """Yield id (16 bytes) and time of each event between two Unix times, all in milliseconds, in no stated order."""
    for text in read_event_texts(account, name, after, before):
        yield _read_event(text, f"reading back from app monitor {name!r}")


def read_event_texts(account: Account, name: str, after: int, before: int) -> Iterator[str]:
    """Yield the JSON of each event between two Unix times in milliseconds, in no stated order."""
    doing = f"reading back from app monitor {name!r}"
    pause = 0.0 if account.is_local else 1.0 / PAGES_PER_SECOND
    token = None
    while True:
        query: dict[str, str] = {"NextToken": token} if token else {}
        with explain_errors(doing):
            page = account.rum.get_app_monitor_data(
                Name=name, TimeRange={"After": after, "Before": before}, MaxResults=EVENTS_PER_PAGE, **query
            )
        yield from page.get("Events", [])
        token = page.get("NextToken")
        if not token:
            return
        time.sleep(pause)


def _read_event(text: str, doing: str) -> tuple[bytes, int]:
    try:
        event = _decode(text)
        return UUID(event.event_id).bytes, event.event_timestamp
    except (msgspec.DecodeError, ValueError) as error:
        raise ControlError(f"{doing}: an event is not as documented ({error})") from error
