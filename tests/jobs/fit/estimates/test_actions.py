"""What was thrown is told by what the client notes of it."""

from __future__ import annotations

import numpy as np
import pytest

from loadgen.jobs.fit.estimates.actions import count_thrown, find_js_errors, measure_error_sessions, name_thrown
from loadgen.jobs.fit.estimates.estimate import see_visits
from loadgen.rum.events import JS_ERROR
from loadgen.scenario import Scenario
from loadgen.traffic.js_errors import ERROR_KINDS, ErrorKind
from tests.jobs.fit.round_trip import record, stretch

AMBIGUOUS = {"rejected_object": ("rejected_text", "rejected_object")}
"""A rejected object with a message and no name is noted as a text is."""


@pytest.mark.parametrize("kind", ERROR_KINDS, ids=[f"{kind.thrown}-{kind.messages[0]}" for kind in ERROR_KINDS])
def test_what_was_thrown_is_known_in_every_browser(kind: ErrorKind) -> None:
    for message in kind.messages:
        told = message.format(a="basket", b="total")
        name = kind.name.format(A="Basket") or told
        stacked = kind.thrown.removeprefix("rejected_") in ("error", "exception")
        assert name_thrown(name, told, kind.rejected, stacked) in AMBIGUOUS.get(kind.thrown, (kind.thrown,))


def test_shares_of_what_is_thrown_come_back() -> None:
    scenario = stretch(Scenario.load("quickstart"), 300)
    errors = scenario.telemetry.errors.model_copy(
        update={"sessions": 0.8, "thrown": {"rejected_number": 6, "foreign": 3, "object": 1}}
    )
    telemetry = scenario.telemetry.model_copy(update={"errors": errors})
    recorded = record(scenario.model_copy(update={"telemetry": telemetry}), 3)
    assert set(count_thrown(recorded, recorded.find_rows(JS_ERROR))) == {"rejected_number", "foreign", "object"}


def test_a_client_that_leaves_stacks_out_still_tells_errors_from_objects() -> None:
    scenario = stretch(Scenario.load("quickstart"), 100)
    client = scenario.client.model_copy(update={"stackTraceLength": 0})
    recorded = record(scenario.model_copy(update={"client": client}), 3)
    counts = count_thrown(recorded, recorded.find_rows(JS_ERROR))
    assert counts["error"] > counts["object"]


def test_errors_that_the_event_limit_hides_are_made_up_for_by_the_sessions_that_it_did_not_cut() -> None:
    errors, cut = np.array([2, 0] * 100 + [1, 0, 0, 0] * 100), np.array([False] * 200 + [True] * 400)
    assert measure_error_sessions(errors, cut) == (0.5, 2.0)
    assert measure_error_sessions(errors, ~cut) == (200 / 600, 1.5)  # the others have fewer: all count
    assert measure_error_sessions(errors[150:], cut[150:])[0] == pytest.approx(125 / 450)  # too few are whole
    assert measure_error_sessions(errors[:0], cut[:0]) == (0.0, 0.0)


def test_an_error_that_each_browser_engine_words_in_its_own_way_counts_once() -> None:
    scenario = stretch(Scenario.load("quickstart"), 300)
    errors = scenario.telemetry.errors.model_copy(update={"sessions": 1.0, "messages": 5, "thrown": {"error": 1}})
    telemetry = scenario.telemetry.model_copy(update={"errors": errors})
    seen = see_visits(record(scenario.model_copy(update={"telemetry": telemetry}), 3), 5)
    found = find_js_errors(seen.recorded, seen.cuts.full, seen.visits, seen.walked, 5)
    assert found.messages == 5
    assert len(found.common) > 5
