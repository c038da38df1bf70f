"""The only module with boto3: credentials, and the control plane of RUM.

Rule: boto3 is imported when it is first needed (it must come after Locust in a Locust process, and costs a third of a
second), and no credential is ever part of a message.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from loadgen.errors import ControlError
from loadgen.model import Noun
from loadgen.scenario.monitor import Monitor
from loadgen.wire.sigv4 import Credentials, Signer

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
CREDENTIALS_CHECK_SECONDS = 10.0  # botocore renews expiring credentials 15 minutes ahead when it is asked


class Target(Noun):
    """Where PutRumEvents calls go."""

    url: str  # data plane, http(s)://host[:port][/path]
    region: str
    monitor_id: str
    monitor_name: str
    sample_rate: float | None = None  # the monitor's own


class Account:
    """RUM's control plane as one caller sees it, with boto3's usual chain of credentials unless some are given."""

    def __init__(
        self, region: str | None = None, credentials: Credentials | None = None, endpoint_url: str | None = None
    ) -> None:
        import boto3
        from botocore.config import Config

        given = {}
        if credentials is not None:
            given = {
                "aws_access_key_id": credentials.access_key_id,
                "aws_secret_access_key": credentials.secret_access_key,
                "aws_session_token": credentials.session_token,
            }
        self._session = boto3.Session(region_name=region, **given)
        # An endpoint of one's own has no host name for the data plane to be put in front of.
        config = Config(inject_host_prefix=endpoint_url is None, retries={"mode": "standard", "max_attempts": 4})
        with explained("the AWS configuration"):
            region_name = self._session.region_name or os.environ.get("AWS_REGION")  # boto3 reads AWS_DEFAULT_REGION
            if region_name is None:
                raise ControlError("no region: set AWS_DEFAULT_REGION or give --region")
            self.rum = self._session.client("rum", region_name=region_name, endpoint_url=endpoint_url, config=config)
        self.region: str = region_name
        self._given_url = endpoint_url

    @property
    def data_plane(self) -> str:
        """The URL that PutRumEvents goes to, an endpoint override included."""
        url = str(self.rum.meta.endpoint_url)
        host = urlsplit(url).hostname or ""
        if self._given_url or not host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws")):
            return url
        return url.replace("://", "://dataplane.", 1)

    def number(self) -> str:
        """The account's number as STS tells it, or why it does not."""
        try:
            with explained("sts:GetCallerIdentity"):
                sts = self._session.client("sts", region_name=self.region)
                return str(sts.get_caller_identity()["Account"])
        except ControlError as error:
            return f"unknown ({error})"

    def create(self, monitor: Monitor) -> Target:
        """Create the scenario's app monitor."""
        with explained(f"creating app monitor {monitor.name!r}"):
            created = self.rum.create_app_monitor(
                Name=monitor.name,
                Domain=monitor.domain,
                Tags=monitor.tags,
                AppMonitorConfiguration={
                    "SessionSampleRate": monitor.sample_rate,
                    "Telemetries": [name for name in monitor.telemetries if name != "interaction"],
                },
                CustomEvents={"Status": "ENABLED" if monitor.custom_events else "DISABLED"},
            )
        return Target(self.data_plane, self.region, created["Id"], monitor.name, monitor.sample_rate)

    def find_or_create(self, monitor: Monitor) -> Target:
        """The scenario's app monitor, made when there is none of its name."""
        with explained(f"listing app monitors in {self.region}"):
            pages = self.rum.get_paginator("list_app_monitors").paginate()
            names = {each["Name"] for page in pages for each in page.get("AppMonitorSummaries", [])}
        return self.find(monitor.name) if monitor.name in names else self.create(monitor)

    def find(self, name: str) -> Target:
        """Look an app monitor up by name; a UUID is taken as the id as it is."""
        if UUID.fullmatch(name):
            return Target(self.data_plane, self.region, name, name)
        with explained(f"looking up app monitor {name!r} in {self.region}"):
            found = self.rum.get_app_monitor(Name=name)["AppMonitor"]
        rate = found.get("AppMonitorConfiguration", {}).get("SessionSampleRate")
        return Target(self.data_plane, self.region, found["Id"], name, rate)


def signer(region: str) -> Callable[[], Signer]:
    """A signer with the credentials of boto3's chain, renewed when they expire."""
    import botocore.session

    found = botocore.session.get_session().get_credentials()
    if found is None:
        raise ControlError("no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile")
    frozen, current, checked = None, None, 0.0

    def fresh() -> Signer:
        nonlocal frozen, current, checked
        if current is None or time.monotonic() - checked > CREDENTIALS_CHECK_SECONDS:
            checked = time.monotonic()
            if (latest := found.get_frozen_credentials()) != frozen or current is None:
                frozen, current = (
                    latest,
                    Signer(Credentials(latest.access_key, latest.secret_key, latest.token), region),
                )
        return current

    return fresh


MEANINGS = {
    "ResourceNotFoundException": "there is none of that name; check the name and the region",
    "UnrecognizedClientException": "the access key id or the session token is not known there",
    "InvalidClientTokenId": "the access key id is not known there",
    "InvalidSignatureException": "the secret access key does not match the access key id",
    "SignatureDoesNotMatch": "the secret access key does not match the access key id",
    "ExpiredTokenException": "the session token has expired",
    "AccessDeniedException": "the credentials lack the permission",
}


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turn boto3's exceptions into one line that says what was refused and why."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ClientError as error:
        code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
        meaning = MEANINGS.get(code)
        raise ControlError(
            f"{doing}: {meaning or message or 'refused'} ({code}{': ' + message if meaning else ''})"
        ) from error
    except ResponseParserError as error:
        raise ControlError(f"{doing}: the answer is none of AWS's") from error
    except BotoCoreError as error:
        raise ControlError(f"{doing}: {error}") from error
