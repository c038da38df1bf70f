"""A browser has one session cookie: its user's next session begins when the last one has expired."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadgen.scenario import Scenario, load
from loadgen.traffic.arrivals import make_arrivals_law
from loadgen.traffic.draws import BLOCK, TICKS
from loadgen.traffic.returns import Returns
from tests.paths import SCENARIOS
from tests.traffic.look import small

SHIPPED = sorted(SCENARIOS.glob("*.toml"))
NOBODY = np.zeros(BLOCK, dtype=bool)

Visit = tuple[str, float, float]  # user, start, end


def draw_visits(scenario: Scenario, seed: int, blocks: int) -> list[Visit]:
    """The visits of a run's first blocks in order of start."""
    law, found = make_arrivals_law(scenario, seed), list[Visit]()
    for part in islice(law.split_starts(), blocks):
        draws = law.blocks.draw(part.number, part.start, NOBODY)
        end = part.start + draws.time.end[draws.walk.begins[1:] - 1] / TICKS
        there = np.flatnonzero(part.session >= 0).tolist()
        found += [(draws.people.user[row], float(part.start[row]), float(end[row])) for row in there]
    return sorted(found, key=lambda visit: visit[1])


def count_returns(visits: list[Visit], session_length: float) -> int:
    """How many visits are those of a user seen before; each of them must begin after the last one has expired."""
    expired: dict[str, float] = {}
    returns = 0
    for user, start, end in visits:
        assert expired.get(user, start) <= start
        returns += user in expired
        expired[user] = end + session_length
    return returns


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_nobody_is_in_two_sessions_of_a_shipped_scenario(path: object) -> None:
    scenario = load(str(path))
    count_returns(draw_visits(scenario, 1, 60), scenario.client.sessionLengthSeconds)


@settings(max_examples=12, deadline=None)
@given(
    rate=st.sampled_from((0.002, 0.02, 0.3)),
    hours=st.sampled_from((0.2, 6.0, 48.0)),
    returning=st.floats(0.1, 1.0),
    again=st.sampled_from((0.0, 0.5, 1.0)),
    visitors=st.sampled_from((1, 40, 3000)),
    session_length=st.sampled_from((0.001, 60.0, 1800.0)),
    seed=st.integers(0, 10),
)
def test_nobody_is_in_two_sessions_of_any_scenario(
    rate: float, hours: float, returning: float, again: float, visitors: int, session_length: float, seed: int
) -> None:
    people = f"[population]\nreturning = {returning}\nagain = {again}\nvisitors = {visitors}\n"
    scenario = small(people, sessionLengthSeconds=session_length).adjust(rate=rate, duration=hours * 3600)
    count_returns(draw_visits(scenario, seed, 8), session_length)


def test_known_visitors_come_back_in_a_long_run() -> None:
    """Two days with 200 people: of the returning visits, 80 % are theirs, and all but the first of each seen before."""
    scenario = small("[population]\nreturning = 0.5\nvisitors = 200\n").adjust(rate=0.001, duration=172_800)
    visits = draw_visits(scenario, 1, 14)
    assert count_returns(visits, 1800.0) + 200 > 0.8 * 0.5 * len(visits)


def test_a_visit_is_apart_from_the_last_draw_of_its_visitor_whatever_blocks_were_asked_before() -> None:
    """10 visits a second of 500 people, an hour and a minute apart; blocks in order, in leaps, and back again."""
    begun = np.arange(0, 9000, 0.1)

    def draw_keys(block: int, at: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.random.default_rng(block).integers(-1, 20000, len(at))

    def ask(returns: Returns, block: int) -> list[bool]:
        starts = returns.get_starts(block)
        answer: list[bool] = returns.are_apart(block, starts, draw_keys(block, starts)).tolist()
        return answer

    ordered, leaping = Returns(draw_keys, 60.0), Returns(draw_keys, 60.0)
    ordered.begun = leaping.begun = begun
    whole = [ask(ordered, block) for block in range(300)]
    assert 0 < np.mean(whole[250:]) < 0.9
    assert [ask(leaping, block) for block in (7, 250, 299, 3, 120)] == [whole[block] for block in (7, 250, 299, 3, 120)]
