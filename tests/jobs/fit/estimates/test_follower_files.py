"""Where the files of loads without cookies come from shows which pages' documents they follow."""

from __future__ import annotations

import numpy as np
import pytest

from loadgen.jobs.fit.estimates.estimate import see_visits
from loadgen.jobs.fit.estimates.files import list_files
from loadgen.jobs.fit.estimates.follower_files import (
    CachedFiles,
    SharedFiles,
    find_kept,
    measure_files,
    measure_shared_files,
)
from loadgen.scenario import Scenario
from tests.jobs.fit.round_trip import record, stretch
from tests.jobs.fit.test_round_trip import TOOLS

VISITS = 500

LEAFLET = """
name = "leaflet"
duration = "1h"
arrivals.rate = 1
client.allowCookies = false
population = { back = 0, reload = 0, reopened = 0, returning = 0 }
telemetry.cache = { later_pages = 1.0, first_page_new = 0.0 }

[pages.home]
path = "/"
entry = 1
to = { list = 1.0 }
exit = 0.0
resources = { script = 4, stylesheet = 1, image = 0, font = 0 }

[pages.list]
path = "/list"
to = { item = 0.5 }
exit = 0.5
resources = { script = 10, stylesheet = 1, image = 0, font = 0 }

[pages.item]
path = "/item"
exit = 1.0
resources = { script = 10, stylesheet = 1, image = 0, font = 0 }
"""
"""A site whose lists and items have scripts in common that its home page lacks; all visits go from one to the next."""


def measure(text: str) -> tuple[list[str], CachedFiles, SharedFiles]:
    recorded = record(stretch(Scenario.parse(text, "site"), VISITS), 4)
    seen = see_visits(recorded, 5)
    visits, pages = seen.visits, len(seen.site.templates)
    links, files = np.flatnonzero(~visits.first & visits.hard), list_files(recorded, visits)
    return ([page.path for page in seen.site.templates], measure_files(recorded, visits, files, links, pages),
            measure_shared_files(recorded, visits, files, links, pages))  # fmt: skip


def test_files_in_memory_tell_loads_after_pages_that_have_them_from_loads_after_others() -> None:
    """Lists follow the home page, which lacks some of their scripts; items follow lists, which have them."""
    paths, _, shared = measure(LEAFLET)
    home, lists, item = (paths.index(path) for path in ("/", "/list", "/item"))
    assert shared.sets[:, [home, lists, item]].tolist() == [[False, True, True]]
    assert np.isnan(shared.held[0, home])
    assert shared.held[0, lists] == 0
    assert shared.held[0, item] == 1


def test_no_load_finds_own_files_of_a_page_that_its_visit_has_not_seen() -> None:
    paths, files, _ = measure(LEAFLET)
    lists, item = (paths.index(path) for path in ("/list", "/item"))
    assert files.own[[lists, item]].tolist() == files.held[[lists, item]].tolist() == [0, 0]
    assert files.lacking == 0


def test_pages_that_share_all_the_same_files_show_no_sets() -> None:
    alike = LEAFLET.replace("script = 4", "script = 10")
    assert not len(measure(alike)[2].sets)


def test_a_load_that_finds_nothing_in_the_cache_shows_no_page_before() -> None:
    """So the shares are those of a site where all loads find their files, also where a part of them finds nothing."""
    cold = LEAFLET.replace("later_pages = 1.0", "later_pages = 0.5")
    assert measure(cold)[1].lacking > 0.3
    assert measure(cold)[2].held == pytest.approx(measure(LEAFLET)[2].held, nan_ok=True)


def test_long_looks_at_pages_leave_little_in_memory() -> None:
    kept = []
    for seconds in (20, 600):
        law = f'{{ distribution = "exponential", mean = {seconds} }}'
        text = TOOLS + f"[population.think_time]\nmobile = {law}\ndesktop = {law}\n"
        recorded = record(stretch(Scenario.parse(text, "site"), VISITS), 4)
        kept.append(find_kept(recorded, see_visits(recorded, 5).visits))
    assert kept[0] > kept[1] + 0.1
