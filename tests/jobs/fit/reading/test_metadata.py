"""Who a visitor was, by the client's own fields and by user agents."""

from __future__ import annotations

import json

import pytest

from loadgen.jobs.fit.reading.metadata import read_visitor

SAFARI = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.6 Safari/605.1.15"  # noqa: E501


def read(**members: str) -> tuple[str | None, str | None, str | None, str | None]:
    found = read_visitor(json.dumps(members))
    assert found is not None
    return found.device, found.system, found.browser, found.version


@pytest.mark.parametrize(
    "brand", ["Not:A-Brand", "Not/A)Brand", "Not A(Brand", " Not A;Brand", "Not_A Brand", "Not?A_Brand"]
)
def test_an_invented_brand_is_a_chromium_whose_version_is_not_told(brand: str) -> None:
    told = read(browserName=brand, browserVersion="8", osName="Linux", deviceType="desktop")
    assert told == ("desktop", "Linux", "Chrome", None)
    named = read(browserName="Google Chrome", browserVersion="149", osName="Windows", deviceType="mobile")
    assert named == ("mobile", "Windows", "Chrome", "149")


def test_an_android_that_is_no_mobile_is_a_tablet() -> None:
    told = read(browserName="Google Chrome", browserVersion="157", osName="Android", deviceType="desktop")
    assert told == ("tablet", "Android", "Chrome", "157")


def test_versions_are_major_but_for_safari_which_comes_with_its_system() -> None:
    assert read(**{"aws:userAgent": SAFARI, "deviceType": "desktop"}) == ("desktop", "macOS", "Safari", "26.6")
    assert read(browserName="Mobile Safari", browserVersion="17.6.1", osName="iOS")[3] == "17.6"
    assert read(browserName="Samsung Internet", browserVersion="30.0", osName="Android")[3] == "30"
