"""The files that pages fetch: types and initiators as browser and client tell them."""

from __future__ import annotations

from collections import Counter

import pytest

from loadgen.rum.events import RESOURCE
from loadgen.scenario import Scenario
from loadgen.traffic.site import Site
from tests.traffic.conftest import SEED
from tests.traffic.look import seen, small

FILES = "[telemetry.resources]\nstylesheet = 1\nscript = 4\nfont = 1\nimage = {image}\niframe = 2\nmedia = {media}\n"


def count_files(image: int, media: int) -> list[Counter[tuple[str, str]]]:
    """The files of each load that lived on after its load event, by initiator and type."""
    found = []
    for session in seen(small(FILES.format(image=image, media=media)), SEED):
        for load in session.loads:
            files = [event.details for event in load.events if event.type == RESOURCE]
            if any(each.fileType == "document" for each in files):
                found.append(Counter((each.initiatorType, each.fileType) for each in files))
    return found


def test_frames_are_documents_of_other_hosts_and_videos_are_other_files() -> None:
    found = count_files(image=2, media=1)
    assert len(found) > 100
    assert {counts["iframe", "document"] for counts in found} <= {1, 2}
    assert {counts["video", "other"] for counts in found} <= {0, 1}
    assert sum(counts["video", "other"] for counts in found) > 0.9 * len(found)
    hosts = {
        event.details.targetUrl.split("/")[2]
        for session in seen(small(FILES.format(image=2, media=1)), SEED)
        for load in session.loads
        for event in load.events
        if event.type == RESOURCE and event.details.fileType == "document"
    }
    assert hosts and "shop.example.com" not in hosts


def test_videos_count_with_the_images_against_the_client_s_limit() -> None:
    """resourceEventLimit, 10: images and other files together; documents, scripts and fonts have none."""
    found = count_files(image=6, media=12)
    limited = [sum(counts[kind] for kind in counts if kind[1] in ("image", "other")) for counts in found]
    assert max(limited) == 10
    assert max(counts["video", "other"] for counts in found) > 2


SIZES = """
[telemetry.resources]
script = 4
image = 2
[telemetry.resources.kilobytes]
script = [180, 60.5]
image = [1, 900]
"""


def test_files_have_the_sizes_that_the_scenario_states() -> None:
    """The first two scripts are those of all pages, and have one size on the site; further files have drawn ones."""
    sizes: dict[str, set[int]] = {}
    for session in seen(small(SIZES), SEED):
        for load in session.loads:
            for event in load.events:
                if event.type == RESOURCE and event.details.transferSize:
                    sizes.setdefault(event.details.targetUrl, set()).add(event.details.transferSize)
    assert all(len(each) == 1 for each in sizes.values())
    told = {url.rpartition("/")[2]: each.pop() for url, each in sizes.items()}
    assert told["cwr.js"] == 180 * 1024 + 300
    assert told["vendor.js"] == round(60.5 * 1024) + 300
    assert told["favicon.png"] == 900 * 1024 + 300


@pytest.mark.parametrize("name", ["app", "hero", "favicon", "script"])
def test_no_two_files_of_a_page_have_one_address_whatever_it_is_called(name: str) -> None:
    page = {"path": "/", "exit": 1.0, "resources": {"stylesheet": 5, "script": 12, "image": 8, "shared": 0.5}}
    assets = Site(Scenario.model_validate({"name": "t", "pages": {name: page}})).assets
    assert len(set(assets.urls)) == len(assets.urls) == 27
    assert (assets.hero.sum(), assets.favicon.sum(), assets.client.sum()) == (1, 1, 1)


def test_some_third_parties_tell_no_sizes() -> None:
    """Without Timing-Allow-Origin transferSize is 0, while the duration is told."""
    sizes: dict[str, set[int]] = {}
    for session in seen(small("[telemetry.resources]\nscript = 14"), SEED):
        for event in (event for load in session.loads for event in load.events if event.type == RESOURCE):
            host = event.details.targetUrl.split("/")[2]
            sizes.setdefault(host, set()).add(event.details.transferSize)
    others = {host for host in sizes if host != "shop.example.com"}
    assert {host for host in others if sizes[host] == {0}} and {host for host in others if len(sizes[host]) > 1}
