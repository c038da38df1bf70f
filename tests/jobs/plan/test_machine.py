"""A plan that this machine cannot hold is refused with its size."""

from __future__ import annotations

import pytest

from loadgen.errors import LoadgenError
from loadgen.jobs.plan import machine
from loadgen.jobs.plan.machine import refuse_too_large


@pytest.mark.parametrize(
    ("sessions", "duration", "exact", "said"),
    [
        (1e10, 86_400.0, False, "10,000,000,000 sessions are too many: they take 320.0 GB"),
        (1e5, 40 * 86_400.0, False, "a plan of 40 days is too long, 35 days fit"),
        (6e6, 86_400.0, True, "an exact rehearsal of 6,000,000 sessions is too large"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_size(
    sessions: float, duration: float, exact: bool, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "read_memory_bytes", lambda: 16e9)
    with pytest.raises(LoadgenError) as refused:
        refuse_too_large("shop", sessions, duration, exact)
    assert said in str(refused.value)
