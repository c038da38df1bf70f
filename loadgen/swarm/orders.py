"""What a run is asked to do, as it travels from the master to its workers: a worker needs no file of its own."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any, Literal
from urllib.parse import SplitResult, urlsplit

from loadgen import wire
from loadgen.errors import LoadgenError
from loadgen.model import Noun
from loadgen.scenario import Scenario, load, parse


class Orders(Noun):
    """One run: the scenario's text, what the options change in it, and where it goes."""

    file: str
    text: str
    duration: float | None
    rate: float
    sample_rate: float | None
    seed: int
    pace: float  # scenario seconds in a second; inf: as fast as possible
    url: str
    monitor_id: str
    region: str
    dialect: Literal["web", "sdk"]
    unsigned: bool
    timeout: float
    max_events: int | None

    @property
    def scenario(self) -> Scenario:
        """The scenario as it is run."""
        return parse(self.text, self.file).adjusted(
            duration=self.duration, rate=self.rate, sample_rate=self.sample_rate
        )

    @property
    def origin(self) -> SplitResult:
        """The target's URL in its parts."""
        return urlsplit(self.url)

    def destination(self, scenario: Scenario) -> wire.Destination:
        """What every batch is addressed to."""
        return wire.Destination.of(
            scenario,
            self.monitor_id,
            self.origin.netloc,
            prefix=self.origin.path.rstrip("/"),
            dialect=self.dialect,
        )


class Share(Noun):
    """One worker's part of a run."""

    index: int
    of: int
    zero: float  # Unix time of the run's zero
    orders: Orders
    spool: str | None = None  # where to keep records, on the conductor's machine
    machine: str = ""

    @property
    def max_events(self) -> int | None:
        """This worker's part of the budget of events; the parts add up to it."""
        budget = self.orders.max_events
        return None if budget is None else budget // self.of + (self.index < budget % self.of)


def orders_of(options: Any, url: str | None) -> Orders:
    """The orders that Locust's options give; `url` is its --host."""
    for name, value in (("--scenario", options.scenario), ("--monitor-id", options.monitor_id), ("--host", url)):
        if not value:
            raise LoadgenError(f"{name} is missing")
    scenario = load(Path(options.scenario))
    seed = next((seed for seed in (options.seed, scenario.seed) if seed is not None), secrets.randbits(32))
    return Orders(
        file=options.scenario,
        text=Path(options.scenario).read_text(encoding="utf-8"),
        duration=options.duration,
        rate=options.rate,
        sample_rate=options.sample_rate,
        seed=seed,
        pace=options.pace,
        url=str(url),
        monitor_id=options.monitor_id,
        region=options.region,
        dialect=options.dialect,
        unsigned=options.unsigned or not scenario.client.signing,
        timeout=options.timeout,
        max_events=options.max_events,
    )
