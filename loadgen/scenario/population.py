"""Who comes to the site."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from loadgen.scenario.problems import Country, Section, Share, Weight

LONGEST_STAY = 1e10
"""Seconds: no median or mean dwell time is longer than three centuries."""


class Weibull(Section):
    """Dwell times as measured on 205,873 pages: many leave at once, few stay long (Liu, White, Dumais, SIGIR 2010)."""

    distribution: Literal["weibull"] = "weibull"
    shape: float = Field(0.75, ge=0.1, le=20, description="Below 1: the longer one has stayed, the longer one stays.")
    scale: float = Field(46.2, gt=0, le=LONGEST_STAY, description="Seconds; 63 % have left by then.")


class Lognormal(Section):
    """Think times whose logarithm is normal."""

    distribution: Literal["lognormal"]
    median: float = Field(gt=0, le=LONGEST_STAY, description="Seconds.")
    sigma: float = Field(1.0, gt=0, le=20, description="Standard deviation of the natural logarithm.")


class Exponential(Section):
    """Think times without memory (reading time of 3GPP's HTTP model: mean 30 s)."""

    distribution: Literal["exponential"]
    mean: float = Field(30.0, gt=0, le=LONGEST_STAY, description="Seconds.")


class Quantiles(Section):
    """Think times as measured: the values at equal steps from the shortest to the longest, straight lines between."""

    distribution: Literal["quantiles"]
    seconds: tuple[Annotated[float, Field(ge=0, le=LONGEST_STAY)], ...] = Field(
        min_length=2, description="Ascending; [0, 10, 60]: median 10."
    )


ThinkTime = Annotated[Weibull | Lognormal | Exponential | Quantiles, Field(discriminator="distribution")]


class ThinkTimes(Section):
    """Dwell times of pages that state none of their own."""

    desktop: ThinkTime = Field(
        Weibull(scale=46.2), description="Mean 55 s, median 28 s (after Liu, White, Dumais 2010)."
    )
    mobile: ThinkTime = Field(Weibull(scale=29.4), description="Mean 35 s; also for tablets.")


Device = Literal["desktop", "mobile", "tablet"]
Browser = Literal[
    "Chrome", "Safari", "Edge", "Firefox", "Samsung Internet", "Opera", "Chrome iOS", "Instagram", "Facebook"
]
System = Literal["Windows", "macOS", "Linux", "Chrome OS", "Android", "iOS"]
Language = Annotated[str, Field(pattern="^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
Version = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,3}(\.[0-9]{1,2})?$")]
VersionMixes = dict[Literal["Chrome", "Safari", "Edge", "Firefox", "Samsung Internet", "Opera"], dict[Version, Weight]]
"""Of each browser the weights of its versions."""


class Versions(Section):
    """Versions of browsers; a browser that is not stated has loadgen's own."""

    desktop: VersionMixes = Field({}, description='On desktops, such as { Chrome = { "155" = 60, "138" = 40 } }.')
    mobile: VersionMixes = Field({}, description='On mobiles and tablets; Safari\'s as { "26.6" = 80, "18.7" = 20 }.')


COUNTRIES = {
    "US": 32.0, "GB": 8.0, "IN": 8.0, "DE": 6.0, "CA": 5.0, "FR": 4.0, "AU": 4.0, "BR": 4.0, "JP": 4.0,
    "NL": 2.5, "ES": 2.5, "IT": 2.5, "MX": 2.5, "SG": 1.5, "ZA": 1.0, "NG": 1.0,
    "KR": 2.0, "SE": 2.0, "PL": 2.0, "IE": 2.0, "NZ": 1.5, "ID": 2.0,
}  # fmt: skip
"""Our estimate of an English-language site's visitors, near Wikimedia's and the top-100-sites study's shares."""


class Population(Section):
    """Visitors: places, devices and browsers are drawn jointly, each country with its own mix."""

    countries: dict[Country, Weight] = Field(
        COUNTRIES,
        min_length=1,
        description="Weight of each country (ISO 3166-1 alpha-2). Estimate for an English site.",
    )
    devices: dict[Device, Weight] | None = Field(
        None, description="Weight of each device. Without it each country's own mix (caniuse-lite, November 2026)."
    )
    browsers: dict[Browser, Weight] | None = Field(
        None, description="Weight of each browser. Without it each country's own mix (caniuse-lite, November 2026)."
    )
    systems: dict[System, Weight] | None = Field(
        None, description="Weight of each operating system. Without it each country's own mix (an estimate)."
    )
    versions: Versions = Field(Versions(), description="Versions of browsers (caniuse-lite, November 2026).")
    languages: dict[Country, dict[Language, Weight]] = Field(
        {},
        description='Weight of each browser language by country, such as { CH = { "de-CH" = 65, "fr-CH" = 35 } }. A '
        "country that is not stated has loadgen's own (an estimate).",
    )
    returning: Share = Field(
        0.32, description="Share of sessions by visitors who have been here before (Databox survey)."
    )
    visitors: int = Field(
        2000,
        ge=1,
        le=1_000_000,
        description="People who may return several times in a run, each when the last session has expired; others "
        "return who were last here before the run.",
    )
    again: Share = Field(
        0.0,
        description="Share of the returning visitors who came new earlier in the same run, an hour before or more; "
        "for runs of days.",
    )
    direct: Share = Field(
        0.47, description="Landings without a referrer: typed, from mail or an app (Contentsquare's traffic sources)."
    )
    by_link: Share = Field(
        0.8,
        description="Steps ahead that follow a click in the page, not the address bar; steps back and reloads use the "
        "browser's own buttons. Estimate.",
    )
    back: Share = Field(
        0.17, description="Steps that go back to the page before (CrUX: 12 % of loads are back_forward)."
    )
    bfcache: Share = Field(
        0.0,
        description="Share of those steps that the browser's back/forward cache restores, with cookies and between "
        "full loads (CrUX: 1 to 4 % of loads). 0 loads the page again.",
    )
    new_tab: Share = Field(
        0.0,
        description="Share of visits in which a link opens in a new tab, on multi-page sites: the visit goes on there, "
        "and ends back in the first tab, in the same session.",
    )
    reopened: Share = Field(
        0.06,
        le=0.9,
        description="Landings that reload a page or go back to it from another site, half of each. Estimate.",
    )
    reload: Share = Field(0.04, description="Steps that load the same page again (CrUX with ours: 4 % of loads).")
    impatience: float = Field(
        0.15,
        ge=0,
        le=5,
        description="How much the log-odds of leaving rise when the first page's LCP is e times the usual one. "
        "Contentsquare: 43.5 % bounce below 1 s, 49 % above 2 s; 5.7 and 4.5 pages.",
    )
    persistence: float = Field(
        0.0,
        ge=0,
        le=5,
        description="How much visitors differ in how readily they leave: the standard deviation of their log-odds. The "
        "exits stay what the pages say, on the mean over all visitors. 1.4 gives half the visits one page and a few "
        "very many (law of surfing, Huberman et al. 1998); 0: all are alike.",
    )
    think_time: ThinkTimes = Field(ThinkTimes(), description="Dwell time by device, for pages that state none.")
