"""What an endpoint is started with, and the part of it that can be changed while it runs."""

from __future__ import annotations

import msgspec

from loadgen.endpoint.faults import Faults
from loadgen.model import Noun
from loadgen.wire.sigv4 import Credentials

QUOTA = 50.0
"""PutRumEvents requests a second per account and Region (Service Quotas L-35851224)."""


class LiveSettings(Noun, forbid_unknown_fields=True):
    """Quotas and faults: changeable while the endpoint runs, through the admin route."""

    quota: float | None = QUOTA  # PutRumEvents requests a second; None: off
    burst: float | None = None  # requests at once; None: as many as the quota allows in a second
    operation_quotas: dict[str, float] = msgspec.field(default_factory=dict)  # requests a second by operation
    faults: Faults = Faults()


class EndpointSettings(Noun):
    """Everything an endpoint is started with. Sizes in bytes, times in seconds."""

    region: str = "us-east-1"
    account: str = "123456789012"
    credentials: tuple[Credentials, ...] = ()
    quota: float | None = QUOTA
    burst: float | None = None
    operation_quotas: dict[str, float] = msgspec.field(default_factory=dict)
    faults: Faults = Faults()
    unsigned: bool = False  # PutRumEvents needs no signature, as with a resource policy for Principal "*"
    cors_origins: tuple[str, ...] = ("*",)
    monitor_limit: int = 20  # app monitors per account and Region (Service Quotas L-3FB7EA17)
    deleting_seconds: float = 0.0  # how long a deleted monitor is shown as DELETING
    keeps: bool = True  # accepted batches, for who reads them back; False: they are counted alone
    retention: float = 30 * 86_400.0  # RUM keeps events for 30 days
    max_batch_events: int = 100  # the web client's batchLimit; RUM's own bound is not published
    max_event_bytes: int = 6 * 1024  # an event with its metadata (aws-rum-web, docs/reference/api.md)
    max_body_bytes: int = 1024 * 1024
    max_inflated_bytes: int = 4 * 1024 * 1024
    max_header_bytes: int = 64 * 1024
    idle_seconds: float = 75.0  # an unused connection is closed
    body_seconds: float = 20.0  # a request must be whole by then

    @property
    def controls(self) -> LiveSettings:
        """The changeable part."""
        return LiveSettings(self.quota, self.burst, self.operation_quotas, self.faults)

    @property
    def partition(self) -> str:
        """The first part of ARNs after `arn`."""
        return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(self.region.rpartition("-")[0].rpartition("-")[0], "aws")

    def arn(self, monitor_name: str) -> str:
        """The ARN of an app monitor; its last part is the name, not the id."""
        return f"arn:{self.partition}:rum:{self.region}:{self.account}:appmonitor/{monitor_name}"
