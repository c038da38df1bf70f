"""The app monitor that receives the traffic."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from loadgen.scenario.part import Part, Share

Telemetry = Literal["errors", "performance", "http", "interaction"]


class Monitor(Part):
    """A CloudWatch RUM app monitor and what its pages collect."""

    name: str = Field(
        "loadgen",
        pattern=r"^[-_#A-Za-z0-9][-._#A-Za-z0-9]*$",
        max_length=255,
        description="The app monitor's name (the RUM API's pattern, written without look-ahead).",
    )
    domain: str = Field(
        "shop.example.com",
        min_length=1,
        max_length=253,
        description="The site's host name, as in the monitor's domain and in every URL of the traffic.",
    )
    sample_rate: Share = Field(
        1.0, description="Share of sessions that send anything. The web client's default is 1, the RUM API's is 0.1."
    )
    telemetries: tuple[Telemetry, ...] = Field(
        ("errors", "performance", "http"),
        description="What the client records besides page views; the web client's default set. "
        '"interaction" adds dom events.',
    )
    custom_events: bool = Field(
        False, description="Accept and send custom events (CustomEvents.Status; the RUM API's default is DISABLED)."
    )
    version: str = Field(
        "1.0.0", min_length=1, description="The application's version, sent as AppMonitorDetails.version."
    )
    tags: dict[str, str] = Field({}, description="Tags of the app monitor when it is created.")

    def collects(self, telemetry: Telemetry) -> bool:
        """Whether the client records this family of events."""
        return telemetry in self.telemetries
