"""Pages as a scenario takes them: every one can be come to, whatever few observations say."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import loadgen
from loadgen.jobs.fit.drafting.compose_pages import compose_steps, drop_unreached, is_different
from loadgen.jobs.fit.drafting.draft import Draft
from tests.jobs.fit.forms import log_events, write_lines


@pytest.mark.parametrize(
    ("one", "ones", "other", "others", "different"),
    [(0.7, 135, 1.0, 2, False), (0.3, 500, 1.0, 40, True), (0.4, 9, 0.4, 9, False), (0.0, 2, 1.0, 2, False)],
)
def test_shares_of_few_observations_are_not_sure_though_all_say_the_same(
    one: float, ones: float, other: float, others: float, different: bool
) -> None:
    assert is_different(one, ones, other, others) is different
    assert is_different(other, others, one, ones) is different


def test_steps_that_hardly_anybody_took_are_left_out_where_many_took_others() -> None:
    """Second tabs and returns make a few steps that nobody took; of few steps each may be one."""

    def steps_of(counts: list[float]) -> dict[str, float]:
        total = sum(counts)
        leaving = SimpleNamespace(bounce=np.full(3, 0.5), exit=np.full(3, 0.5))
        steps = SimpleNamespace(
            to=np.tile(counts, (3, 1)), decisions=np.full(3, 2 * total), landings=np.zeros(3), leaving=leaving
        )
        seen: Any = SimpleNamespace(steps=steps, site=SimpleNamespace(names=("home", "item", "about")), at_least=5)
        return dict(compose_steps(seen, 0, [0, 1, 2])["to"])

    assert steps_of([3, 2000, 12]).keys() == {"item", "about"}
    assert steps_of([3, 40, 12]).keys() == {"home", "item", "about"}


def test_a_page_to_which_no_rounded_share_leads_is_left_out() -> None:
    draft = Draft("shop", "")
    draft.pages = {
        "home": {"path": "/", "entry": 100.0, "to": {"item": 0.5}, "exit": 0.5},
        "item": {"path": "/item", "exit": 1.0},
        "lost": {"path": "/lost", "to": {"home": 0.5, "far": 0.2}, "exit": 0.3},
        "far": {"path": "/far", "exit": 1.0},
    }
    drop_unreached(draft)
    assert list(draft.pages) == ["home", "item"]
    draft.build()


def test_a_landing_that_all_leave_when_they_are_back_still_leads_on(tmp_path: Path) -> None:
    """Every later view of the home page is the visit's last, so its own exit would be 1 and nothing lead on."""
    events = log_events(loadgen.generate("quickstart", sessions=200, seed=5, start="2026-01-01"))
    left: set[str] = set()
    kept = []
    for event in sorted(events, key=lambda event: (event["event_timestamp"], event["metadata"]["interaction"])):
        session = event["user_details"]["sessionId"]
        back = event["metadata"]["pageId"] == "/" and event["metadata"]["interaction"] > 0
        if session not in left or back:
            kept.append(event)
        if back:
            left.add(session)
    write_lines(tmp_path / "events", kept)
    pages = loadgen.fit(tmp_path / "events").scenario.pages
    assert set(pages) == {"home", "product"}
    assert pages["home"].to["product"] > 0
