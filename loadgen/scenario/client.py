"""The web client's settings, under its own names and with its own defaults (aws-rum-web 3.2.1).

Source: packages/core/src/orchestration/Orchestration.ts.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from loadgen.scenario.section import Section


class Client(Section):
    """How the site's pages configure the RUM web client."""

    allowCookies: bool = Field(
        True,
        description="Keep user and session id in cookies. The client's own default, false: a session a full load.",
    )
    sessionEventLimit: int = Field(200, ge=0, description="Events a session may record; 0 is no limit.")
    sessionLengthSeconds: float = Field(1800, gt=0, description="Seconds without an event after which a session ends.")
    eventCacheSize: int = Field(1000, ge=1, description="Events that wait for dispatch; newer ones are dropped.")
    batchLimit: int = Field(100, ge=1, description="Events in one PutRumEvents call.")
    dispatchInterval: int = Field(5000, ge=0, description="Milliseconds between dispatches; 0 leaves only page hides.")
    useBeacon: bool = Field(True, description="Send by beacon when the page is hidden.")
    retries: int = Field(2, ge=0, description="Further attempts after 429, 5xx or no answer, after 2 s, 4 s, …")
    retryAfter: Literal["ignore", "honour"] = Field(
        "ignore", description="The web client ignores Retry-After; an SDK waits at least that long before it retries."
    )
    enableXRay: bool = Field(False, description="Record a trace for every fetch and XHR.")
    recordAllRequests: bool = Field(False, description="Record http events for successful requests too.")
    recordResourceUrl: bool = Field(True, description="Keep the URL in resource events.")
    resourceEventLimit: int = Field(10, ge=0, description="Image and other resources recorded per page load.")
    stackTraceLength: int = Field(1000, ge=0, description="Characters of a stack trace kept in js errors.")
    compression: bool = Field(True, description="gzip bodies of 2048 characters and more when it saves a fifth.")
    releaseId: str | None = Field(None, description="Sent as aws:releaseId in the session's metadata.")
    alias: str | None = Field(None, description="Sent as Alias, for resource policies with rum:alias.")
    signing: bool = Field(True, description="Sign requests; false for monitors whose policy admits unsigned ones.")
