"""What a browser adds to requests: as Chromium was seen to send it; user agent, headers and body agree."""

from __future__ import annotations

import json
import re

import msgspec
import numpy as np
import pytest
from ua_parser import parse

from loadgen.model import Visitor
from loadgen.scenario import Scenario
from loadgen.traffic.draws import Seeds
from loadgen.traffic.population import Crowd
from loadgen.wire import DIALECTS, encode
from loadgen.wire.browser_headers import make_browser_headers, write_accept_language, write_brands
from loadgen.wire.sigv4 import Credentials, Signer
from tests.paths import FIXTURES, SCENARIOS
from tests.traffic.look import small
from tests.wire.batches import CLOCK, DESTINATION, VISITOR, batch, body_of, event

AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
LINUX = msgspec.structs.replace(
    VISITOR, language="en-US", device_type="desktop", os_name="Linux", browser_version="156", user_agent=AGENT
)
ORIGIN = "https://shop.example"

CAPTURED_BEACON = (
    ("connection", "keep-alive"), ("sec-ch-ua-platform", '"Linux"'), ("user-agent", AGENT),
    ("sec-ch-ua", '"Not:A-Brand";v="8", "Chromium";v="156", "Google Chrome";v="156"'), ("sec-ch-ua-mobile", "?0"),
    ("accept", "*/*"), ("origin", ORIGIN), ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors"),
    ("sec-fetch-dest", "empty"), ("sec-fetch-storage-access", "none"), ("referer", f"{ORIGIN}/"),
    ("accept-encoding", "gzip, deflate, br, zstd"), ("accept-language", "en-US,en;q=0.9"),
)  # fmt: skip
"""A captured beacon's headers besides the web client's own, with a Google Chrome for the recorded Chromium."""

CAPTURED_PREFLIGHT = (
    ("connection", "keep-alive"), ("accept", "*/*"), ("origin", ORIGIN), ("user-agent", AGENT),
    ("sec-fetch-mode", "cors"), ("sec-fetch-site", "cross-site"), ("sec-fetch-dest", "empty"),
    ("referer", f"{ORIGIN}/"), ("accept-encoding", "gzip, deflate, br, zstd"), ("accept-language", "en-US,en;q=0.9"),
)  # fmt: skip
"""A captured preflight's, without Host and without what it asks for."""

FAMILIES = {
    "Chrome": "Google Chrome", "Chrome Mobile": "Google Chrome", "Edge": "Microsoft Edge", "Mobile Safari": "Safari",
    "Chrome Mobile iOS": "Chrome",
}  # fmt: skip
SYSTEMS = {"Mac OS X": "macOS", "Chrome OS": "Chrome OS"}
"""The parser's names for browsers and systems where the browsers' own differ."""


PEOPLE = 1300
"""Visitors of each scenario that are looked at."""


@pytest.fixture(scope="module")
def visitors() -> list[Visitor]:
    """One visitor with each browser, system, device and language that 11,000 people of all scenarios have."""
    found: dict[tuple[str, str, str], Visitor] = {}
    for path in [*SCENARIOS.glob("*.toml"), FIXTURES / "everything.toml"]:
        crowd = Crowd(Scenario.load(path), Seeds(1))
        people = crowd.draw(0, np.zeros(PEOPLE))
        for visitor in (crowd.make_visitor(people, row) for row in range(len(people.user))):
            found[visitor.user_agent, visitor.language, visitor.device_type] = visitor
    return list(found.values())


def test_chromium_s_headers_are_the_captured_ones_in_their_order() -> None:
    headers = make_browser_headers(LINUX, "shop.example")
    assert headers.beacon == CAPTURED_BEACON
    assert headers.preflight == CAPTURED_PREFLIGHT
    cors = {("sec-fetch-mode", "cors")} | set(CAPTURED_BEACON)
    assert set(headers.fetch) == cors - {("sec-fetch-mode", "no-cors"), ("sec-fetch-storage-access", "none")}


def test_a_fetch_of_a_page_that_is_not_shown_yet_says_so_where_chromium_does() -> None:
    shown = batch(event({}), visitor=LINUX)
    names, hidden = (
        [name for name, _ in encode(each, DESTINATION, CLOCK).request.headers]
        for each in (shown, msgspec.structs.replace(shown, prerendering=True))
    )
    place = hidden.index("sec-purpose")
    assert hidden[place - 1 : place + 2] == ["sec-ch-ua", "sec-purpose", "sec-ch-ua-mobile"]
    assert [name for name in hidden if name != "sec-purpose"] == names


@pytest.mark.parametrize(
    ("version", "brands"),
    [
        ("131", '"Google Chrome";v="131", "Chromium";v="131", "Not_A Brand";v="24"'),
        ("137", '"Google Chrome";v="137", "Chromium";v="137", "Not/A)Brand";v="24"'),
        ("130", '"Chromium";v="130", "Google Chrome";v="130", "Not?A_Brand";v="99"'),
    ],
)
def test_brands_are_those_of_released_versions(version: str, brands: str) -> None:
    assert write_brands(version, msgspec.structs.replace(LINUX, browser_version=version)) == brands


def test_user_agent_headers_and_body_tell_of_the_same_browser(visitors: list[Visitor]) -> None:
    """Read by a user-agent parser: browser, version and system; and the engine's own headers and no others'."""
    assert len({visitor.user_agent for visitor in visitors}) > 40
    for visitor in visitors:
        result = encode(batch(event({}), visitor=visitor), DESTINATION, CLOCK)
        header, read = dict(result.request.headers), parse(visitor.user_agent)
        session = json.loads(body_of(result)["SessionMetadata"])
        assert read.user_agent is not None and read.os is not None
        name, system = FAMILIES.get(read.user_agent.family, read.user_agent.family), read.os.family
        app = "; wv)" in visitor.user_agent  # Android's: client hints tell the web view, the user agent also the app
        assert header["user-agent"] == visitor.user_agent
        told = (visitor.browser_name, visitor.browser_version.partition(".")[0])
        assert told == (("Android WebView", told[1]) if app else (name, read.user_agent.major))
        assert name in {"Instagram", "Facebook"} or not app
        assert SYSTEMS.get(system, system) == visitor.os_name
        assert ("sec-ch-ua" in header) == visitor.brand == ("browserName" in session)
        assert ("Chrome/" in visitor.user_agent) == visitor.brand
        assert header["accept-language"].split(",")[0] == session["browserLanguage"] == visitor.language
        if visitor.brand:
            brand = f'"{session["browserName"]}";v="{session["browserVersion"]}"'
            chromium = re.search(r"Chrome/(\d+)", visitor.user_agent)
            assert chromium is not None
            assert {brand, f'"Chromium";v="{chromium[1]}"'} < set(header["sec-ch-ua"].split(", "))
            assert header["sec-ch-ua-platform"] == f'"{session["osName"]}"'
            assert (header["sec-ch-ua-mobile"] == "?1") == ("Mobile" in visitor.user_agent)
            assert session["deviceType"] == ("mobile" if "Mobile" in visitor.user_agent else "desktop")
        else:
            assert session["aws:userAgent"] == visitor.user_agent


def test_apps_and_chrome_on_ios_show_pages_with_the_system_s_engine(visitors: list[Visitor]) -> None:
    found = {}
    for visitor in visitors:
        read = parse(visitor.user_agent)
        assert read.user_agent is not None and read.os is not None
        found[read.user_agent.family, read.os.family] = visitor.brand
    wanted = {("Chrome Mobile iOS", "iOS"): False}
    wanted |= {(app, system): system == "Android" for app in ("Instagram", "Facebook") for system in ("iOS", "Android")}
    assert wanted.items() <= found.items()


def test_safari_versions_exist(visitors: list[Visitor]) -> None:
    """Up to 18 an iPhone tells its system's version, which is Safari's; from 26 on the system's is frozen."""
    phones = {
        visitor.user_agent
        for visitor in visitors
        if visitor.browser_name == "Safari" and "iPhone" in visitor.user_agent
    }
    told = {re.sub(r".*iPhone OS (\S+) .*Version/(\S+) .*", r"\1 \2", agent) for agent in phones}
    assert told == {"18_7 26.6", "18_7 27.0", "18_7 18.7", "18_5 18.5"}


def test_opera_and_samsung_tell_the_chromium_that_they_are_made_of(visitors: list[Visitor]) -> None:
    agents = " ".join(visitor.user_agent for visitor in visitors)
    assert set(re.findall(r"Chrome/(\d+)\S* Safari/\S+ OPR/(\d+)", agents)) == {("140", "124"), ("139", "123")}
    assert set(re.findall(r"SamsungBrowser/(\d+).0 Chrome/(\d+)", agents)) == {
        ("30", "143"), ("29", "136"), ("28", "130"),
    }  # fmt: skip


def test_firefox_and_safari_send_neither_client_hints_nor_storage_access(visitors: list[Visitor]) -> None:
    for visitor in (each for each in visitors if not each.brand):
        headers = make_browser_headers(visitor, "shop.example")
        for kind in headers:
            names = [name for name, _ in kind]
            assert not any(name.startswith("sec-ch-") or name == "sec-fetch-storage-access" for name in names)
            assert len(names) == len(set(names))
            assert dict(kind)["origin"] == ORIGIN
        assert dict(headers.fetch)["sec-fetch-mode"] == "cors"
        assert dict(headers.beacon)["sec-fetch-mode"] == "no-cors"


@pytest.mark.parametrize(
    ("language", "more", "wanted"),
    [
        ("en-US", ("en-US", "en"), "en-US,en;q=0.9"),
        ("en-GB", ("en-US", "en"), "en-GB,en-US;q=0.9,en;q=0.8"),
        ("de-DE", ("en-US", "en"), "de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7"),
        ("fr", ("en-US", "en"), "fr,en-US;q=0.9,en;q=0.8"),
        ("de-DE", (), "de-DE,de;q=0.9"),
    ],
)
def test_languages_are_asked_for_in_the_order_of_preference(language: str, more: tuple[str, ...], wanted: str) -> None:
    assert write_accept_language(language, *more) == wanted


def test_neither_an_sdk_nor_a_scenario_that_says_so_sends_a_browser_s_headers() -> None:
    off = small("[client]\nbrowserHeaders = false\n")
    plain = type(DESTINATION).for_scenario(off, DESTINATION.monitor_id)
    for destination in (plain, msgspec.structs.replace(DESTINATION, dialect=DIALECTS["sdk"])):
        assert encode(batch(event({})), destination, CLOCK).request.get_header("user-agent") is None
    assert encode(batch(event({})), DESTINATION, CLOCK).request.get_header("user-agent") == VISITOR.user_agent


def test_a_browser_s_headers_are_not_signed() -> None:
    request = encode(batch(event({})), DESTINATION, CLOCK).request
    signed = Signer(Credentials("AKIDEXAMPLE", "secret"), "us-east-1").sign(request, 1.7e9)
    assert "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date," in (
        signed.get_header("authorization") or ""
    )
    assert set(request.headers) < set(signed.headers)
