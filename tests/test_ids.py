"""Ids follow from a key, a purpose and a number alone."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from loadgen.ids import Uuids, make_uuid4

KEYS, NUMBERS = st.integers(0, 2**64 - 1), st.integers(0, 2**32)


@given(KEYS, st.text(), NUMBERS)
def test_ids_are_version_4_uuids_and_differ_by_number(key: int, purpose: str, number: int) -> None:
    named = make_uuid4(key, purpose, number)
    assert str(uuid.UUID(named)) == named
    assert (uuid.UUID(named).version, uuid.UUID(named).variant) == (4, uuid.RFC_4122)
    assert make_uuid4(key, purpose, number + 1) != named


@given(KEYS, st.text(), st.lists(NUMBERS))
def test_the_ids_of_one_purpose_are_the_same_one_by_one(key: int, purpose: str, numbers: list[int]) -> None:
    ids = Uuids(key, purpose)
    assert [ids(number) for number in numbers] == [make_uuid4(key, purpose, number) for number in numbers]
