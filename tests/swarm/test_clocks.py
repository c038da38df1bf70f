"""A worker's clock is told to within half of the quickest round trip, whichever way the delay lies."""

from __future__ import annotations

import random

import pytest

from loadgen.swarm import clocks
from loadgen.swarm.clocks import Clocks, Offset, Trip, describe_offset
from loadgen.swarm.messages import pack


class Wire:
    """Workers behind delays there and back, in simulated time; `skew` is how far their clocks are ahead."""

    def __init__(self, skew: dict[str, float], delay: tuple[float, float], seed: int = 1) -> None:
        self.at = 1_795_000_000.0
        self.clocks = Clocks(lambda: self.at)
        self._skew, self._delay = skew, delay
        self._draw = random.Random(seed)

    def tell(self, kind: str, data: dict[str, bytes], worker: str) -> None:
        there, back = (self._draw.uniform(*self._delay) for _ in range(2))
        left = self.at
        self.at += there + back
        self.clocks.receive_pong(worker, pack(Trip(left, left + there + self._skew[worker])))


@pytest.mark.parametrize("skew", [0.0, 3.2, -45.0, 0.004])
@pytest.mark.parametrize("seed", range(5))
def test_the_skew_is_told_to_within_half_of_the_quickest_trip(skew: float, seed: int) -> None:
    wire = Wire({"a": skew, "b": -skew}, (0.0002, 0.03), seed)
    wire.clocks.measure(wire.tell, ["a", "b"])
    for worker, truth in (("a", skew), ("b", -skew)):
        offset = wire.clocks.find_offset(worker)
        assert offset is not None
        assert abs(offset.ahead - truth) <= offset.within + 1e-6 < 0.031


def test_clocks_that_cannot_be_told_apart_are_left_alone() -> None:
    assert Offset(0.0004, 0.0005).known == 0.0
    assert Offset(-0.9, 0.0005).known == -0.9


def test_a_worker_that_does_not_answer_is_not_waited_for_long() -> None:
    at = 0.0

    def now() -> float:
        nonlocal at
        at += 0.3
        return at

    silent = Clocks(now)
    silent.measure(lambda *_: None, ["a"])
    assert silent.find_offset("a") is None
    assert "worker 3 did not answer with its clock" in str(describe_offset(3, silent.find_offset("a")))


def test_only_what_matters_is_said() -> None:
    assert describe_offset(0, Offset(clocks.WORTH_TELLING / 2, 0.001)) is None
    assert "worker 1's clock was 3.200 s ahead of ours (± 1.0 ms)" in str(describe_offset(1, Offset(3.2, 0.001)))
    assert "0.500 s behind ours" in str(describe_offset(1, Offset(-0.5, 0.001)))
