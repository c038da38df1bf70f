"""What the web client measures on the site: vitals, resources, API calls, errors.

Rule: medians and sigmas are those of lognormal distributions; milliseconds where the name says so.
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
or null; and what a script of another origin throws, of which the browser says no more than "Script error."."""


class Vitals(Section):
    """Web vitals of one kind of device: TTFB, then rendering up to FCP, then up to LCP; each adds to the one before."""

    ttfb_median_ms: Milliseconds = Field(
        445,
        description="Navigation start to first byte of documents from the network; with those of the cache, 408 "
        "(CrUX via Web Almanac 2025).",
    )
    ttfb_sigma: Spread = Field(0.85, description="Spread of TTFB.")
    render_median_ms: Milliseconds = Field(330, description="First byte to first contentful paint.")
    render_sigma: Spread = Field(0.80, description="Spread of it.")
    largest_median_ms: Milliseconds = Field(210, description="First to largest contentful paint.")
    largest_sigma: Spread = Field(1.0, description="Spread of it.")
    text_lcp: Share = Field(
        0.15, description="Loads whose largest element is text, four times as quick (Almanac 2025)."
    )
    inp_median_ms: Milliseconds = Field(31, description="Interaction to next paint, p75 65 ms.")
    inp_sigma: Spread = Field(1.1, description="Spread of it (CrUX histograms of single sites: 1.0 to 1.3).")
    fid_median_ms: Milliseconds = Field(1.8, description="First input delay; weakly known.")
    fid_sigma: Spread = Field(1.5, description="Spread of it.")
    cls_zero: Share = Field(0.30, description="Loads without any layout shift.")
    cls_median: Positive = Field(0.036, le=100, description="Cumulative layout shift of the others.")
    cls_sigma: Spread = Field(1.4, description="Spread of it.")
    rtt_median_ms: Milliseconds = Field(48, description="Round trip time (Treo, CrUX November 2024).")
    rtt_sigma: Spread = Field(1.02, description="Spread of it between visits (CrUX).")
    mbit: Positive = Field(50, ge=0.01, le=100_000, description="Bandwidth, Mb/s; an estimate.")


class MobileVitals(Vitals):
    """The same for mobiles and tablets."""

    ttfb_median_ms: Milliseconds = Field(
        545,
        description="Navigation start to first byte of documents from the network; with those of the cache, 500 "
        "(CrUX via Web Almanac 2025).",
    )
    render_median_ms: Milliseconds = Field(480, description="First byte to first contentful paint.")
    largest_median_ms: Milliseconds = Field(300, description="First to largest contentful paint.")
    text_lcp: Share = Field(
        0.24, description="Loads whose largest element is text, four times as quick (Almanac 2025)."
    )
    inp_median_ms: Milliseconds = Field(64, description="Interaction to next paint, p75 135 ms.")
    fid_median_ms: Milliseconds = Field(8.7, description="First input delay; weakly known.")
    cls_zero: Share = Field(0.40, description="Loads without any layout shift.")
    cls_median: Positive = Field(0.0286, le=100, description="Cumulative layout shift of the others.")
    cls_sigma: Spread = Field(1.6, description="Spread of it.")
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
        description="Mean time until the browser's memory is swept of what no page uses: such a file takes no time at "
        "all. In recorded visits it was there after 1 to 28 s (11 loads of 12) and gone after 30 s (4 of 4).",
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
"""Half of the errors are 429, as of the API errors that Cloudflare saw (51.6 %, API security report 2024). That one
call in forty fails at all is an estimate; no published figure was found."""


class Api(Section):
    """How API calls end; what the failures leave over is a success."""

    failures: dict[Status, Share] = Field(FAILURES, description="Probability of each failing HTTP status. Estimate.")
    network: Share = Field(0.002, description="Probability that no answer comes. Estimate.")
    aborted: Share = Field(0.0, description="Probability that the page gives a call up before its answer.")
    median_ms: Milliseconds = Field(120, description="The server's part of a call's time.")
    sigma: Spread = Field(0.8, description="Spread of it.")


class Scripting(Section):
    """What the site's own scripts cost a load."""

    network: Factor = Field(
        1.1,
        description="Median time for which a document waits for deferred scripts from the network, from domInteractive "
        "to DOMContentLoaded, as a multiple of its rendering time. From the cache a fifth (recorded visits).",
    )
    ready_ms: Milliseconds = Field(5.0, description="Median time that the DOMContentLoaded handlers take. Estimate.")


class Shifts(Section):
    """When the largest layout shift of a load happens, if any does."""

    loading: Share = Field(0.4, description="Share while the document loads. Estimate.")
    answers: Share = Field(
        0.75, description="Share of the others shortly after it, as answers are shown; the rest come later. Estimate."
    )
    answer_ms: Milliseconds = Field(250.0, description="Mean time from the load event to those. Estimate.")
    single: Share = Field(
        0.85, description="Loads whose whole shift is one (62 and 88 % of the visits recorded with the web client)."
    )


class Errors(Section):
    """JavaScript errors: they cluster in few sessions and few messages. No published rate was found; estimates."""

    sessions: Share = Field(0.10, description="Sessions with at least one error.")
    per_session: float = Field(1.8, ge=1, le=1000, description="Mean errors of such a session.")
    messages: int = Field(15, ge=1, le=1000, description="Distinct errors of the site.")
    zipf: float = Field(1.2, ge=0, le=10, description="Exponent of their frequency (Akamai: few messages repeat).")
    thrown: dict[ThrownValue, Weight] | None = Field(
        None,
        min_length=1,
        description="Weights of what the distinct errors are, such as { error = 6, rejected_object = 3, foreign = 1 }. "
        "Default: 19 kinds in turn, errors first.",
    )
    minified: bool = Field(
        True,
        description="Stacks of built code: one line, large columns, names of one or two letters, the same for a fault "
        "as long as client.releaseId is. false: of sources.",
    )


class Telemetry(Section):
    """The model behind the numbers."""

    desktop: Vitals = Field(Vitals(), description="Vitals on desktops.")
    mobile: MobileVitals = Field(MobileVitals(), description="Vitals on mobiles and tablets.")
    shared_slowness: Share = Field(
        0.45, description="Share of the variance that a session's device and network have in common over its loads."
    )
    resources: Resources = Field(Resources(), description="Files of a page that states none.")
    cache: Cache = Field(Cache(), description="The browser's cache.")
    scripting: Scripting = Field(Scripting(), description="The site's scripts.")
    shifts: Shifts = Field(Shifts(), description="Layout shifts.")
    api: Api = Field(Api(), description="Outcomes and times of API calls.")
    errors: Errors = Field(Errors(), description="JavaScript errors.")
    interactions_per_minute: float = Field(
        0.25,
        ge=0,
        le=1000,
        description="Inputs while a page is looked at, beside clicks on links. Six loads in ten have any "
        "(visits recorded with the web client).",
    )
    rage_clicks: Share = Field(
        0.06,
        description="Sessions in which one element is clicked three times or more within a second (Contentsquare).",
    )
    pointer_listeners: Share = Field(
        0.6,
        description="Documents in which some script listens for pointer events. In the others Chromium tells no target "
        "of a first input by pointer. Estimate.",
    )
    lcp_parts: tuple[Milliseconds, Milliseconds, Milliseconds] = Field(
        (350.0, 140.0, 230.0),
        description="Load delay, load time and render delay of an image LCP, whose sum is scaled to each load "
        "(medians of good sites in ms, CrUX July 2024).",
    )
    late_heroes: Share = Field(
        0.35,
        description="Loads whose largest image a script or a style sheet names, not the markup. Estimate.",
    )
    protocol: Literal["h2", "h3", "http/1.1"] | None = Field(
        None,
        description="What the site's servers speak. Without it 60 % of the visits have h2, 35 % h3 and 5 % http/1.1. "
        "Estimate.",
    )
    preconnected: Share = Field(
        0.3, description="New connections that the browser made before the navigation needed them. Estimate."
    )
    touch: bool = Field(
        True,
        description="Whether mobiles and tablets are tapped on. false: clicked with a mouse, as by scripts that "
        "emulate them.",
    )
    uptime_hours: Positive = Field(
        24.0,
        le=600,
        description="Median time since the machines were started; Chromium's times carry the rounding of such "
        "clocks. Estimate.",
    )
    uptime_sigma: float = Field(1.1, ge=0, le=3, description="Spread of it. Estimate.")
    tab_switches: Share = Field(0.06, description="Page views in which the tab is left and shown again. Estimate.")
