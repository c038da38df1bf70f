"""Ids follow from a key, a purpose and a number alone."""

from __future__ import annotations

import uuid

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from loadgen.ids import draw_first_bytes, make_uuid4, write_uuids

KEYS, NUMBERS = st.integers(0, 2**64 - 1), st.integers(0, 2**32)


@given(KEYS, st.text(), NUMBERS)
def test_ids_are_version_4_uuids_and_differ_by_number(key: int, purpose: str, number: int) -> None:
    named = make_uuid4(key, purpose, number)
    assert str(uuid.UUID(named)) == named
    assert (uuid.UUID(named).version, uuid.UUID(named).variant) == (4, uuid.RFC_4122)
    assert make_uuid4(key, purpose, number + 1) != named


@given(KEYS, st.text(), st.integers(0, 40))
def test_the_first_ids_of_one_purpose_are_the_same_together(key: int, purpose: str, count: int) -> None:
    raw = np.frombuffer(draw_first_bytes(key, purpose, count), np.uint8).reshape(-1, 16)
    assert write_uuids(raw) == [make_uuid4(key, purpose, number) for number in range(count)]
