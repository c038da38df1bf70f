"""The headers that a visitor's browser adds to the web client's requests, in the order of its engine.

Rule: the headers depend only on the visitor that the body describes; the user agent string decides the engine. They
are the headers of HTTP/1.1 to another origin over a secure connection, without cookies.

Sources: Chromium's from captured requests (156); its brands from components/embedder_support/user_agent_utils.cc;
Firefox's Accept-Language from netwerk/base/rust-helper (151 and later); Fetch Metadata and Referrer Policy (W3C).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from loadgen.model import Headers, Visitor

CHROMIUM_VERSION = re.compile(r"Chrome/(\d+)")
GREASE_LETTERS = " (:-./);=?_"
GREASE_VERSIONS = ("8", "99", "24")
BRAND_ORDERS = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
"""The positions of the invented brand, of Chromium and of the browser's own brand, by version modulo 6."""

ENGLISH_TOO = ("en-US", "en")
"""Languages that Chromium and Firefox add to the visitor's own in Accept-Language; Safari adds none."""


class BrowserHeaders(NamedTuple):
    """The headers that a browser adds to each kind of request."""

    fetch: Headers
    beacon: Headers
    preflight: Headers  # without the headers that say what the preflight asks for


def make_browser_headers(visitor: Visitor, domain: str) -> BrowserHeaders:
    """Make the headers that a visitor's browser adds on a page of the host `domain`."""
    return _make_headers(visitor.user_agent, visitor.language, _write_hints(visitor) if visitor.brand else (), domain)


@lru_cache(maxsize=4096)
def _make_headers(agent: str, language: str, hints: Headers, domain: str) -> BrowserHeaders:
    """Make a browser's headers. They are cached, so visitors with equal browsers share the parts of signatures too."""
    origin = f"https://{domain}"
    if hints:
        return _make_chromium(agent, write_accept_language(language, *ENGLISH_TOO), hints, origin)
    if "Gecko/" in agent:
        return _make_gecko(agent, write_accept_language(language, *ENGLISH_TOO), origin)
    return _make_webkit(agent, write_accept_language(language), origin)


def _make_chromium(agent: str, spoken: str, hints: Headers, origin: str) -> BrowserHeaders:
    system, brands, mobile = hints
    identity = (("connection", "keep-alive"), system, ("user-agent", agent), brands, mobile)
    place = (("accept", "*/*"), ("origin", origin), ("sec-fetch-site", "cross-site"))
    end = (("referer", f"{origin}/"), ("accept-encoding", "gzip, deflate, br, zstd"), ("accept-language", spoken))
    cors, simple, empty = ("sec-fetch-mode", "cors"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "empty")
    return BrowserHeaders(
        fetch=(*identity, *place, cors, empty, *end),
        beacon=(*identity, *place, simple, empty, ("sec-fetch-storage-access", "none"), *end),
        preflight=(
            ("connection", "keep-alive"),
            ("accept", "*/*"),
            ("origin", origin),
            ("user-agent", agent),
            cors,
            ("sec-fetch-site", "cross-site"),
            empty,
            *end,
        ),
    )


def _make_gecko(agent: str, spoken: str, origin: str) -> BrowserHeaders:
    start = (
        ("user-agent", agent),
        ("accept", "*/*"),
        ("accept-language", spoken),
        ("accept-encoding", "gzip, deflate, br, zstd"),
        ("referer", f"{origin}/"),
        ("origin", origin),
        ("connection", "keep-alive"),
        ("sec-fetch-dest", "empty"),
    )
    site, fetch, beacon = ("sec-fetch-site", "cross-site"), ("priority", "u=4"), ("priority", "u=6")
    asked = (*start, ("sec-fetch-mode", "cors"), site, fetch)
    return BrowserHeaders(asked, (*start, ("sec-fetch-mode", "no-cors"), site, beacon), asked)


def _make_webkit(agent: str, spoken: str, origin: str) -> BrowserHeaders:
    start = (("accept", "*/*"), ("origin", origin), ("sec-fetch-site", "cross-site"))
    end = (
        ("sec-fetch-dest", "empty"),
        ("user-agent", agent),
        ("referer", f"{origin}/"),
        ("accept-language", spoken),
        ("accept-encoding", "gzip, deflate, br"),
        ("connection", "keep-alive"),
    )
    asked = (*start, ("sec-fetch-mode", "cors"), *end, ("priority", "u=3, i"))
    return BrowserHeaders(asked, (*start, ("sec-fetch-mode", "no-cors"), *end), asked)


def write_accept_language(language: str, *more: str) -> str:
    """Write Accept-Language of a visitor's language and `more`: `de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7`."""
    general = language.partition("-")[0]
    wanted = dict.fromkeys((language, *more) if general in more else (language, general, *more))
    return ",".join(tag if not rank else f"{tag};q=0.{10 - rank}" for rank, tag in enumerate(wanted))


def _write_hints(visitor: Visitor) -> Headers:
    """Write the client hints that every Chromium sends: its system, its brands, and whether it is a mobile."""
    match = CHROMIUM_VERSION.search(visitor.user_agent)
    return (
        ("sec-ch-ua-platform", f'"{visitor.os_name}"'),
        ("sec-ch-ua", write_brands(match[1] if match else visitor.browser_version, visitor)),
        ("sec-ch-ua-mobile", "?1" if visitor.device_type == "mobile" else "?0"),
    )


def write_brands(chromium: str, visitor: Visitor) -> str:
    """Write Sec-CH-UA of a Chromium with this major version: two true brands, and an invented brand as Chromium does.

    (The invented brand, "GREASE", keeps parsers from relying on a fixed list.)
    """
    seed = int(chromium) if chromium.isdecimal() else 0
    first, second = (GREASE_LETTERS[(seed + step) % len(GREASE_LETTERS)] for step in (0, 1))
    invented = (f"Not{first}A{second}Brand", GREASE_VERSIONS[seed % len(GREASE_VERSIONS)])
    brands = (invented, ("Chromium", chromium), (visitor.browser_name, visitor.browser_version))
    placed = sorted(zip(BRAND_ORDERS[seed % len(BRAND_ORDERS)], brands, strict=True))
    return ", ".join(f'"{name}";v="{version}"' for _, (name, version) in placed)
