"""The same data in another order are the same tables."""

from __future__ import annotations

import numpy as np

from loadgen.jobs.fit.comparison.judgement import number_people
from loadgen.jobs.fit.reading.formats import Feed
from loadgen.jobs.fit.reading.recorded import Recorded, Recorder, sort_sessions
from loadgen.scenario import Scenario
from tests.jobs.fit.round_trip import stretch, write_traffic


def read(bodies: list[bytes]) -> Recorded:
    recorder = Recorder()
    feed = Feed(recorder)
    assert all(map(feed.add_line, bodies))
    return recorder.finish()


def test_sessions_stand_by_their_first_event_then_by_id() -> None:
    session, at = np.array([0, 2, 1, 1, 0]), np.array([9.0, 7.0, 8.0, 7.0, 8.0])
    assert sort_sessions(["c", "b", "a", "none"], session, at).tolist() == [2, 1, 0, 3]


def test_which_half_is_read_first_does_not_matter() -> None:
    bodies = list(write_traffic(stretch(Scenario.load("quickstart"), 40), 3))
    middle = len(bodies) // 2
    one, other = read(bodies), read(bodies[middle:] + bodies[:middle])
    words = [[each.words[place] for place in each.sessions.language.tolist()] for each in (one, other)]
    assert words[0] == words[1]
    assert np.array_equal(one.events.at, other.events.at)
    assert np.array_equal(one.events.value, other.events.value, equal_nan=True)
    assert np.array_equal(number_people(one.sessions).of_session, number_people(other.sessions).of_session)
