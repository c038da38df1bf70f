"""The files of a site, read off its loads: their sizes, and which of them pages share."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from loadgen.jobs.fit.calibration.generated import record_generated
from loadgen.jobs.fit.estimates.estimate import Seen, see_visits
from loadgen.jobs.fit.estimates.files import SHARED
from loadgen.jobs.fit.estimates.page_files import find_files, find_shared_parts
from loadgen.rum.events import HEADER_BYTES
from loadgen.scenario import Scenario
from loadgen.traffic.site import Site

SITE = """
name = "files"
duration = "10m"
monitor.telemetries = ["performance"]
arrivals.rate = 0.8

[population]
returning = {returning}
reopened = 0

[pages.home]
path = "/"
to = {{ item = 0.5, app = 0.2 }}
exit = 0.3

[pages.home.resources]
stylesheet = 2
script = 4
font = 1
image = 4
shared = {shared}
kilobytes = {{ stylesheet = [40, 5], script = [180, 60, 12, 90] }}

[pages.item]
path = "/item/{{item}}"
to = {{ home = 0.4, item = 0.2 }}
exit = 0.4
resources = {{ stylesheet = 2, script = 3, font = 1, image = 3, shared = {of_item} }}

[pages.app]
path = "/app"
route = true
to = {{ home = 0.5 }}
exit = 0.5

[telemetry]
cache = {{ first_page_returning = {again}, later_pages = {later}, memory_seconds = {memory} }}
"""


USUAL = {"returning": 0.5, "shared": 0.7, "of_item": 0.7, "again": 0.5, "later": 0.9, "memory": 30.0}


def load_site(**changes: float) -> Scenario:
    return Scenario.parse(SITE.format(**USUAL | changes), "files.toml")


@cache
def see_site(**changes: float) -> Seen:
    return see_visits(record_generated(load_site(**changes), 480, 5), 5)


def find_members(seen: Seen, page: str) -> dict[str, Any]:
    return find_files(seen.recorded, seen.visits, len(seen.site.names)).pages[seen.site.names.index(page)]


def test_a_page_s_files_are_told_with_their_sizes() -> None:
    found = find_members(see_site(), "home")
    assert {name: found[name] for name in ("stylesheet", "script", "font", "image")} == {
        "stylesheet": 2, "script": 4, "font": 1, "image": 4,
    }  # fmt: skip
    assert found["kilobytes"]["stylesheet"] == [40, 5]
    assert found["kilobytes"]["script"][:3] == [180, 60, 12]
    assert "shared" not in found


def test_a_page_s_largest_image_and_those_of_style_sheets_are_told_in_their_places() -> None:
    """Each item has a largest image of its own, which is one file of the page."""
    seen = see_site()
    found = find_members(seen, "item")
    assets = Site(load_site()).assets
    own = slice(assets.begins[1], assets.begins[2])
    for kind, name in enumerate(("stylesheet", "script", "font", "image")):
        sizes = assets.size[own][assets.kind[own] == kind] - HEADER_BYTES
        assert found["kilobytes"][name] == pytest.approx(sizes / 1024, rel=0.01)


@pytest.mark.parametrize(("shared", "told"), [(0.25, 0.18), (1.0, 1.0)])
def test_how_many_of_its_files_a_page_shares_is_told_where_it_is_not_usual(shared: float, told: float) -> None:
    assert find_members(see_site(shared=shared, of_item=shared), "home")["shared"] == pytest.approx(told, abs=0.05)


def test_a_page_that_shares_more_of_its_files_than_another_has_a_share_of_its_own() -> None:
    seen = see_site(of_item=1.0)
    home, item = (find_members(seen, page).get("shared", SHARED) for page in ("home", "item"))
    assert [round(number * home) for number in (2, 4)] == [1, 3]
    assert [round(number * item) for number in (2, 3)] == [2, 3]


@pytest.mark.parametrize("images", [9, 12, 14])
def test_a_page_with_more_images_than_the_client_records_has_all_that_its_loads_show(images: int) -> None:
    text = SITE.format(**USUAL).replace("image = 4", f"image = {images}")
    seen = see_visits(record_generated(Scenario.parse(text, "files.toml"), 480, 5), 5)
    assert find_members(seen, "home")["image"] == images
    assert find_members(seen, "item")["image"] == 3


@pytest.mark.parametrize("media", [1, 2])
def test_media_that_images_crowd_out_of_most_loads_are_told(media: int) -> None:
    text = SITE.format(**USUAL).replace("image = 4", f"image = 12\nmedia = {media}")
    seen = see_visits(record_generated(Scenario.parse(text, "files.toml"), 480, 5), 5)
    assert find_members(seen, "home")["media"] == media
    assert "media" not in find_members(seen, "item")


NUMBERS = np.array([[3, 8], [2, 6], [5, 20], [1, 9], [4, 4]])
"""Style sheets and scripts of five pages."""


def show(parts: list[float]) -> list[list[int]]:
    """How many of its files each page has that another page has too, counted file by file."""
    shared = [[round(number * part) for number in own] for own, part in zip(NUMBERS.tolist(), parts, strict=True)]
    return [
        [sum(any(file < other[kind] for row, other in enumerate(shared) if row != page) for file in range(own[kind]))
         for kind in range(2)]
        for page, own in enumerate(shared)
    ]  # fmt: skip


@pytest.mark.parametrize("part", [0.0, 0.2, 0.5, 0.6, 0.7, 0.8, 0.85, 0.95, 1.0])
def test_a_site_s_part_is_told_though_the_largest_page_shows_fewer(part: float) -> None:
    found = find_shared_parts(NUMBERS, np.array(show([part] * 5)))
    assert show(found[1:].tolist()) == show([part] * 5)
    assert len(set(found.tolist())) == 1
    assert found[0] == pytest.approx(part, abs=0.1)


def test_the_default_part_stays_where_it_explains_everything() -> None:
    assert set(find_shared_parts(NUMBERS, np.array(show([SHARED] * 5))).tolist()) == {SHARED}


@pytest.mark.parametrize(("page", "part"), [(0, 0.0), (1, 1.0), (3, 0.1)])
def test_a_page_that_shares_another_part_is_told(page: int, part: float) -> None:
    parts = [0.8] * 5
    parts[page] = part
    found = find_shared_parts(NUMBERS, np.array(show(parts)))
    assert show(found[1:].tolist()) == show(parts)
