"""Further app monitors of the account: they share its quota of requests."""

from __future__ import annotations

from pydantic import Field

from loadgen.scenario.arrivals import Arrivals
from loadgen.scenario.client import Client
from loadgen.scenario.monitor import Monitor
from loadgen.scenario.part import Part


class Neighbour(Part):
    """A site of the same pages and people, under an app monitor and a load of its own; incidents pass it by."""

    monitor: Monitor = Field(description="Its app monitor; give it a name of its own.")
    arrivals: Arrivals = Field(description="When its sessions start.")
    client: Client | None = Field(None, description="Its web client's settings. Default: the scenario's.")
