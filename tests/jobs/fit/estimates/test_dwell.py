"""Laws of think time: which pages share one, and which have one of their own."""

from __future__ import annotations

import numpy as np
import pytest

from loadgen.jobs.fit.estimates.dwell import find_different_pages
from loadgen.jobs.fit.estimates.dwell_laws import find_law_mean, fit_law

MANY = 2_000


def draw_times(means: dict[int, tuple[float, float]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Exponential times by page, with a mean on desktops and one on mobiles: pages, devices, seconds."""
    stream = np.random.default_rng(1)
    parts = [(page, device, stream.exponential(mean, MANY)) for page, pair in means.items()
             for device, mean in enumerate(pair)]  # fmt: skip
    pages = np.concatenate([np.full(MANY, page) for page, _, _ in parts])
    devices = np.concatenate([np.full(MANY, bool(device)) for _, device, _ in parts])
    return pages, devices, np.concatenate([times for _, _, times in parts])


def test_a_busy_page_without_a_difference_of_devices_has_the_law_of_its_own() -> None:
    pages, small, seconds = draw_times({0: (75, 75), 1: (55, 35), 2: (55, 35)})
    twice = np.concatenate((np.arange(len(pages)), np.flatnonzero(pages == 0)))  # the page 0 has most of the times
    assert find_different_pages(pages[twice], small[twice], seconds[twice]) == [0]


def test_a_page_that_is_looked_at_longer_on_all_devices_has_a_law_of_its_own() -> None:
    assert find_different_pages(*draw_times({0: (50, 50), 1: (50, 50), 2: (90, 90), 3: (50, 50)})) == [2]


def test_pages_with_equal_times_have_none() -> None:
    assert find_different_pages(*draw_times({0: (55, 35), 1: (55, 35), 2: (55, 35)})) == []


def test_hidden_tabs_do_not_make_a_law_one_of_quantiles() -> None:
    """A scenario hides tabs by itself: quantiles that have hidden time already would have it twice."""
    draws = np.random.default_rng(4)
    seconds = draws.lognormal(np.log(22), 0.4, 4000)
    seconds[:1200] += draws.exponential(30, 1200)
    mixed, told = fit_law(seconds), fit_law(seconds, 0.3)
    assert mixed is not None
    assert mixed.distribution == "quantiles"
    assert told is not None
    assert told.distribution == "lognormal"


def test_few_times_give_the_mean_alone() -> None:
    seconds = np.random.default_rng(2).exponential(20, 12)
    law = fit_law(seconds)
    assert law is not None
    assert law.distribution == "weibull"
    assert find_law_mean(law.write()) == pytest.approx(seconds.mean())
    assert fit_law(seconds[:5]) is None
