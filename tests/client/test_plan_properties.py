"""What holds for any visit and any settings."""

from __future__ import annotations

import re
from collections import Counter

import msgspec
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from loadgen.client import plan
from loadgen.model import Load, Session
from loadgen.rum.events import CLS, INP, PAGE_VIEW, RESOURCE, SESSION_START
from loadgen.scenario import Client
from tests.client.visits import VISITOR, event

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

gaps = st.sampled_from([0.0, 0.25, 1.0, 2.5, 5.0, 7.75, 40.0])
kinds = st.sampled_from([RESOURCE, RESOURCE, RESOURCE, PAGE_VIEW, CLS, INP, "shop.checkout"])
clients = st.builds(
    Client,
    allowCookies=st.booleans(),
    sessionEventLimit=st.sampled_from([0, 1, 2, 5, 200]),
    sessionLengthSeconds=st.sampled_from([1.0, 4.0, 30.0, 1800.0]),
    eventCacheSize=st.sampled_from([1, 3, 1000]),
    batchLimit=st.sampled_from([1, 2, 5, 100]),
    dispatchInterval=st.sampled_from([0, 500, 5000, 7001]),
    useBeacon=st.booleans(),
)


@st.composite
def visits(draw: st.DrawFn) -> Session:
    """Any visit of up to four documents, with hides among the events and up to three behind the end."""
    now = draw(gaps)
    loads = []
    for number in range(draw(st.integers(0, 4))):
        at = now
        ready = now = at + draw(gaps)
        events, hides = [], []
        for spot in range(draw(st.integers(0, 25))):
            now += draw(gaps)
            if draw(st.integers(0, 9)) == 0:
                hides.append(now)
            events.append(event(now, draw(kinds), name=f"{number}-{spot}"))
        cut = draw(st.integers(0, 3))
        end = events[-cut].at if cut and len(events) >= cut else now + draw(gaps)
        hides = [hide for hide in hides if hide < end] + [end]
        now = max(now, end) + draw(gaps)
        loads.append(Load(at, ready, tuple(hides), tuple(events)))
    return Session(0, draw(st.integers(0, 2**64 - 1)), draw(st.sampled_from([0.0, 12.5])), VISITOR, tuple(loads))


ULPS = 1e-9


@hypothesis_settings(max_examples=400, deadline=None)
@given(visits(), clients, st.sampled_from([0.0, 0.3, 0.7, 1.0]))
def test_any_plan_is_in_order_within_its_limits_and_accounts_to_the_unit(
    visit: Session, settings: Client, rate: float
) -> None:
    result = plan(visit, settings, rate)
    sent = [each for batch in result.batches for each in batch.events]
    started = [each for each in sent if each.type == SESSION_START]
    counts = result.counts

    assert counts.generated == len(sent) + counts.not_sampled + counts.over_session_limit + counts.dropped_by_client
    assert min(counts.not_sampled, counts.over_session_limit, counts.dropped_by_client) >= 0
    assert counts.generated - sum(len(load.events) for load in visit.loads) >= len(started)
    assert all(1 <= len(batch.events) <= settings.batchLimit for batch in result.batches)
    dues = [batch.due for batch in result.batches]
    assert dues == sorted(dues)
    assert max(Counter(each.id for each in sent).values(), default=1) == 1
    ids = [batch.id for batch in result.batches] + [each.id for each in started]
    assert len(set(ids)) == len(ids)
    assert all(UUID4.fullmatch(each) for each in ids)
    for batch in result.batches:
        load = visit.loads[batch.load]
        moment = batch.due - visit.start  # a difference of floats: an event of the same tick may lie an ulp behind
        assert load.at - ULPS <= moment <= load.hides[-1] + ULPS
        assert all(each.at <= moment + ULPS for each in batch.events)
        if batch.due - visit.start not in load.hides:
            assert not batch.beacon
            assert not any(each.held for each in batch.events)


@hypothesis_settings(max_examples=200, deadline=None)
@given(visits(), st.floats(0, 1), st.floats(0, 1), st.booleans())
def test_what_is_sampled_at_a_lower_rate_is_sampled_at_a_higher_one(
    visit: Session, one: float, other: float, cookies: bool
) -> None:
    """In visits without expiry: an unsampled session is not renewed, so it may end sooner than a sampled one."""
    settings = Client(allowCookies=cookies, sessionLengthSeconds=1e9)
    fewer, more = (plan(visit, settings, rate).batches for rate in sorted((one, other)))
    assert {each.id for batch in fewer for each in batch.events} <= {e.id for batch in more for e in batch.events}


@hypothesis_settings(max_examples=50, deadline=None)
@given(visits(), clients)
def test_the_same_visit_gives_the_same_plan(visit: Session, settings: Client) -> None:
    assert plan(visit, settings, 0.5) == plan(visit, settings, 0.5)


@hypothesis_settings(max_examples=200, deadline=None)
@given(visits(), clients, st.sampled_from([0.5, 1.0]), st.sampled_from([0.25, 0.5, 1.0]))
def test_documents_that_overlap_account_to_the_unit_and_in_order(
    visit: Session, settings: Client, rate: float, part: float
) -> None:
    """Each begins within the one before it."""
    loads: list[Load] = []
    shift = 0.0
    for load in visit.loads:
        if loads:
            shift += (load.at - shift - loads[-1].at) * part
        moved = [msgspec.structs.replace(each, at=each.at - shift) for each in load.events]
        hides = tuple(hide - shift for hide in load.hides)
        loads.append(Load(load.at - shift, load.ready - shift, hides, moved))
    result = plan(msgspec.structs.replace(visit, loads=tuple(loads)), settings, rate)
    counts, sent = result.counts, sum(len(batch.events) for batch in result.batches)
    assert counts.generated == sent + counts.not_sampled + counts.over_session_limit + counts.dropped_by_client
    dues = [batch.due for batch in result.batches]
    assert dues == sorted(dues)
    assert len({each.id for batch in result.batches for each in batch.events}) == sent
