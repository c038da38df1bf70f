"""Batches in doubt: when absence is certain, and which are looked up together."""

from __future__ import annotations

from loadgen.jobs.seed.encoded_batch import Parcel
from loadgen.jobs.seed.in_doubt import TOGETHER_SECONDS, Doubts, Visibility, together
from loadgen.jobs.seed.ledger import Entry
from loadgen.model import Request

SETTLE, POLL = 4.0, 1.0


def entry(number: int, first: int = 0, last: int = 0) -> Entry:
    return Entry(number, "", first, last, b"", 0.0)


def parcel(number: int) -> Parcel:
    return Parcel(entry(number), Request("POST", "/", (), b""), 0.0)


def test_absence_is_certain_from_the_moment_at_which_everything_shows() -> None:
    doubts = Doubts(Visibility(SETTLE, POLL))
    doubts.add(parcel(1), attempt_ended=10.0)
    asked = doubts.asking(11.0)
    assert doubts.answered(asked, set(), asked_at=10.0 + SETTLE - 0.001) == []
    assert doubts.answered(asked, set(), asked_at=10.0 + SETTLE) == asked
    assert len(doubts) == 0


def test_the_last_look_comes_no_later_than_certainty() -> None:
    doubts = Doubts(Visibility(SETTLE, 3.0))
    doubts.add(parcel(1), attempt_ended=10.0)
    assert doubts.next_ask() == 13.0
    doubts.answered(doubts.asking(13.0), set(), asked_at=13.0)
    assert doubts.next_ask() == 14.0


def test_what_is_found_is_no_longer_in_doubt_and_not_sent_again() -> None:
    doubts = Doubts(Visibility(SETTLE, POLL))
    for number in (1, 2):
        doubts.add(parcel(number), attempt_ended=0.0)
    assert [each.entry.number for each in doubts.answered(doubts.asking(9.0), {1}, asked_at=9.0)] == [2]
    assert len(doubts) == 0


def test_a_group_reaches_as_far_as_the_longest_batch_in_it() -> None:
    long, short = entry(1, 0, 1000), entry(2, 10, 20)
    near, far = entry(3, 1000 + TOGETHER_SECONDS, 1400), entry(4, 1400 + TOGETHER_SECONDS + 1, 1800)
    assert list(together([far, near, short, long])) == [[long, short, near], [far]]
