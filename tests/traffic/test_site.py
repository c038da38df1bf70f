"""Sites at the edge of what a scenario may say still give sessions that hold together."""

from __future__ import annotations

from itertools import pairwise

import pytest

from loadgen import traffic
from loadgen.scenario import Scenario
from loadgen.traffic.block_draws import RANKS
from loadgen.traffic.draws import BLOCK, TICKS
from loadgen.traffic.journey import FAR_TICK, LONGEST, MOST_PAGES
from tests.traffic.conftest import SEED
from tests.traffic.look import loads

HEAD = 'name = "odd"\nduration = 10\n[arrivals]\nrate = 8\n'
ONE = '[pages.a]\npath = "/"\nexit = 1\n'
ALL = '[monitor]\ntelemetries = ["errors", "performance", "http", "interaction"]\n'

SITES = {
    "one page": HEAD + ONE,
    "routes only": HEAD
    + ALL
    + '[pages.a]\npath = "/"\nroute = true\nto = { b = 0.9 }\nexit = 0.1\n'
    + '[pages.b]\npath = "/b/{x}/{y}"\nroute = true\nto = { a = 0.5, b = 0.4 }\nexit = 0.1\n'
    + "[pools]\nx = { size = 1 }\ny = { size = 3, zipf = 0 }\n[client]\nenableXRay = true\nrecordAllRequests = true",
    "no files": HEAD + ONE + "resources = { stylesheet = 0, script = 1, font = 0, image = 0 }",
    "no inputs": HEAD + ONE + "resources = { image = 1 }\n[telemetry]\ninteractions_per_minute = 0",
    "no images recorded": HEAD + ONE + "resources = { image = 40 }\n[client]\nresourceEventLimit = 0",
    "errors in every session": HEAD
    + ONE
    + "[telemetry.errors]\nsessions = 1.0\nmessages = 1\n[client]\nstackTraceLength = 0",
    "no page throws": HEAD + ONE + "js_errors = 0\n[telemetry.errors]\nsessions = 1.0",
    "one visitor": HEAD + ONE + "[population]\nvisitors = 1\nreturning = 1.0\ncountries = { XX = 1, DE = 0 }",
    "hardly an end": HEAD + '[pages.a]\npath = "/"\nto = { a = 0.999 }\nexit = 0.001',
    "no answer ever": HEAD
    + ONE
    + 'api = ["GET /x"]\n[telemetry.api]\nnetwork = 1.0\nfailures = {}\n[client]\nenableXRay = true',
    "peak and trough at one hour": HEAD + "day = { peak_hour = 4, trough_hour = 4 }\nnoise = {}\n" + ONE,
    "looks of centuries": HEAD
    + '[pages.a]\npath = "/"\nto = { a = 0.7 }\nexit = 0.3\n'
    + 'think_time = { distribution = "lognormal", median = 1e9, sigma = 9 }',
    "an outage": HEAD + "flash_crowds = [{ at = 5, times = 0, rise = 0, hold = 2, half_life = 0.1 }]\n" + ONE,
}


@pytest.mark.parametrize("text", SITES.values(), ids=SITES.keys())
def test_an_odd_site_gives_sound_sessions(text: str) -> None:
    sessions = list(traffic.draw_sessions(Scenario.parse(text, "odd.toml"), SEED))
    assert len(sessions) > 30
    for load in loads(sessions):
        assert load.ready < load.hides[-1]
        assert all(earlier.at <= later.at for earlier, later in pairwise(load.events))
        assert all(load.ready <= event.at <= load.hides[-1] for event in load.events)


def test_the_keys_that_sort_a_blocks_events_fit_into_64_bits() -> None:
    assert MOST_PAGES * BLOCK * FAR_TICK * RANKS < 2**63
    assert MOST_PAGES * (2 * LONGEST + 3600) * TICKS < FAR_TICK  # every page looked at, left, and an hour in loading
