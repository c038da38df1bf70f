"""Batches in doubt: when absence is certain, and which are looked up together."""

from __future__ import annotations

from loadgen.jobs.seed.in_doubt import GROUP_SECONDS, BatchesInDoubt, Visibility, group_by_time
from loadgen.jobs.seed.ledger import BatchEntry
from loadgen.jobs.seed.stream import EncodedBatch
from loadgen.model import Request

SETTLE, POLL = 4.0, 1.0


def entry(number: int, first: int = 0, last: int = 0) -> BatchEntry:
    return BatchEntry(number, "", first, last, b"", 0.0)


def batch(number: int) -> EncodedBatch:
    return EncodedBatch(entry(number), Request("POST", "/", (), b""), 0.0)


def test_absence_is_certain_from_the_moment_at_which_everything_shows() -> None:
    in_doubt = BatchesInDoubt(Visibility(SETTLE, POLL))
    in_doubt.add(batch(1), attempt_ended=10.0)
    asked = in_doubt.list_due(11.0)
    assert in_doubt.settle(asked, set(), asked_at=10.0 + SETTLE - 0.001) == []
    assert in_doubt.settle(asked, set(), asked_at=10.0 + SETTLE) == asked
    assert len(in_doubt) == 0


def test_the_last_look_comes_no_later_than_certainty() -> None:
    in_doubt = BatchesInDoubt(Visibility(SETTLE, 3.0))
    in_doubt.add(batch(1), attempt_ended=10.0)
    assert in_doubt.next_look_up == 13.0
    in_doubt.settle(in_doubt.list_due(13.0), set(), asked_at=13.0)
    assert in_doubt.next_look_up == 14.0


def test_what_is_found_is_no_longer_in_doubt_and_not_sent_again() -> None:
    in_doubt = BatchesInDoubt(Visibility(SETTLE, POLL))
    for number in (1, 2):
        in_doubt.add(batch(number), attempt_ended=0.0)
    assert [each.entry.number for each in in_doubt.settle(in_doubt.list_due(9.0), {1}, asked_at=9.0)] == [2]
    assert len(in_doubt) == 0


def test_a_group_reaches_as_far_as_the_longest_batch_in_it() -> None:
    long, short = entry(1, 0, 1000), entry(2, 10, 20)
    near, far = entry(3, 1000 + GROUP_SECONDS, 1400), entry(4, 1400 + GROUP_SECONDS + 1, 1800)
    assert list(group_by_time([far, near, short, long])) == [[long, short, near], [far]]
