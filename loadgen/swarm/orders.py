"""What a run is asked to do, as it travels from the master to its workers: a worker needs no file of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from loadgen import wire
from loadgen.errors import LoadgenError
from loadgen.model import Noun
from loadgen.results import AppMonitor
from loadgen.results.summarize import check_stages
from loadgen.scenario import Scenario, load, parse, resolve_seed
from loadgen.swarm.feeder import Monitored


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
    monitors: tuple[AppMonitor, ...]  # in the order of the scenario
    region: str
    dialect: str
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

    @property
    def monitored(self) -> tuple[Monitored, ...]:
        """What goes to each app monitor, and how it is addressed."""
        return tuple(
            Monitored(scenario, self._destination(scenario, to), scenario.client.signing and not self.unsigned)
            for scenario, to in zip(self.scenario.monitors, self.monitors, strict=False)
        )

    def _destination(self, scenario: Scenario, to: AppMonitor) -> wire.Destination:
        prefix = self.origin.path.rstrip("/")
        return wire.Destination.of(
            scenario, to.id, self.origin.netloc, prefix=prefix, dialect=wire.DIALECTS[self.dialect]
        )


class WorkerShare(Noun):
    """One worker's part of a run."""

    index: int
    of: int
    zero: float  # Unix time of the run's zero
    orders: Orders
    spool: str | None = None  # where to keep records, on the conductor's machine
    machine: str = ""
    ahead: float = 0.0  # seconds by which the worker's clock is ahead of the conductor's

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
    check_stages(options.scenario, scenario, options.pace)
    seed = resolve_seed(scenario, options.seed)
    return Orders(
        file=options.scenario,
        text=Path(options.scenario).read_text(encoding="utf-8"),
        duration=options.duration,
        rate=options.rate,
        sample_rate=options.sample_rate,
        seed=seed,
        pace=options.pace,
        url=str(url),
        monitors=app_monitors(options.monitor_id, scenario, alone=bool(options.find_limit)),
        region=options.region,
        dialect=options.dialect,
        unsigned=options.unsigned,
        timeout=options.timeout,
        max_events=options.max_events,
    )


def app_monitors(given: str, scenario: Scenario, alone: bool) -> tuple[AppMonitor, ...]:
    """The ids of `--monitor-id` with the scenario's names, unless they are given as NAME=UUID; `alone`: the first."""
    names = [each.monitor.name for each in scenario.monitors][: 1 if alone else None]
    ids = given.split(",")
    if len(ids) != len(names):
        raise LoadgenError(
            f"--monitor-id: {len(ids)} given, and the scenario has {len(names)} app monitor(s): {', '.join(names)}; "
            "give the id of each in this order, between commas"
        )
    pairs = (each.rpartition("=") for each in ids)
    return tuple(AppMonitor(called or name, its) for (called, _, its), name in zip(pairs, names, strict=True))
