"""What goes wrong during a run: a timed list of incidents, each with start, ramp, length and who is hit.

Rule: an incident grows over its ramp, holds for its length, and shrinks over the same ramp. Growing means that it hits
more of the visitors whom it can hit, up to its share; the effect on a visitor who is hit does not change.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from loadgen.scenario.population import Browser, Device
from loadgen.scenario.problems import Country, Factor, Seconds, Section, Share


class Incident(Section):
    """When it happens, and whom it can hit."""

    name: str = Field(min_length=1, max_length=100, description="Its name in the ground truth.")
    at: Seconds = Field(description="When it begins, from the run's zero.")
    ramp: Seconds = Field(0.0, description="Time in which it grows, and in which it goes again.")
    length: Seconds = Field(300.0, gt=0, description="Time at full strength, between the ramps.")
    countries: tuple[Country, ...] = Field((), description="Visitors from these countries alone; default all.")

    kind: str = Field(description="What happens.")

    @property
    def end(self) -> float:
        """When it is over, in seconds from the run's zero."""
        return self.at + self.length + 2 * self.ramp


class Targeted(Incident):
    """An incident that hits some visitors or pages and not others."""

    devices: tuple[Device, ...] = Field((), description="On these devices alone; default all.")
    browsers: tuple[Browser, ...] = Field((), description="With these browsers alone; default all.")
    pages: tuple[str, ...] = Field((), description="On these pages alone; default all.")
    share: Share = Field(1.0, gt=0, description="Share of the visitors so chosen who are hit at full strength.")


class ErrorRelease(Targeted):
    """A release that throws an error."""

    kind: Literal["error"] = Field(description="What happens.")
    type: str = Field("TypeError", min_length=1, description="Type of the error.")
    message: str = Field(
        "Cannot read properties of undefined (reading 'total')", min_length=1, description="What it says."
    )
    rejected: bool = Field(False, description="It comes as a promise that is rejected and that nobody catches.")
    per_view: Share = Field(0.5, gt=0, description="Probability in one page view of a visitor who is hit.")


class SlowApi(Targeted):
    """API calls that take long, and some that fail."""

    kind: Literal["slow_api"] = Field(description="What happens.")
    path: str = Field("/", pattern="^/", description="Calls whose path, as the scenario writes it, begins like this.")
    times: Factor = Field(8.0, description="Factor on the server's part of a call's time.")
    failing: Share = Field(0.0, description="Share of those calls that end with the status below.")
    status: int = Field(503, ge=400, le=599, description="HTTP status of the failing calls.")


class Outage(Targeted):
    """A content delivery network that serves files slowly: pages paint late, files take long."""

    kind: Literal["cdn_outage"] = Field(description="What happens.")
    times: Factor = Field(5.0, description="Factor on rendering times and on the fetch of files.")


class LayoutShift(Targeted):
    """A third party's script that breaks the layout."""

    kind: Literal["layout_shift"] = Field(description="What happens.")
    shift: float = Field(0.35, gt=0, le=100, description="Cumulative layout shift that it adds to a page load.")
    element: str = Field("#ad-top", min_length=1, description="What it moves, as a selector.")


class Spike(Incident):
    """More visitors than usual."""

    kind: Literal["spike"] = Field(description="What happens.")
    times: float = Field(5.0, ge=0, le=1000, description="Factor on the rate of visitors (of these countries).")


AnyIncident = Annotated[ErrorRelease | SlowApi | Outage | LayoutShift | Spike, Field(discriminator="kind")]
