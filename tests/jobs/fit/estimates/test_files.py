"""Whence files come, told whatever part of its files a site shares; how many images the client records."""

from __future__ import annotations

import numpy as np
import pytest

from loadgen.jobs.fit.estimates.files import find_most_images, read_caches
from loadgen.jobs.fit.estimates.population import find_known
from tests.jobs.fit.estimates.test_page_files import see_site


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


@pytest.mark.parametrize(
    ("loads", "most"),
    [
        ({9: 5_757, 10: 8_408, 11: 9, 15: 60, 19: 17}, 10),  # the event limit came during second loads
        ({10: 900, 25: 300}, 25),  # pages with more, and a raised limit
        ({7: 500}, 10),
        ({7: 500, 12: 4, 18: 900, 30: 2, 36: 15}, 18),
        ({}, 10),
    ],
)
def test_images_of_second_loads_do_not_pass_for_a_raised_limit(loads: dict[int, int], most: int) -> None:
    counts = np.repeat(np.array([*loads], dtype=np.int64), np.array([*loads.values()], dtype=np.int64))
    assert find_most_images(counts) == most
