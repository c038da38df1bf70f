"""The browsers that people use in each country, with versions and user agents.

Source: caniuse-lite 1.0.30001826 (November 2026, after StatCounter) for browsers by region. Estimates, as no table was
found: the shares of operating systems among desktop browsers, the shares of mobiles and tablets, and the shares of
Chrome on iOS and of browsers inside apps, which the source counts as Safari mobile and Chrome mobile. The apps' shares
are near the 4.2 % of visits that come from paid social media (Contentsquare).
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from loadgen.scenario import Versions
from loadgen.traffic.draws import Floats
from loadgen.traffic.js_errors import BrowserEngine

USAGE = ("Chrome mobile", "Safari mobile", "Samsung Internet", "Chrome", "Edge", "Safari", "Firefox", "Opera")
WORLD = (45.2, 13.6, 2.0, 25.6, 5.2, 2.7, 2.2, 1.0)
BY_COUNTRY = {
    "US": (24.4, 21.6, 1.6, 33.4, 7.0, 6.6, 3.0, 1.2),
    "GB": (28.3, 25.1, 3.6, 22.6, 11.8, 5.7, 1.6, 0.8),
    "DE": (44.1, 13.4, 4.2, 16.2, 7.5, 3.3, 6.7, 2.5),
    "FR": (34.6, 16.6, 2.7, 26.7, 6.4, 3.5, 6.4, 1.5),
    "IN": (77.9, 2.4, 0.5, 12.1, 1.1, 0.2, 0.6, 0.2),
    "JP": (33.0, 20.8, 0.7, 23.6, 14.5, 2.5, 3.1, 0.6),
    "BR": (27.5, 6.9, 0.9, 52.5, 6.4, 0.7, 2.6, 2.2),
    "CA": (20.2, 28.0, 2.2, 28.0, 8.3, 8.6, 3.0, 0.8),
    "AU": (23.7, 25.6, 3.1, 28.3, 8.7, 6.4, 2.4, 1.0),
    "MX": (43.0, 10.9, 0.7, 34.8, 5.8, 1.3, 1.8, 1.0),
    "NG": (70.3, 7.2, 0.9, 15.3, 2.2, 0.4, 2.0, 0.5),
    "KR": (19.6, 19.3, 10.7, 35.6, 9.7, 2.9, 1.0, 0.7),
    "ZA": (60.6, 9.8, 6.7, 14.2, 3.0, 0.6, 1.0, 0.4),
}
"""Percent of page views by country, in the order of USAGE. Nigeria's Opera Mobile counts as Chrome mobile."""


class Platform(NamedTuple):
    """One kind of browser on one kind of machine."""

    usage: str  # the name in USAGE
    share: float  # of the page views in the usage column
    device: str
    os: str
    browser: str  # the name in scenario files
    name: str  # the name that the browser reports
    brand: bool  # whether the browser has navigator.userAgentData
    versions: dict[str, int]  # weight of each version
    agent: str  # user agent: {v} is the version, {c} the version of its Chromium or app, {os} the version of its iOS


CHROME_DESKTOP = {"155": 62, "154": 24, "156": 6, "150": 5, "138": 3}
CHROME_ANDROID = {"157": 66, "156": 18, "155": 9, "148": 4, "138": 3}
EDGE = {"155": 60, "154": 30, "153": 10}
FIREFOX = {"157": 55, "158": 25, "156": 12, "140": 8}
SAMSUNG = {"30": 70, "29": 22, "28": 8}
OPERA = {"124": 70, "123": 30}
IOS = {"26.6": 58, "27.0": 20, "18.7": 12, "18.5": 10}
MAC_SAFARI = {"26.6": 62, "27.0": 20, "18.6": 12, "17.6": 6}

CHROMIUM_OF = {"Samsung Internet": {"30": "143", "29": "136", "28": "130"}, "Opera": {"124": "140", "123": "139"}}
"""The version of Chromium in each version of browsers with numbers of their own; found in user agent strings."""

CHROME_IOS, INSTAGRAM, FACEBOOK, WEB_VIEW = "Chrome iOS", "Instagram", "Facebook", "Android WebView"
APP_OF = {
    CHROME_IOS: {"26.6": "155", "27.0": "155", "18.7": "154", "18.5": "150"},
    INSTAGRAM: {"26.6": "410", "27.0": "411", "18.7": "409", "18.5": "405"},
    FACEBOOK: {"26.6": "540", "27.0": "541", "18.7": "539", "18.5": "535"},
}
"""The version of an app on each version of iOS, whose WebKit shows the app's pages. Estimates."""

FROZEN_IOS = "18_7"
"""The iOS version in Safari's user agent string from iOS 26 on (WebKit's notes on Safari 26; 18_6 before 26.1)."""

KIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
WINDOWS, MAC, LINUX = "Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64"
CROS, ANDROID = "X11; CrOS x86_64 14541.0.0", "Linux; Android 10; K"


def _write_chromium(system: str, tail: str = "", mobile: str = "") -> str:
    return f"Mozilla/5.0 ({system}) {KIT} Chrome/{{c}}.0.0.0{mobile} Safari/537.36{tail}"


def _write_safari(system: str, mobile: str = "") -> str:
    build = "604.1" if mobile else "605.1.15"
    return f"Mozilla/5.0 ({system}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{{v}}{mobile} Safari/{build}"


def _write_firefox(system: str) -> str:
    return f"Mozilla/5.0 ({system}; rv:{{v}}.0) Gecko/20100101 Firefox/{{v}}.0"


IPHONE = "iPhone; CPU iPhone OS {os} like Mac OS X"
CHROME, SAMSUNG_NAME = "Google Chrome", "Samsung Internet"
SAMSUNG_AGENT = f"Mozilla/5.0 ({ANDROID}) {KIT} SamsungBrowser/{{v}}.0 Chrome/{{c}}.0.0.0 Mobile Safari/537.36"

IPHONE_KIT = f"Mozilla/5.0 ({IPHONE}) AppleWebKit/605.1.15 (KHTML, like Gecko)"
INSTAGRAM_PHONE = " Instagram {c}.0.0.0.0 (iPhone15,2; iOS {os}; en_US; en; scale=3.00; 1179x2556)"
FACEBOOK_PHONE = " [FBAN/FBIOS;FBAV/{c}.0.0.0.0;FBDV/iPhone15,2;FBMD/iPhone;FBSN/iOS;FBSV/{v};FBSS/3;FBID/phone;FBOP/5]"
WEB_VIEW_AGENT = (
    f"Mozilla/5.0 (Linux; Android 16; SM-S921B Build/BP2A.250605.031; wv) {KIT} "
    "Version/4.0 Chrome/{v}.0.0.0 Mobile Safari/537.36"
)
INSTAGRAM_ANDROID = " Instagram 410.0.0.0.0 Android (36/16; 480dpi; 1080x2340; samsung; SM-S921B; e1s; s5e9945; en_US)"

PLATFORMS = (
    Platform("Chrome mobile", 0.92, "mobile", "Android", "Chrome", CHROME, True, CHROME_ANDROID,
             _write_chromium(ANDROID, mobile=" Mobile")),
    Platform("Chrome mobile", 0.04, "tablet", "Android", "Chrome", CHROME, True, CHROME_ANDROID,
             _write_chromium(ANDROID)),
    Platform("Chrome mobile", 0.02, "mobile", "Android", INSTAGRAM, WEB_VIEW, True, CHROME_ANDROID,
             WEB_VIEW_AGENT + INSTAGRAM_ANDROID),
    Platform("Chrome mobile", 0.02, "mobile", "Android", FACEBOOK, WEB_VIEW, True, CHROME_ANDROID,
             WEB_VIEW_AGENT + " [FB_IAB/FB4A;FBAV/540.0.0.0.0;]"),
    Platform("Safari mobile", 0.80, "mobile", "iOS", "Safari", "Safari", False, IOS,
             _write_safari(IPHONE, " Mobile/15E148")),
    Platform("Safari mobile", 0.06, "mobile", "iOS", CHROME_IOS, "Chrome", False, IOS,
             f"{IPHONE_KIT} CriOS/{{c}}.0.0.0 Mobile/15E148 Safari/604.1"),
    Platform("Safari mobile", 0.03, "mobile", "iOS", INSTAGRAM, INSTAGRAM, False, IOS,
             f"{IPHONE_KIT} Mobile/15E148{INSTAGRAM_PHONE}"),
    Platform("Safari mobile", 0.03, "mobile", "iOS", FACEBOOK, FACEBOOK, False, IOS,
             f"{IPHONE_KIT} Mobile/15E148{FACEBOOK_PHONE}"),
    Platform("Safari mobile", 0.08, "tablet", "macOS", "Safari", "Safari", False, IOS,
             _write_safari(MAC)),  # an iPad has the user agent of a Mac
    Platform("Samsung Internet", 1.0, "mobile", "Android", SAMSUNG_NAME, SAMSUNG_NAME, True, SAMSUNG, SAMSUNG_AGENT),
    Platform("Chrome", 0.76, "desktop", "Windows", "Chrome", CHROME, True, CHROME_DESKTOP, _write_chromium(WINDOWS)),
    Platform("Chrome", 0.15, "desktop", "macOS", "Chrome", CHROME, True, CHROME_DESKTOP, _write_chromium(MAC)),
    Platform("Chrome", 0.06, "desktop", "Linux", "Chrome", CHROME, True, CHROME_DESKTOP, _write_chromium(LINUX)),
    Platform("Chrome", 0.03, "desktop", "Chrome OS", "Chrome", CHROME, True, CHROME_DESKTOP, _write_chromium(CROS)),
    Platform("Edge", 0.95, "desktop", "Windows", "Edge", "Microsoft Edge", True, EDGE,
             _write_chromium(WINDOWS, " Edg/{v}.0.0.0")),
    Platform("Edge", 0.05, "desktop", "macOS", "Edge", "Microsoft Edge", True, EDGE,
             _write_chromium(MAC, " Edg/{v}.0.0.0")),
    Platform("Safari", 1.0, "desktop", "macOS", "Safari", "Safari", False, MAC_SAFARI, _write_safari(MAC)),
    Platform("Firefox", 0.74, "desktop", "Windows", "Firefox", "Firefox", False, FIREFOX, _write_firefox(WINDOWS)),
    Platform("Firefox", 0.12, "desktop", "macOS", "Firefox", "Firefox", False, FIREFOX,
             _write_firefox("Macintosh; Intel Mac OS X 10.15")),
    Platform("Firefox", 0.14, "desktop", "Linux", "Firefox", "Firefox", False, FIREFOX, _write_firefox(LINUX)),
    Platform("Opera", 1.0, "desktop", "Windows", "Opera", "Opera", True, OPERA,
             _write_chromium(WINDOWS, " OPR/{v}.0.0.0")),
)  # fmt: skip


VITALS = ("lcp", "fid", "cls", "inp")
SINCE = {
    "Firefox": {"fid": 89.0, "lcp": 122.0, "inp": 144.0},
    "Safari": {"fid": 26.2, "lcp": 26.2, "inp": 26.2},
}
"""By engine other than Chromium: the first version that measures each vital (Interop 2025); none measures CLS."""


def can_measure(platform: Platform, version: str, vital: str) -> bool:
    """Whether a browser's version measures a vital; every browser measures FCP and TTFB."""
    engine = "Firefox" if platform.browser == "Firefox" else "Safari"
    return platform.brand or float(version) >= SINCE[engine].get(vital, float("inf"))


def list_versions(platform: Platform, stated: Versions) -> dict[str, float]:
    """Return the weights of a browser's versions, the most common first: the scenario's, or else the platform's."""
    mixes = stated.desktop if platform.device == "desktop" else stated.mobile
    own = {str(browser): mix for browser, mix in mixes.items()}.get(platform.browser)
    if own is None:
        return {version: float(weight) for version, weight in platform.versions.items()}
    return dict(sorted(own.items(), key=lambda item: -item[1]))


@cache
def _find_inner_version(browser: str, version: str) -> str:
    """Return the version of the Chromium in a browser, or of an app on iOS; for an unknown version, the nearest's."""
    known = (CHROMIUM_OF | APP_OF).get(browser)
    return known[min(known, key=lambda each: abs(float(each) - float(version)))] if known else version


def write_agent(platform: Platform, version: str) -> str:
    """Write the user agent string of a browser's version."""
    inner = _find_inner_version(platform.browser, version)
    system = FROZEN_IOS if float(version) >= 26 else version.replace(".", "_")
    return platform.agent.replace("{v}", version).replace("{c}", inner).replace("{os}", system)


def name_version(platform: Platform, version: str) -> str:
    """Return the version that a browser reports: the major version, to which Samsung Internet adds a zero.

    For an app on iOS it is the app's version.
    """
    if not platform.brand and platform.browser in APP_OF:
        return APP_OF[platform.browser][version]
    major = version.partition(".")[0]
    return f"{major}.0" if platform.browser == SAMSUNG_NAME else major


def find_engine(platform: Platform) -> BrowserEngine:
    """Return the engine of a browser, which decides the words of its errors."""
    if platform.brand:
        return BrowserEngine.CHROMIUM
    return BrowserEngine.FIREFOX if platform.browser == "Firefox" else BrowserEngine.SAFARI


def weigh_platforms(countries: list[str]) -> Floats:
    """Return the weight of each platform (column) in each country (row)."""
    columns = [USAGE.index(platform.usage) for platform in PLATFORMS]
    rows = np.array([BY_COUNTRY.get(country, WORLD) for country in countries], dtype=np.float64)
    return np.asarray(rows[:, columns] * [platform.share for platform in PLATFORMS], dtype=np.float64)


def rake(weights: Floats, groups: list[str], shares: dict[str, float], mass: Floats) -> Floats:
    """Scale weights so that groups of platforms have given shares over all countries: one step of raking.

    Args:
        weights: Weight of each platform (column) in each country (row).
        groups: The group of each platform.
        shares: The share that each group is to have; only ratios count.
        mass: The share of visitors of each country.
    """
    total = sum(shares.values())
    factors = np.zeros(weights.shape[1])
    for group in set(groups):
        columns = [index for index, name in enumerate(groups) if name == group]
        now = float((mass[:, None] * weights[:, columns]).sum())
        factors[columns] = shares.get(group, 0.0) / total / now if now else 0.0
    scaled = weights * factors
    totals = scaled.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(scaled, totals, out=np.zeros_like(scaled), where=totals > 0), dtype=np.float64)
