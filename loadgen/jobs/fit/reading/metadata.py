"""Read an event's page and its visitor from metadata, from the client's own fields or from RUM's.

Rule: for browsers without navigator.userAgentData (Firefox, Safari) only `aws:userAgent` names the browser, and the
client calls each of them a desktop; the user agent is read here and not kept. Of a Chromium the client reports the
first brand, which may be the made-up one ("Not:A-Brand" 8) that parsers of brands must expect: then Chrome is assumed,
with an unknown version. The client also calls Android tablets desktops. Names that the web client and RUM write
themselves are no attributes of the site.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import msgspec

from loadgen.rum.events import RESERVED_NAMES

Decoded = TypeVar("Decoded")


class PageFacts(NamedTuple):
    """The page under which an event was recorded; None: unknown."""

    page: str | None  # path
    title: str | None
    number: int  # `interaction`; -1 without cookies
    parent: str | None  # path of the page before; None: a landing, or no cookies
    tags: tuple[str, ...]
    attributes: str | None  # attributes of the site in the event's metadata, as JSON; in logs the session's too


class VisitorFacts(NamedTuple):
    """The visitor of a session, in the words of scenarios where they have one; None: unknown.

    All but the last are columns of SessionTable, in its order.
    """

    country: str | None
    device: str | None
    system: str | None
    browser: str | None
    version: str | None  # the major version; Safari's with the minor one, because Safari comes with its system
    language: str | None
    release: str | None
    client: str | None  # arw-module or arw-script
    attributes: str | None  # attributes that the site adds, as JSON
    domain: str | None


class _Metadata(msgspec.Struct, rename={"release": "aws:releaseId", "agent": "aws:userAgent", "client": "aws:client"}):
    title: object = None
    pageId: object = None
    interaction: object = None
    parentPageId: object = None
    pageTags: object = None
    countryCode: object = None
    deviceType: object = None
    osName: object = None
    browserName: object = None
    browserVersion: object = None
    browserLanguage: object = None
    domain: object = None
    release: object = None
    client: object = None
    agent: object = None


_decode_metadata = msgspec.json.Decoder(_Metadata).decode

BROWSERS = {
    "Google Chrome": "Chrome", "Chrome": "Chrome", "Chromium": "Chrome", "Chrome Headless": "Chrome",
    "HeadlessChrome": "Chrome", "Mobile Chrome": "Chrome", "Microsoft Edge": "Edge",
    "Edge": "Edge", "Safari": "Safari", "Mobile Safari": "Safari", "Firefox": "Firefox", "Mobile Firefox": "Firefox",
    "Samsung Internet": "Samsung Internet", "Samsung Browser": "Samsung Internet", "Opera": "Opera",
}  # fmt: skip
"""Names of browsers as used by browsers, RUM and parsers of user agents, each with its name in scenarios."""

CHROMIUM = frozenset({"Chrome", "Edge", "Samsung Internet", "Opera"})
"""Browsers that prerender pages."""

WEB_VIEW, IN_APP = "Android WebView", ("Facebook", "Instagram")
"""What the client calls the browser inside of an app on Android; the apps whose browsers scenarios have."""

MADE_UP_BRAND = re.compile(r"\W*Not[\W_]A[\W_]Brand")
"""The brand that a Chromium makes up (GetGreasedUserAgentBrandVersion in Chromium's user_agent_utils.cc)."""

AGENT_BROWSERS = (
    ("Edge", re.compile(r"Edg(?:e|A|iOS)?/(\d+)")),
    ("Opera", re.compile(r"(?:OPR|Opera)/(\d+)")),
    ("Samsung Internet", re.compile(r"SamsungBrowser/(\d+)")),
    ("Firefox", re.compile(r"(?:Firefox|FxiOS)/(\d+)")),
    ("Instagram", re.compile(r"Instagram (\d+)")),
    ("Facebook", re.compile(r"FBAV/(\d+)")),
    ("Chrome iOS", re.compile(r"CriOS/(\d+)")),
    ("Chrome", re.compile(r"(?:Chrome|HeadlessChrome)/(\d+)")),
    ("Safari", re.compile(r"Version/(\d+(?:\.\d+)?).*Safari/")),
)
AGENT_SYSTEMS = (
    ("iOS", re.compile("iPhone|iPad|iPod")),
    ("Android", re.compile("Android")),
    ("Windows", re.compile("Windows")),
    ("macOS", re.compile("Mac OS X|Macintosh")),
    ("Chrome OS", re.compile("CrOS")),
    ("Linux", re.compile("Linux")),
)
SYSTEMS = {"Mac OS": "macOS", "Mac OS X": "macOS", "Chromium OS": "Chrome OS"}
NAME = re.compile("(?!aws:)[A-Za-z0-9_:]{1,128}")
BUILT_IN, LONGEST_VALUE = RESERVED_NAMES | {"localityName"}, 256
"""Names that are no custom attributes: those that are reserved, and the one that RUM adds; most characters of a value
(user guide, custom metadata)."""

DEVICES = {"desktop": "desktop", "mobile": "mobile", "tablet": "tablet"}


def decode_json(decode: Callable[[Any], Decoded], text: bytes | str | msgspec.Raw) -> Decoded | None:
    """Decode JSON; None if it is none, or has another type."""
    try:
        return decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


@lru_cache(maxsize=4096)
def read_page(text: bytes | str) -> PageFacts | None:
    """Read the page from metadata; None if it is no JSON object."""
    found = decode_json(_decode_metadata, text)
    if found is None:
        return None
    number = found.interaction if isinstance(found.interaction, int) else -1
    tags = found.pageTags if isinstance(found.pageTags, list) else []
    page, parent = (
        each.partition("?")[0] if isinstance(each, str) else None for each in (found.pageId, found.parentPageId)
    )
    return PageFacts(
        page,
        found.title if isinstance(found.title, str) else None,
        number,
        parent,
        tuple(tag for tag in tags if isinstance(tag, str)),
        read_attributes(text),
    )


@lru_cache(maxsize=4096)
def read_visitor(text: bytes | str) -> VisitorFacts | None:
    """Read the visitor from metadata; None if it is no JSON object."""
    found = decode_json(_decode_metadata, text)
    if found is None:
        return None
    browser, version, system, device = map(
        _read_text, (found.browserName, found.browserVersion, found.osName, found.deviceType)
    )
    agent = _read_text(found.agent)
    if agent is not None and browser is None:
        browser, version, system, device = read_agent(agent)
    if browser is not None and MADE_UP_BRAND.match(browser):
        browser, version = "Chrome", None
    if system == "Android" and device == "desktop":
        device = "tablet"
    name = BROWSERS.get(browser, browser) if browser else None
    return VisitorFacts(
        _read_text(found.countryCode),
        DEVICES.get((device or "").lower()),
        SYSTEMS.get(system, system) if system else None,
        name,
        ".".join(version.split(".")[: 2 if name == "Safari" else 1]) if version else None,
        _read_text(found.browserLanguage),
        _read_text(found.release),
        _read_text(found.client),
        read_attributes(text),
        _read_text(found.domain),
    )


def _read_text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def read_agent(agent: str) -> tuple[str | None, str | None, str | None, str]:
    """Read browser, version, system and device from a user agent string; None: unknown."""
    browser, version = next(
        ((name, match[1]) for name, pattern in AGENT_BROWSERS if (match := pattern.search(agent))), (None, None)
    )
    system = next((name for name, pattern in AGENT_SYSTEMS if pattern.search(agent)), None)
    if "iPad" in agent or (system == "Android" and "Mobile" not in agent):
        device = "tablet"
    else:
        device = "mobile" if system in ("iOS", "Android") else "desktop"
    return browser, version, system, device


@lru_cache(maxsize=4096)
def read_attributes(text: bytes | str) -> str | None:
    """Return the attributes in metadata as JSON; None if there are none."""
    found = decode_json(msgspec.json.decode, text)
    own = {
        name: value
        for name, value in (found.items() if isinstance(found, dict) else ())
        if NAME.fullmatch(name) and name not in BUILT_IN
        and isinstance(value, str | int | float) and len(str(value)) <= LONGEST_VALUE
    }  # fmt: skip
    return msgspec.json.encode(own, order="sorted").decode() if own else None


@lru_cache(maxsize=4096)
def find_changed(one: str | None, other: str | None) -> frozenset[str]:
    """Return the names whose values differ between two texts of attributes."""
    first, second = (set(msgspec.json.decode(text or "{}").items()) for text in (one, other))
    return frozenset(name for name, _ in first ^ second)
