"""What is said before a run sends: exact as far as sessions are rehearsed, in proportion above."""

from __future__ import annotations

import pytest

from loadgen import traffic
from loadgen.jobs.plan import expect, expectation
from tests.traffic.look import small


@pytest.mark.parametrize(("more", "exact"), [(1, True), (0, True), (-1, False)])
def test_an_expectation_is_exact_up_to_the_last_session_that_is_rehearsed(
    monkeypatch: pytest.MonkeyPatch, more: int, exact: bool
) -> None:
    whole = expect(small(), 3)
    sessions = len(traffic.starts(small(), 3))
    monkeypatch.setattr(expectation, "REHEARSED_SESSIONS", sessions + more)
    found = expect(small(), 3)
    assert found.exact is exact
    assert (found == whole) is exact
