"""The app monitor that receives the traffic."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from loadgen.errors import ScenarioError
from loadgen.scenario.problems import Section, Share

Telemetry = Literal["errors", "performance", "http", "interaction", "replay"]
NAME = re.compile("[-_#A-Za-z0-9][-._#A-Za-z0-9]*")
PagePatterns = Annotated[tuple[str, ...], Field(max_length=50)]
Domain = Annotated[str, Field(min_length=1, max_length=253)]


class Metric(Section):
    """A metric that RUM extracts from events: extended when it has no namespace, else custom."""

    name: str = Field(min_length=1, max_length=255, description="An extended metric's name, as JsErrorCount; or any.")
    namespace: str | None = Field(
        None,
        min_length=1,
        max_length=237,
        description="Namespace of a custom metric, which CloudWatch shows as RUM/CustomMetrics/<namespace>.",
    )
    value: str | None = Field(
        None,
        min_length=1,
        max_length=280,
        description="The field that gives the metric's value, such as event_details.quantity; without a field, events "
        "are counted. An extended metric has a field of its own.",
    )
    unit: str | None = Field(None, min_length=1, max_length=256, description="CloudWatch's unit label.")
    dimensions: dict[str, str] = Field(
        {},
        max_length=29,
        description='Field → dimension, such as { "metadata.browserName" = "BrowserName" }; each field must be in the '
        "pattern too.",
    )
    pattern: dict[str, Any] = Field(
        {}, description="Which events count, in EventBridge's pattern language. An extended metric adds its event type."
    )


def covers_domain(pattern: str, domain: str) -> bool:
    """Whether an app monitor's domain, which may begin or end with `*`, covers the host name of a site.

    `*.example.com` covers every host below example.com, `example.*` covers example under every top-level domain (the
    web client's user guide on top-level domains).
    """
    if pattern.startswith("*."):
        return domain.endswith(pattern[1:])
    if pattern.endswith(".*"):
        return domain.startswith(pattern[:-1])
    return pattern == domain


class Statement(Section):
    """A statement of the app monitor's resource policy; it is always about PutRumEvents on this monitor."""

    effect: Literal["Allow", "Deny"] = Field("Allow", description="What the statement does.")
    principal: str = Field(
        "*", min_length=1, description='"*" admits unsigned requests too; else an ARN of the same account.'
    )
    condition: dict[str, dict[str, tuple[str, ...]]] = Field(
        {}, description='Operator → key → values, such as { StringEquals = { "rum:alias" = ["demo"] } }.'
    )


class Monitor(Section):
    """A CloudWatch RUM app monitor and what its pages collect; `monitors apply` changes only stated members."""

    name: str = Field(
        "loadgen",
        pattern=f"^{NAME.pattern}$",
        max_length=255,
        description="The app monitor's name (the RUM API's pattern, written without look-ahead).",
    )
    domain: str = Field(
        "shop.example.com",
        min_length=1,
        max_length=253,
        description="The site's host name, as in the monitor's domain and in every URL of the traffic.",
    )
    domains: Annotated[tuple[Domain, ...], Field(min_length=1, max_length=5)] | None = Field(
        None,
        description='All domains of the app monitor (DomainList), such as ["shop.example.com", "*.example.org"], among '
        "them the site's own. If stated, `monitors apply` removes any other; if not, it adds `domain` alone.",
    )
    sample_rate: Share = Field(
        1.0, description="Share of sessions that send anything. The web client's default is 1, the RUM API's is 0.1."
    )
    telemetries: tuple[Telemetry, ...] = Field(
        ("errors", "performance", "http"),
        description="What the client records besides page views; the web client's default set. "
        '"interaction" adds dom events; "replay" adds session recordings (rrweb events), which are most of the bytes.',
    )
    custom_events: bool = Field(
        False, description="Accept and send custom events (CustomEvents.Status; the RUM API's default is DISABLED)."
    )
    version: str = Field(
        "1.0.0", min_length=1, description="The application's version, sent as AppMonitorDetails.version."
    )
    tags: dict[str, str] = Field({}, description="Tags of the app monitor; other tags that it has stay.")
    logs: bool | None = Field(None, description="Copy events to CloudWatch Logs (CwLogEnabled).")
    included_pages: PagePatterns | None = Field(None, description="Collect events on these URLs alone.")
    excluded_pages: PagePatterns | None = Field(None, description="Collect events on all URLs but these.")
    favorite_pages: PagePatterns | None = Field(None, description="Pages marked in the console.")
    identity_pool: str | None = Field(
        None,
        pattern=r"^[\w-]+:[0-9a-f-]+$",
        max_length=55,
        description="Cognito identity pool whose guests may send events, as region:UUID.",
    )
    guest_role: str | None = Field(
        None, pattern="^arn:", description="Role of the identity pool's guests, for the basic flow."
    )
    source_maps: str | None = Field(
        None,
        pattern="^(s3://.+)?$",
        max_length=1024,
        description="S3 URI of the source maps that make stack traces of minified code readable; empty: none are used.",
    )
    metrics: Annotated[tuple[Metric, ...], Field(max_length=2000)] | None = Field(
        None, description="Extended and custom metrics sent to CloudWatch; if stated, `apply` removes all others."
    )
    policy: tuple[Statement, ...] | None = Field(
        None, description="The resource policy's statements; an empty list: the monitor has no policy."
    )

    @model_validator(mode="after")
    def _check_whole(self) -> Monitor:
        if self.domains and not any(covers_domain(each, self.domain) for each in self.domains):
            raise ValueError(f'the site\'s own domain "{self.domain}" is not among domains; add it, or change domain')
        if self.included_pages and self.excluded_pages:
            raise ValueError("RUM takes either included_pages or excluded_pages; leave one of them out, or empty")
        return self

    def rename(self, name: str) -> Monitor:
        """Return the app monitor under another name; ScenarioError if RUM does not admit the name."""
        if len(name) > 255 or not NAME.fullmatch(name):
            raise ScenarioError(
                f'app monitor name "{name}" does not fit; write at most 255 letters, digits, "-", ".", "_" and "#", '
                'not beginning with "."'
            )
        return self.model_copy(update={"name": name})

    @property
    def stated(self) -> frozenset[str]:
        """The names of the members that the scenario file states."""
        return frozenset(self.model_fields_set)

    def collects(self, telemetry: Telemetry) -> bool:
        """Whether the client records this family of events."""
        return telemetry in self.telemetries
