"""What goes wrong during a run: a list of incidents, each with start, ramp, length and the visitors that it can hit.

Rule: an incident grows over its ramp, holds for its length, and shrinks over a ramp of the same time. While an incident
grows it hits more and more of the visitors whom it can hit, up to its share; its effect on a visitor does not change.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from loadgen.scenario.population import Browser, Device
from loadgen.scenario.problems import Country, Factor, Seconds, Section, Share


class Incident(Section):
    """The base of all incidents: when an incident happens, and whom it can hit."""

    name: str = Field(min_length=1, max_length=100, description="The incident's name in the ground truth.")
    at: Seconds = Field(description="When the incident begins, from the run's zero.")
    ramp: Seconds = Field(0.0, description="Time in which the incident grows, and in which it shrinks at the end.")
    length: Seconds = Field(300.0, gt=0, description="Time at full strength, between the ramps.")
    countries: tuple[Country, ...] = Field((), description="It hits visitors from these countries alone; default all.")

    kind: str = Field(description="What happens.")

    @property
    def end(self) -> float:
        """When the incident is over, in seconds from the run's zero."""
        return self.at + self.length + 2 * self.ramp


class Targeted(Incident):
    """The base of incidents that can be limited to some visitors or pages."""

    devices: tuple[Device, ...] = Field((), description="It hits visitors on these devices alone; default all.")
    browsers: tuple[Browser, ...] = Field((), description="It hits visitors with these browsers alone; default all.")
    pages: tuple[str, ...] = Field((), description="It hits views of these pages alone; default all.")
    share: Share = Field(1.0, gt=0, description="Share of these visitors whom it hits at full strength.")


class ErrorRelease(Targeted):
    """A release that throws an error."""

    kind: Literal["error"] = Field(description="What happens.")
    type: str = Field("TypeError", min_length=1, description="Type of the error.")
    message: str = Field(
        "Cannot read properties of undefined (reading 'total')", min_length=1, description="The error's message."
    )
    rejected: bool = Field(False, description="The error comes as a rejected promise that no code handles.")
    per_view: Share = Field(0.5, gt=0, description="Probability in one page view of a visitor who is hit.")


class SlowApi(Targeted):
    """Slow API calls, of which a share fails."""

    kind: Literal["slow_api"] = Field(description="What happens.")
    path: str = Field("/", pattern="^/", description="It hits calls whose path, as in the scenario, begins with this.")
    times: Factor = Field(8.0, description="Factor on the server's part of a call's time.")
    failing: Share = Field(0.0, description="Share of those calls that fail with `status`.")
    status: int = Field(503, ge=400, le=599, description="HTTP status of the failing calls.")


class Outage(Targeted):
    """A content delivery network that serves files slowly: pages paint late, files take long."""

    kind: Literal["cdn_outage"] = Field(description="What happens.")
    times: Factor = Field(5.0, description="Factor on rendering times and on the fetch of files.")


class LayoutShift(Targeted):
    """A third party's script that breaks the layout."""

    kind: Literal["layout_shift"] = Field(description="What happens.")
    shift: float = Field(0.35, gt=0, le=100, description="Cumulative layout shift that the script adds to a page load.")
    element: str = Field("#ad-top", min_length=1, description="Selector of the element that moves.")


class Spike(Incident):
    """More visitors than usual."""

    kind: Literal["spike"] = Field(description="What happens.")
    times: float = Field(5.0, ge=0, le=1000, description="Factor on the rate of visitors (of these countries).")


AnyIncident = Annotated[ErrorRelease | SlowApi | Outage | LayoutShift | Spike, Field(discriminator="kind")]
