"""One worker's share of a run, as it travels from the master: a worker needs no file of its own."""

from __future__ import annotations

from urllib.parse import urlsplit

from loadgen import wire
from loadgen.model import Noun
from loadgen.results import RunSpec
from loadgen.swarm.feeder import Job, Monitored


class WorkerShare(Noun):
    """Every session whose index is `index` modulo `of`."""

    index: int
    of: int
    zero: float  # Unix time of the run's zero
    spec: RunSpec
    spool: str | None = None  # where to keep records, on the conductor's machine
    machine: str = ""
    ahead: float = 0.0  # seconds by which the worker's clock is ahead of the conductor's

    @property
    def max_events(self) -> int | None:
        """This worker's part of the budget of events; the parts add up to it."""
        budget = self.spec.max_events
        return None if budget is None else budget // self.of + (self.index < budget % self.of)

    @property
    def job(self) -> Job:
        """What this worker is to send."""
        spec = self.spec
        return Job(aim_at_monitors(spec), self.zero, spec.factor, self.max_events, self.index, self.ahead, spec.accept)


def aim_at_monitors(spec: RunSpec) -> tuple[Monitored, ...]:
    """What goes to each app monitor, and how it is addressed."""
    target = urlsplit(spec.url)
    prefix = target.path.rstrip("/")
    return tuple(
        Monitored(
            scenario,
            wire.Destination.for_scenario(
                scenario, to.id, target.netloc, prefix=prefix, dialect=wire.DIALECTS[spec.dialect]
            ),
            scenario.client.signing and not spec.unsigned,
        )
        for scenario, to in zip(spec.scenarios, spec.monitors, strict=True)
    )
