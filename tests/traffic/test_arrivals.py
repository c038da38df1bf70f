"""A closed population: the same visitors come again, one visit at a time."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest

from loadgen import traffic
from loadgen.errors import ScenarioError
from loadgen.model import Session
from loadgen.scenario import Scenario
from tests.traffic.conftest import SEED
from tests.traffic.look import SMALL

VISITORS = 300


def club(more: str = "", visitors: int = VISITORS, session_length: float = 0.001) -> Scenario:
    """Sessions that have expired when their visitor comes back: each visit of one visitor has the same user."""
    client = f"[client]\nsessionLengthSeconds = {session_length}\n"
    arrivals = f"{client}[arrivals]\nvisitors = {visitors}\npause = 120\n{more}\n"
    return Scenario.parse(
        SMALL.replace("[arrivals]\nrate = 10\n", arrivals).replace("duration = 20", "duration = 1200"), "club.toml"
    )


@pytest.fixture(scope="module")
def visits() -> list[Session]:
    return list(traffic.draw_sessions(club(), SEED))


def test_so_many_visitors_come_again_and_again(visits: list[Session]) -> None:
    people = defaultdict(list)
    for session in visits:
        people[session.visitor.user_id].append(session)
    assert VISITORS - 2 <= len(people) <= VISITORS  # a first pause may outlast the run
    assert len(visits) > 3 * VISITORS
    for mine in people.values():
        assert len({each.visitor.country for each in mine}) == 1
        assert all(each.visitor.returning for each in mine[1:])


def test_a_visitor_makes_one_visit_at_a_time(visits: list[Session]) -> None:
    """Pauses between visits have the mean, within 10 %: those of the first half, which the end does not cut."""
    people, pauses = defaultdict(list), []
    for session in visits:
        people[session.visitor.user_id].append(session)
    for mine in people.values():
        gaps = [(before.start + before.loads[-1].hides[-1], after.start) for before, after in pairwise(mine)]
        pauses += [begin - end for end, begin in gaps if end < 600]
    assert min(pauses) > -1e-5
    assert np.mean(pauses) == pytest.approx(120, rel=0.1)


def test_who_comes_back_before_the_session_has_expired_is_another_user() -> None:
    """Of the visits after a visitor's first, those are the same user's whose pause is above 60 s: exp(-60/120)."""
    visits = list(traffic.draw_sessions(club(session_length=60.0), SEED))
    ends: dict[str, float] = {}
    for session in visits:
        assert session.start - ends.get(session.visitor.user_id, -60.0) >= 60 - 1e-5
        ends[session.visitor.user_id] = session.start + session.loads[-1].hides[-1]
    assert (len(visits) - len(ends)) / (len(visits) - VISITORS) == pytest.approx(np.exp(-0.5), abs=0.06)


def test_sessions_are_numbered_in_the_order_of_their_start(visits: list[Session]) -> None:
    assert [session.index for session in visits] == list(range(len(visits)))
    assert all(before.start <= after.start for before, after in pairwise(visits))
    assert visits[-1].start < 1200
    assert traffic.draw_starts(club(), SEED).tolist() == [session.start for session in visits]


def test_the_shares_together_are_the_visits_of_one(visits: list[Session]) -> None:
    parts = [list(traffic.draw_sessions(club(), SEED, (worker, 3))) for worker in range(3)]
    assert sorted((each for part in parts for each in part), key=lambda each: each.index) == visits
    assert all(before.index < after.index for part in parts for before, after in pairwise(part))


def test_keys_differ_from_visit_to_visit(visits: list[Session]) -> None:
    assert len({session.key for session in visits}) == len(visits)


def test_the_mean_rate_is_that_of_the_visits(visits: list[Session]) -> None:
    """Within 12 %: visits are of very different lengths."""
    assert traffic.compute_mean_rate(club()).expected == pytest.approx(len(visits), rel=0.12)
    assert traffic.describe(club()).sessions == traffic.compute_mean_rate(club()).expected


def test_a_factor_on_the_arrivals_is_one_on_the_visitors() -> None:
    assert club().adjust(rate=0.5).arrivals.visitors == VISITORS // 2


def test_incidents_hit_a_closed_population_too(visits: list[Session]) -> None:
    incident = '[[incidents]]\nkind = "cdn_outage"\nname = "it"\nat = 300\nlength = 100\n'
    scenario = Scenario.parse(SMALL.replace("[arrivals]\nrate = 10\n", f"[arrivals]\nvisitors = {VISITORS}\n").replace(
        "duration = 20", "duration = 600") + incident, "club.toml")  # fmt: skip
    truth = {hit.session: hit for hit in traffic.find_hits(scenario, SEED)}
    sessions = {session.index: session for session in traffic.draw_sessions(scenario, SEED)}
    assert len(truth) > 50
    for index, hit in truth.items():
        assert (sessions[index].key, sessions[index].start) == (hit.key, hit.start)


@pytest.mark.parametrize("more", ["rate = 3", "noise = {}", "day = {}", "stages = [{ duration = 10, target = 1 }]"])
def test_a_closed_population_has_no_rate(more: str) -> None:
    with pytest.raises(ScenarioError, match="does not go with visitors"):
        club(more)
