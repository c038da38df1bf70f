from __future__ import annotations

import pytest

from loadgen import client, traffic, wire
from loadgen.jobs.plan import batch_profile
from loadgen.planned import UNSENT_MONITOR_ID
from tests.jobs.plan.shop import SHOP, rehearsed


def test_shapes_are_what_the_client_plans() -> None:
    sessions = list(traffic.draw_sessions(SHOP, 1))
    plans = [client.plan(session, SHOP.client, 1.0) for session in sessions]
    batches = [batch for plan in plans for batch in plan.batches]
    made = rehearsed()
    assert made.starts.tolist() == [session.start for session in sessions]
    assert made.attempts.due.tolist() == [batch.due for batch in batches]
    assert made.attempts.events.tolist() == [len(batch.events) for batch in batches]
    assert made.attempts.beacon.tolist() == [batch.beacon for batch in batches]
    assert made.batches_per_session.tolist() == [len(plan.batches) for plan in plans]
    assert made.counts[:, 0].sum() == sum(plan.counts.generated for plan in plans)


def test_events_by_session_add_up() -> None:
    made = rehearsed()
    assert made.sum_by_session(made.attempts.events).sum() == made.attempts.events.sum()


@pytest.mark.parametrize("epoch", [1_700_000_000.25, 1_799_999_999.75])
def test_bytes_before_gzip_do_not_depend_on_the_clock(epoch: float, monkeypatch: pytest.MonkeyPatch) -> None:
    there = rehearsed().attempts.raw_bytes.tolist()
    monkeypatch.setattr(batch_profile, "CLOCK", wire.Clock(epoch))
    assert rehearsed().attempts.raw_bytes.tolist() == there


def test_bytes_are_those_that_the_wire_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_profile, "CLOCK", wire.Clock(5.0))
    made = rehearsed().attempts
    session = next(traffic.draw_sessions(SHOP, 1))
    batch = client.plan(session, SHOP.client, 1.0).batches[0]
    destination = wire.Destination("localhost", UNSENT_MONITOR_ID, SHOP.monitor.domain)
    encoded = wire.encode(batch, destination, wire.Clock(5.0))
    assert (made.raw_bytes[0], made.wire_bytes[0]) == (encoded.raw_bytes, len(encoded.request.body))
    assert made.beacon[0] == encoded.beacon
