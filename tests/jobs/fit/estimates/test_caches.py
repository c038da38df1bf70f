"""Whence files come, told whatever part of its files a site shares."""

from __future__ import annotations

import pytest

from loadgen.jobs.fit.estimates.caches import read_caches
from loadgen.jobs.fit.estimates.population import find_known
from tests.jobs.fit.estimates.test_files import see_site


@pytest.mark.parametrize(("shared", "again", "later"), [(0.7, 0.5, 0.9), (0.25, 0.75, 0.6), (0.4, 0.3, 0.95)])
def test_cached_shares_are_those_of_the_scenario_whatever_part_of_its_files_a_site_shares(
    shared: float, again: float, later: float
) -> None:
    seen = see_site(returning=1.0, shared=shared, of_item=shared, again=again, later=later)
    found = read_caches(seen.recorded, seen.visits, find_known(seen.recorded))
    assert found.of_all == pytest.approx(again, abs=0.06)
    assert found.of_later == pytest.approx(later, abs=0.06)


@pytest.mark.parametrize("memory", [8.0, 200.0])
def test_how_long_the_browser_s_memory_holds_files_is_told_by_those_that_take_no_time(memory: float) -> None:
    seen = see_site(returning=1.0, shared=0.25, of_item=0.25, memory=memory)
    found = read_caches(seen.recorded, seen.visits, find_known(seen.recorded)).memory
    assert found == pytest.approx(memory, rel=0.4)
