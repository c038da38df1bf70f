"""What answers lead to, as captured from the real client under faults.

A browser asks for permission before a visit's first fetch, and again when the answer is too old for its engine.
"""

from __future__ import annotations

import msgspec
import pytest

from loadgen.client import Dispatch, Preflights
from loadgen.client import dispatch as module
from loadgen.model import Batch
from loadgen.scenario import Client
from tests.client.visits import VISITOR, resources

CHROMIUM = msgspec.structs.replace(VISITOR, brand=True)
FIREFOX = msgspec.structs.replace(VISITOR, brand=False, user_agent="Mozilla/5.0 (X11; rv:157.0) Gecko/20100101 F/157.0")
SAFARI = msgspec.structs.replace(VISITOR, brand=False, user_agent="Mozilla/5.0 (Macintosh) (KHTML, like Gecko) Safari")


def batch(session: int = 0, load: int = 0, due: float = 5.25, beacon: bool = False) -> Batch:
    return Batch("id", session, load, 0.0, "session", VISITOR, VISITOR.user_id, resources(1.0), due, beacon)


def attempts(dispatch: Dispatch, first: Batch, answers: list[int | None]) -> list[float]:
    """When each attempt is sent, with instant answers."""
    sent, current = [], first
    for answer in answers:
        sent.append(current.due)
        retry = dispatch.handle_answer(current, answer, current.due)
        if retry is None:
            break
        current = retry
    return sent


@pytest.mark.parametrize(
    ("answers", "sent"),
    [
        ([429, 429, 429], [5.25, 7.25, 11.25]),  # [fault-429-twice]: at 5.2, 7.2, 11.2 s, then dropped
        ([500, 503, 599, 500], [5.25, 7.25, 11.25]),  # [fault-500-20s-recover]
        ([None, None, None], [5.25, 7.25, 11.25]),  # [fault-drop]
        ([429, 200], [5.25, 7.25]),
        ([429, 400, 429], [5.25, 7.25]),
        ([200], [5.25]),
        ([400], [5.25]),  # [fault-400]
        ([413], [5.25]),  # [fault-413]
        ([301], [5.25]),
    ],
)
def test_retries_follow_the_captured_cadence(answers: list[int | None], sent: list[float]) -> None:
    dispatch = Dispatch(Client())
    assert attempts(dispatch, batch(), answers) == sent
    assert dispatch.allows(batch())


def test_a_retry_is_the_same_batch_later() -> None:
    first = batch()
    retry = Dispatch(Client()).handle_answer(first, 429, 6.0)
    assert retry == msgspec.structs.replace(first, attempt=2, due=8.0)


def test_retries_count_from_the_answer() -> None:
    dispatch = Dispatch(Client())
    retry = dispatch.handle_answer(batch(due=5.0), None, 15.0)
    assert retry is not None
    assert retry.due == 17.0


@pytest.mark.parametrize("retries", [0, 1, 5])
def test_there_are_as_many_retries_as_configured(retries: int) -> None:
    assert len(attempts(Dispatch(Client(retries=retries)), batch(), [503] * 10)) == retries + 1


def test_a_404_switches_the_load_off() -> None:
    dispatch = Dispatch(Client())
    assert dispatch.handle_answer(batch(), 404, 6.0) is None
    assert not dispatch.allows(batch())
    assert not dispatch.allows(batch(beacon=True))


def test_the_second_403_of_a_load_switches_it_off() -> None:
    dispatch = Dispatch(Client())
    assert dispatch.handle_answer(batch(), 403, 6.0) is None
    assert dispatch.allows(batch())
    dispatch.handle_answer(batch(), 200, 7.0)
    assert dispatch.handle_answer(batch(), 403, 11.0) is None
    assert not dispatch.allows(batch())


def test_the_first_403_of_an_unsigned_load_switches_it_off() -> None:
    dispatch = Dispatch(Client(signing=False))
    dispatch.handle_answer(batch(), 403, 6.0)
    assert not dispatch.allows(batch())


def test_another_load_starts_clean() -> None:
    dispatch = Dispatch(Client())
    dispatch.handle_answer(batch(), 404, 6.0)
    dispatch.handle_answer(batch(session=5), 403, 6.0)
    for other in (batch(load=1), batch(session=1), batch(session=5)):
        assert dispatch.allows(other)


def test_a_retry_under_way_outlives_the_switch_off() -> None:
    dispatch = Dispatch(Client())
    retry = dispatch.handle_answer(batch(), 429, 6.0)
    dispatch.handle_answer(batch(), 404, 7.0)
    assert retry is not None
    assert dispatch.allows(retry)


@pytest.mark.parametrize("answer", [None, 403, 404, 429, 500])
def test_the_answer_to_a_beacon_changes_nothing(answer: int | None) -> None:
    dispatch = Dispatch(Client(signing=False))
    assert dispatch.handle_answer(batch(beacon=True), answer, 6.0) is None
    assert dispatch.allows(batch())


def test_only_trouble_is_remembered_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_TROUBLED", 3)
    dispatch = Dispatch(Client())
    for number in range(10):
        dispatch.handle_answer(batch(session=number), 404, 6.0)
    assert [number for number in range(10) if not dispatch.allows(batch(session=number))] == [7, 8, 9]


@pytest.mark.parametrize(
    ("policy", "retry_after", "waits"),
    [("ignore", 9.0, 2.0), ("honour", 9.0, 9.0), ("honour", 1.0, 2.0), ("honour", 0.0, 2.0)],
)
def test_retry_after_is_a_least_wait_for_clients_that_honour_it(policy: str, retry_after: float, waits: float) -> None:
    dispatch = Dispatch(Client.model_validate({"retryAfter": policy}))
    retry = dispatch.handle_answer(batch(), 429, 6.0, retry_after)
    assert retry is not None
    assert retry.due == 6.0 + waits


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


def test_a_scenario_can_do_without_preflights() -> None:
    assert not Preflights(CHROMIUM, Client(preflights=False)).must_ask(1.0, False)
