"""Who comes to the site, and how visitors behave: places, browsers, dwell times, ways through the pages."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from loadgen.scenario.problems import Country, Section, Share, Weight

LONGEST_STAY = 1e10
"""The longest median or mean dwell time, in seconds: three centuries."""


class Weibull(Section):
    """Dwell times as measured on 205,873 pages: many leave at once, few stay long (Liu, White, Dumais, SIGIR 2010)."""

    distribution: Literal["weibull"] = "weibull"
    shape: float = Field(
        0.75, ge=0.1, le=20, description="Below 1, a visitor who has stayed longer leaves with a lower probability."
    )
    scale: float = Field(46.2, gt=0, le=LONGEST_STAY, description="Seconds by which 63 % have left.")


class Lognormal(Section):
    """Dwell times whose logarithm is normally distributed."""

    distribution: Literal["lognormal"]
    median: float = Field(gt=0, le=LONGEST_STAY, description="Median dwell time in seconds.")
    sigma: float = Field(1.0, gt=0, le=20, description="Standard deviation of the natural logarithm.")


class Exponential(Section):
    """Dwell times with an exponential distribution (reading time of 3GPP's HTTP model: mean 30 s)."""

    distribution: Literal["exponential"]
    mean: float = Field(30.0, gt=0, le=LONGEST_STAY, description="Mean dwell time in seconds.")


class Quantiles(Section):
    """Measured dwell times: quantiles at equal steps from the shortest to the longest, interpolated linearly."""

    distribution: Literal["quantiles"]
    seconds: tuple[Annotated[float, Field(ge=0, le=LONGEST_STAY)], ...] = Field(
        min_length=2, description="Quantiles in seconds, ascending; [0, 10, 60] has the median 10."
    )


ThinkTime = Annotated[Weibull | Lognormal | Exponential | Quantiles, Field(discriminator="distribution")]


class ThinkTimes(Section):
    """Dwell times by device, for pages that state none."""

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
"""By browser: the weights of its versions."""


class Versions(Section):
    """Weights of browser versions; a browser that the scenario does not state has loadgen's default weights."""

    desktop: VersionMixes = Field({}, description='On desktops, such as { Chrome = { "155" = 60, "138" = 40 } }.')
    mobile: VersionMixes = Field({}, description='On mobiles and tablets; Safari\'s as { "26.6" = 80, "18.7" = 20 }.')


COUNTRIES = {
    "US": 32.0, "GB": 8.0, "IN": 8.0, "DE": 6.0, "CA": 5.0, "FR": 4.0, "AU": 4.0, "BR": 4.0, "JP": 4.0,
    "NL": 2.5, "ES": 2.5, "IT": 2.5, "MX": 2.5, "SG": 1.5, "ZA": 1.0, "NG": 1.0,
    "KR": 2.0, "SE": 2.0, "PL": 2.0, "IE": 2.0, "NZ": 1.5, "ID": 2.0,
}  # fmt: skip
"""Our estimate of an English-language site's visitors, near Wikimedia's and the top-100-sites study's shares."""


class Population(Section):
    """The visitors: place, device and browser are drawn jointly, and each country has its own mix of them."""

    countries: dict[Country, Weight] = Field(
        COUNTRIES,
        min_length=1,
        description="Weight of each country (ISO 3166-1 alpha-2). Estimate for an English site.",
    )
    devices: dict[Device, Weight] | None = Field(
        None, description="Weight of each device. Default: each country's own mix (caniuse-lite, November 2026)."
    )
    browsers: dict[Browser, Weight] | None = Field(
        None, description="Weight of each browser. Default: each country's own mix (caniuse-lite, November 2026)."
    )
    systems: dict[System, Weight] | None = Field(
        None, description="Weight of each operating system. Default: each country's own mix (an estimate)."
    )
    versions: Versions = Field(Versions(), description="Versions of browsers (caniuse-lite, November 2026).")
    languages: dict[Country, dict[Language, Weight]] = Field(
        {},
        description='Weight of each browser language by country, such as { CH = { "de-CH" = 65, "fr-CH" = 35 } }. A '
        "country that is not stated has loadgen's default weights (an estimate).",
    )
    returning: Share = Field(
        0.32, description="Share of sessions by visitors who have been here before (Databox survey)."
    )
    visitors: int = Field(
        2000,
        ge=1,
        le=1_000_000,
        description="Number of people who may come several times in a run, each after their last session has expired. "
        "The other returning visitors were last here before the run.",
    )
    again: Share = Field(
        0.0,
        description="Share of the returning visitors whose first visit was in the same run, an hour before or more; "
        "for runs of days.",
    )
    direct: Share = Field(
        0.47, description="Landings without a referrer: typed, from mail or an app (Contentsquare's traffic sources)."
    )
    by_link: Share = Field(
        0.8,
        description="Share of the steps ahead that follow a click in the page, not the address bar; steps back and "
        "reloads use the browser's own buttons. Estimate.",
    )
    back: Share = Field(
        0.17, description="Share of the steps that go back to the page before (CrUX: 12 % of loads are back_forward)."
    )
    bfcache: Share = Field(
        0.0,
        description="Share of the steps back that the browser's back/forward cache restores, with cookies and between "
        "full loads (CrUX: 1 to 4 % of loads). With 0 each step back loads the page again.",
    )
    new_tab: Share = Field(
        0.0,
        description="Share of visits in which a link opens in a new tab, on multi-page sites: the visit goes on there, "
        "and ends back in the first tab, in the same session.",
    )
    reopened: Share = Field(
        0.06,
        le=0.9,
        description="Share of the landings that reload a page or go back to it from another site, half of each. "
        "Estimate.",
    )
    reload: Share = Field(
        0.04, description="Share of the steps that load the same page again (with `reopened`, CrUX's 4 % of loads)."
    )
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
        "mean over all visitors keeps the pages' exits. With 1.4 half of the visits have one page and a few very many "
        "(law of surfing, Huberman et al. 1998); with 0 all visitors are alike.",
    )
    think_time: ThinkTimes = Field(ThinkTimes(), description="Dwell time by device, for pages that state none.")
