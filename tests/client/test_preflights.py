"""A browser asks for permission before a visit's first fetch, and again when the answer is too old for its engine."""

from __future__ import annotations

import msgspec
import pytest

from loadgen.client import Preflights
from loadgen.scenario import Client
from tests.client.visits import VISITOR

CHROMIUM = msgspec.structs.replace(VISITOR, brand=True)
FIREFOX = msgspec.structs.replace(VISITOR, brand=False, user_agent="Mozilla/5.0 (X11; rv:157.0) Gecko/20100101 F/157.0")
SAFARI = msgspec.structs.replace(VISITOR, brand=False, user_agent="Mozilla/5.0 (Macintosh) (KHTML, like Gecko) Safari")


def test_the_first_fetch_of_a_visit_is_preflighted_and_beacons_are_not() -> None:
    browser = Preflights(CHROMIUM, Client())
    asked = [browser.must_ask(due, beacon) for due, beacon in ((1.0, True), (5.0, False), (6.0, True), (10.0, False))]
    assert asked == [False, True, False, False]


@pytest.mark.parametrize(("visitor", "believed"), [(CHROMIUM, 7200.0), (FIREFOX, 7200.0), (SAFARI, 600.0)])
def test_an_answer_is_believed_for_as_long_as_it_says_and_the_engine_allows(
    visitor: msgspec.Struct, believed: float
) -> None:
    browser = Preflights(visitor, Client())  # type: ignore[arg-type]
    moments = (5.0, 5.0 + believed - 1, 5.0 + believed, 5.0 + 2 * believed - 1)
    assert [browser.must_ask(due, False) for due in moments] == [True, False, True, False]


def test_a_scenario_can_do_without() -> None:
    assert not Preflights(CHROMIUM, Client(preflights=False)).must_ask(1.0, False)
