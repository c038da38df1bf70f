"""A browser has one session cookie: its user's next session begins when the last one has expired."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadgen.planned import planned
from loadgen.scenario import Scenario
from loadgen.traffic.arrivals import make_arrivals_law
from loadgen.traffic.draws import BLOCK, TICKS
from loadgen.traffic.returns import Returns
from tests.paths import FIXTURES, SCENARIOS
from tests.traffic.look import SMALL, small

SHIPPED = [*sorted(SCENARIOS.glob("*.toml")), FIXTURES / "everything.toml"]
TABS = "new_tab = 1\nbfcache = 0.5\n"
SLOWED = """
[[incidents]]
kind = "cdn_outage"
name = "CDN"
at = 0
length = 100_000
times = 40

[[incidents]]
kind = "spike"
name = "newsletter"
at = 5
times = 30
"""
NOBODY = np.zeros(BLOCK, dtype=bool)

Visit = tuple[str, float, float]  # user, start, end


def draw_visits(scenario: Scenario, seed: int, blocks: int) -> list[Visit]:
    """The visits of a run's first blocks in order of start."""
    law, found = make_arrivals_law(scenario, seed), list[Visit]()
    for part in islice(law.split_starts(), blocks):
        draws = law.blocks.draw(part.number, part.start, NOBODY)
        end = part.start + draws.time.find_session_ends(draws.walk.begins) / TICKS
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
    for number, scenario in enumerate(Scenario.load(str(path)).monitors):
        count_returns(draw_visits(scenario, 1 + number, 60), scenario.client.sessionLengthSeconds)


@settings(max_examples=12, deadline=None)
@given(
    rate=st.sampled_from((0.002, 0.02, 0.3)),
    hours=st.sampled_from((0.2, 6.0, 48.0)),
    returning=st.floats(0.1, 1.0),
    again=st.sampled_from((0.0, 0.5, 1.0)),
    visitors=st.sampled_from((1, 40, 3000)),
    session_length=st.sampled_from((0.001, 60.0, 1800.0)),
    more=st.sampled_from(("", TABS, SLOWED)),
    seed=st.integers(0, 10),
)
def test_nobody_is_in_two_sessions_of_any_scenario(
    rate: float,
    hours: float,
    returning: float,
    again: float,
    visitors: int,
    session_length: float,
    more: str,
    seed: int,
) -> None:
    """With two tabs, and with days, crowds and incidents that keep visitors longer."""
    people = f"[population]\nreturning = {returning}\nagain = {again}\nvisitors = {visitors}\n{more}"
    scenario = small(people, sessionLengthSeconds=session_length).adjust(rate=rate, duration=hours * 3600)
    count_returns(draw_visits(scenario, seed, 8), session_length)


@settings(max_examples=8, deadline=None)
@given(
    members=st.integers(1, 400),
    pause=st.sampled_from((0.5, 120.0, 3000.0)),
    session_length=st.sampled_from((0.001, 60.0, 1800.0)),
    new_tab=st.sampled_from((0.0, 1.0)),
)
def test_nobody_is_in_two_sessions_of_a_closed_population(
    members: int, pause: float, session_length: float, new_tab: float
) -> None:
    text = SMALL.replace("rate = 10", f"visitors = {members}\npause = {pause}")
    scenario = Scenario.parse(f"{text}\n[population]\nnew_tab = {new_tab}\n", "small.toml").adjust(duration=7200)
    client = scenario.client.model_copy(update={"sessionLengthSeconds": session_length})
    count_returns(draw_visits(scenario.model_copy(update={"client": client}), 1, 8), session_length)


def test_the_visits_of_a_user_do_not_overlap_as_sent() -> None:
    """By the events of batches, with everything on and 30 people who come back all the time.

    Within a visit whose session expires, the client may send a CLS of before under the new session.
    """
    scenario = Scenario.load(FIXTURES / "everything.toml").adjust(rate=0.005, duration=40_000)
    people = scenario.population.model_copy(update={"visitors": 30, "returning": 1.0})
    client = scenario.client.model_copy(update={"sessionLengthSeconds": 60.0})
    visits, sessions = list[Visit](), set[str]()
    for visit, plan in planned(scenario.model_copy(update={"population": people, "client": client}), 1):
        times = [batch.start + event.at for batch in plan.batches for event in batch.events]
        visits.append((visit.visitor.user_id, visit.start, max(times, default=visit.start)))
        ids = {batch.session_id for batch in plan.batches}
        assert ids.isdisjoint(sessions)
        assert {batch.user_id for batch in plan.batches} <= {visit.visitor.user_id}
        sessions |= ids
    assert count_returns(visits, 60.0) > 20


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
