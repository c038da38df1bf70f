"""What the web client measures on the site: vitals, resources, API calls, errors.

Rule: each median and sigma is that of a lognormal distribution; a name that ends with `ms` means milliseconds.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from loadgen.scenario.pages import Resources, Status
from loadgen.scenario.problems import Factor, Milliseconds, Section, Share, Spread, Weight

Positive = Annotated[float, Field(gt=0)]

ThrownValue = Literal[
    "error", "rejected_error", "exception", "rejected_exception", "object", "rejected_object", "text", "rejected_text",
    "number", "rejected_number", "nothing", "rejected_nothing", "foreign",
]  # fmt: skip
"""What a site throws, or rejects a promise with: an Error, a DOMException, another object, a text, a number, undefined
or null; `foreign` is an error in a script of another origin, which the browser reports only as "Script error."."""


class Vitals(Section):
    """Web vitals of one kind of device: LCP is the sum of TTFB, the time from it to FCP, and the time from FCP."""

    ttfb_median_ms: Milliseconds = Field(
        445,
        description="Navigation start to first byte of documents from the network; 408 with documents from the cache "
        "(CrUX via Web Almanac 2025).",
    )
    ttfb_sigma: Spread = Field(0.85, description="Spread of TTFB.")
    render_median_ms: Milliseconds = Field(330, description="First byte to first contentful paint.")
    render_sigma: Spread = Field(0.80, description="Spread of render_median_ms.")
    largest_median_ms: Milliseconds = Field(210, description="First to largest contentful paint.")
    largest_sigma: Spread = Field(1.0, description="Spread of largest_median_ms.")
    text_lcp: Share = Field(
        0.15, description="Share of loads whose largest element is text, four times as quick (Almanac 2025)."
    )
    inp_median_ms: Milliseconds = Field(31, description="Interaction to next paint, p75 65 ms.")
    inp_sigma: Spread = Field(1.1, description="Spread of INP (CrUX histograms of single sites: 1.0 to 1.3).")
    fid_median_ms: Milliseconds = Field(1.8, description="First input delay; weakly known.")
    fid_sigma: Spread = Field(1.5, description="Spread of FID.")
    cls_zero: Share = Field(0.30, description="Share of loads without any layout shift.")
    cls_median: Positive = Field(0.036, le=100, description="Cumulative layout shift of the other loads.")
    cls_sigma: Spread = Field(1.4, description="Spread of CLS.")
    rtt_median_ms: Milliseconds = Field(48, description="Round trip time (Treo, CrUX November 2024).")
    rtt_sigma: Spread = Field(1.02, description="Spread of the round trip time between visits (CrUX).")
    mbit: Positive = Field(50, ge=0.01, le=100_000, description="Bandwidth, Mb/s; an estimate.")


class MobileVitals(Vitals):
    """Web vitals of mobiles and tablets."""

    ttfb_median_ms: Milliseconds = Field(
        545,
        description="Navigation start to first byte of documents from the network; 500 with documents from the cache "
        "(CrUX via Web Almanac 2025).",
    )
    render_median_ms: Milliseconds = Field(480, description="First byte to first contentful paint.")
    largest_median_ms: Milliseconds = Field(300, description="First to largest contentful paint.")
    text_lcp: Share = Field(
        0.24, description="Share of loads whose largest element is text, four times as quick (Almanac 2025)."
    )
    inp_median_ms: Milliseconds = Field(64, description="Interaction to next paint, p75 135 ms.")
    fid_median_ms: Milliseconds = Field(8.7, description="First input delay; weakly known.")
    cls_zero: Share = Field(0.40, description="Share of loads without any layout shift.")
    cls_median: Positive = Field(0.0286, le=100, description="Cumulative layout shift of the other loads.")
    cls_sigma: Spread = Field(1.6, description="Spread of CLS.")
    rtt_median_ms: Milliseconds = Field(76, description="Round trip time (Treo, CrUX November 2024).")
    mbit: Positive = Field(10, ge=0.01, le=100_000, description="Bandwidth, Mb/s; an estimate.")


class Cache(Section):
    """Share of a page's files that come from the browser's cache (after Facebook 2015 and Yahoo 2007)."""

    first_page_new: Share = Field(0.0, description="First page of a new visitor.")
    first_page_returning: Share = Field(0.5, description="First page of a returning visitor.")
    later_pages: Share = Field(0.9, description="Later pages of a visit.")
    memory_seconds: Positive = Field(
        30.0,
        le=1_000_000,
        description="Mean time until the browser removes a file that no page uses from its memory; a file in memory "
        "takes no time to load. In recorded visits it was there after 1 to 28 s (11 loads of 12) and gone after 30 s "
        "(4 of 4).",
    )


FAILURES = {
    "404": 0.004,
    "401": 0.0015,
    "403": 0.001,
    "400": 0.0015,
    "429": 0.0125,
    "500": 0.002,
    "502": 0.001,
    "503": 0.001,
}
"""The probability of each failing status. Half of the failures are 429, as among the API errors that Cloudflare saw
(51.6 %, API security report 2024). That one call in forty fails is an estimate; no published figure was found."""


class Api(Section):
    """How API calls end and how long they take; a call that does not fail is a success."""

    failures: dict[Status, Share] = Field(FAILURES, description="Probability of each failing HTTP status. Estimate.")
    network: Share = Field(0.002, description="Probability that no answer comes. Estimate.")
    aborted: Share = Field(0.0, description="Probability that the page aborts a call before its answer.")
    median_ms: Milliseconds = Field(120, description="The server's part of a call's time.")
    sigma: Spread = Field(0.8, description="Spread of the server's part.")


class Scripting(Section):
    """How much time the site's own scripts add to a load."""

    network: Factor = Field(
        1.1,
        description="Median time for which a document waits for deferred scripts from the network, from domInteractive "
        "to DOMContentLoaded, as a multiple of its rendering time. With scripts from the cache it is a fifth of that "
        "(recorded visits).",
    )
    ready_ms: Milliseconds = Field(5.0, description="Median time that the DOMContentLoaded handlers take. Estimate.")


class Shifts(Section):
    """When the largest layout shift of a load happens, if any does."""

    loading: Share = Field(0.4, description="Share of loads whose largest shift is while the document loads. Estimate.")
    answers: Share = Field(
        0.75,
        description="Share of the other loads whose largest shift is soon after the load event, as answers of API "
        "calls are shown; in the remaining loads it is later. Estimate.",
    )
    answer_ms: Milliseconds = Field(
        250.0, description="Mean time from the load event to the shifts of `answers`. Estimate."
    )
    single: Share = Field(
        0.85, description="Share of loads with a single shift (62 and 88 % of visits recorded with the web client)."
    )


class Errors(Section):
    """JavaScript errors, which cluster in few sessions and few messages. All estimates: no published rate was found."""

    sessions: Share = Field(0.10, description="Share of sessions with at least one error.")
    per_session: float = Field(1.8, ge=1, le=1000, description="Mean number of errors of a session that has any.")
    messages: int = Field(15, ge=1, le=1000, description="Distinct errors of the site.")
    zipf: float = Field(1.2, ge=0, le=10, description="Exponent of their frequency (Akamai: few messages repeat).")
    thrown: dict[ThrownValue, Weight] | None = Field(
        None,
        min_length=1,
        description="Weights of the values that the site throws, as { error = 6, rejected_object = 3, foreign = 1 }. "
        "Default: 19 kinds in turn, errors first.",
    )
    minified: bool = Field(
        True,
        description="true: stack traces of minified code, with one line, large columns and names of one or two "
        "letters; an error keeps its stack trace until client.releaseId changes. false: stack traces of source code.",
    )


class Telemetry(Section):
    """The model of everything that the web client measures."""

    desktop: Vitals = Field(Vitals(), description="Vitals on desktops.")
    mobile: MobileVitals = Field(MobileVitals(), description="Vitals on mobiles and tablets.")
    shared_slowness: Share = Field(
        0.45, description="Share of the variance that a session's device and network have in common over its loads."
    )
    resources: Resources = Field(Resources(), description="The files of a page that states none.")
    cache: Cache = Field(Cache(), description="The browser's cache.")
    scripting: Scripting = Field(Scripting(), description="The site's scripts.")
    shifts: Shifts = Field(Shifts(), description="Layout shifts.")
    api: Api = Field(Api(), description="Outcomes and times of API calls.")
    errors: Errors = Field(Errors(), description="JavaScript errors.")
    interactions_per_minute: float = Field(
        0.25,
        ge=0,
        le=1000,
        description="Inputs a minute while a visitor looks at a page, clicks on links not counted. Six loads in ten "
        "have an input (visits recorded with the web client).",
    )
    rage_clicks: Share = Field(
        0.06,
        description="Share of sessions in which an element is clicked three times or more within a second "
        "(Contentsquare).",
    )
    pointer_listeners: Share = Field(
        0.6,
        description="Share of documents in which a script listens for pointer events. In the other documents Chromium "
        "reports no target of a first input by pointer. Estimate.",
    )
    lcp_parts: tuple[Milliseconds, Milliseconds, Milliseconds] = Field(
        (350.0, 140.0, 230.0),
        description="Load delay, load time and render delay of an image LCP in ms; each load scales them to its own "
        "LCP (medians of good sites, CrUX July 2024).",
    )
    late_heroes: Share = Field(
        0.35,
        description="Share of loads whose largest image a script or a style sheet names, not the markup. Estimate.",
    )
    protocol: Literal["h2", "h3", "http/1.1"] | None = Field(
        None,
        description="Protocol of the site's servers. Default: 60 % of the visits have h2, 35 % h3 and 5 % http/1.1. "
        "Estimate.",
    )
    preconnected: Share = Field(
        0.3, description="Share of new connections that the browser opens before the navigation needs them. Estimate."
    )
    touch: bool = Field(
        True,
        description="true: visitors tap on mobiles and tablets. false: they click with a mouse, as scripts do that "
        "emulate such devices.",
    )
    uptime_hours: Positive = Field(
        24.0,
        le=600,
        description="Median time since the visitors' devices were started, on which the rounding of Chromium's times "
        "depends. Estimate.",
    )
    uptime_sigma: float = Field(1.1, ge=0, le=3, description="Spread of uptime_hours. Estimate.")
    tab_switches: Share = Field(
        0.06, description="Share of page views in which the visitor leaves the tab and comes back. Estimate."
    )
