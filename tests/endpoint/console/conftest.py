"""A storefront's traffic in an endpoint, and a console over it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

import loadgen
from loadgen.scenario import Scenario
from tests.endpoint.conftest import Caller
from tests.endpoint.console.looking import Looker, Seen, see


class Shop(msgspec.Struct):
    """A monitor with a storefront's traffic, its console, and the same events by plain means."""

    monitor: str
    looker: Looker
    seen: list[Seen]
    start: int  # ms of the first event
    end: int  # just after the last event

    def view(self, name: str, **more: Any) -> Any:
        """A view of the whole time unless another one is given."""
        return self.looker.view(name, **{"monitor": self.monitor, "from": self.start, "to": self.end, **more})


@pytest.fixture(scope="session")
def shop() -> Iterator[Shop]:
    caller = Caller(retention=1e9)
    enabled: dict[str, Any] = {"CustomEvents": {"Status": "ENABLED"}}
    monitor, other = caller.monitor(**enabled), caller.monitor("other", **enabled)
    scenario = Scenario.load("storefront")
    client = scenario.client.model_copy(update={"recordAllRequests": True})
    bodies = list(loadgen.generate(scenario.model_copy(update={"client": client}), sessions=60, seed=7))
    for body in bodies:
        assert caller.put(monitor, body).status == 200
    caller.put(other, bodies[0])
    looker = Looker(caller)
    seen = list(see(bodies))
    times = [event.ms for event in seen]
    yield Shop(monitor, looker, seen, min(times), max(times) + 1)
    looker.close()


@pytest.fixture
def looker(caller: Caller) -> Iterator[Looker]:
    """A console over an empty endpoint."""
    made = Looker(caller)
    yield made
    made.close()
