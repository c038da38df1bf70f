"""The milestones of full page loads: network, first byte, paints, document; in ticks from the navigation's start.

Rule: all loads of a session share its slowness; TTFB ≤ FCP ≤ LCP because each is the one before plus a time. "ln" is
the natural logarithm; mu and sigma are mean and standard deviation of a time's ln.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from loadgen.scenario import Telemetry
from loadgen.traffic.browser_clocks import BrowserClocks
from loadgen.traffic.documents import FLIGHT_BYTES, draw_document, find_fetched, scale_ticks
from loadgen.traffic.draws import Bools, Floats, Ints, round_down, round_off, to_ticks
from loadgen.traffic.population import DEVICES
from loadgen.traffic.site import Site

TEXT_FACTOR = 0.25
"""Factor on the time from FCP to LCP when the largest element is text."""

REUSED, REDIRECTED, RESOLVED = 0.8, 0.15, 0.5
"""Shares: later loads that reuse a connection; landings by a redirect; new connections that need a DNS lookup."""

LOOKUP_MU, LOOKUP_SIGMA = 1.25, 0.7
REQUEST_MU, REQUEST_SIGMA = (1.35, -0.35), (0.75, 1.3)
"""ln ms from fetchStart to the DNS lookup of a new connection (the browser asks the cache meanwhile); and ln ms from a
connection to the request, on an old and on a new connection. Medians and spreads of the recorded visits."""

UNLOAD_MU, UNLOAD_SIGMA, UNLOADED = 3.6, 0.9, 150
"""ln ms from first byte to the unload of the page before (105 recorded loads); least ticks from it to interactive."""

WHOLE_TICKS = 45
"""Least ticks from the end of a document that comes in one flight to the unload of the page before (429 loads)."""

RESPONSE_SIGMA = 0.8
"""Spread (ln) of the time in which a document arrives; an estimate."""

HANDED_MU, HANDED_SIGMA = 0.7, 1.4
"""ln ms that even a small document takes to reach the page; two recorded sites had medians of 0.7 and 6 ms."""

STORED_MU, STORED_SIGMA = 1.8, 0.6
"""ln ms to the first byte of a document from the cache; an estimate after four of the recorded visits."""

SHARED = 0.7
"""Share of a page's files that every page of the site fetches, by a scenario's default; an estimate."""

IN_FIRST_FRAME = 0.9
"""Share of largest images from the cache that the first frame shows, so that LCP equals FCP (18 of 19 recorded)."""

PHASES_AT_MOST = 0.7
"""The largest part of TTFB that redirect, DNS and connection take together; the request takes the remaining time."""

LANDING, LANDING_AGAIN, LATER = 1.3, 1.1, 0.9
"""Factors on rendering times because of the browser's cache: first page of a new visitor, first page of a returning
visitor, later pages. Their mean over a site's loads is about 1; their ratio is that of home and inner pages, of which
53 and 72 % have a good LCP on mobiles (Web Almanac 2024)."""

NETWORK_PART = 0.6
"""The network's part of a rendering time's common variance; the machine has the other part. An estimate."""

STEPS = ("ttfb", "render", "largest")
"""The steps of a load, whose medians the scenario states."""

KEPT = 0.5
"""Part of a step's own variance that the loads of a session share; an estimate, so that slow loads are in the 18 % of
sessions that have a load above 3 s (Contentsquare)."""

AT_ONCE = (
    "wait", "redirect", "lookup", "dns", "connect", "tls", "request", "ttfb", "unload", "response", "interactive",
    "scripted", "parsed", "parsed_end", "pictured", "complete", "load", "loaded",
)  # fmt: skip
"""Milestones that are 0 for a return from the back/forward cache."""

PAINTS = ("fcp", "lcp", "frame")
"""Milestones that browsers round more than other times."""


class Loading(NamedTuple):
    """The milestones of full loads, in ticks from the navigation's start; the network's phases are inside `ttfb`."""

    view: Ints  # row of the walk
    wait: Ints  # fetchStart, after redirects
    redirect: Ints
    lookup: Ints  # domainLookupStart; later than `wait` on a new connection
    dns: Ints
    connect: Ints  # TLS included
    tls: Ints
    request: Ints  # requestStart
    ttfb: Ints
    unload: Ints  # when the page before is hidden and unloaded
    response: Ints  # the response's end
    fcp: Ints
    lcp: Ints
    text: Bools  # whether the largest element is text
    interactive: Ints  # domInteractive
    scripted: Ints  # when the last script from the network is there
    ready: Ints  # when the deferred script with the web client has run
    parsed: Ints  # when DOMContentLoaded starts
    parsed_end: Ints
    pictured: Ints  # when the last image from the network is there
    complete: Ints  # domComplete
    load: Ints  # when the load event starts
    loaded: Ints  # when the load event ends
    html_bytes: Ints
    stored: Bools  # whether the document comes from the cache
    warm: Bools  # whether the files that all pages share come from the cache
    pictures: Bools  # whether the page's own files come from the cache
    new: Bools  # whether the page's item is new, so that the item's image comes from the network
    rtt: Floats  # milliseconds
    mbit: Floats
    activated: Ints  # when the visitor comes to a prerendered page; 0: the page is not prerendered
    frame: Ints  # earliest first frame of a prerendered page; else 0
    took_over: Ints  # earliest hide of the page before a prerendered page; else 0

    @property
    def first_paint(self) -> Ints:
        """The first contentful paint that the visitor sees."""
        return np.maximum(self.fcp, self.frame)

    @property
    def largest_paint(self) -> Ints:
        """The largest contentful paint that the visitor sees."""
        return np.maximum(self.lcp, self.frame)

    def count_from_activation(self, tick: Ints) -> Ints:
        """Count a time of each load as web-vitals does: from the page's activation, and never below 0."""
        counted: Ints = np.maximum(tick - self.activated, 0)
        return counted


class Slowness:
    """How slow network and machine of each session of a block are: normal variables that the session's loads share."""

    def __init__(self, stream: np.random.Generator, device: Ints, distance: Floats, telemetry: Telemetry) -> None:
        self.network = stream.standard_normal(len(device))
        self.machine = stream.standard_normal(len(device))
        self.habits = stream.standard_normal((len(STEPS), len(device)))
        self.share = telemetry.shared_slowness
        self.device, self.distance = device, distance
        own = stream.standard_normal(len(device))
        rtt, sigma = read_by_device(telemetry, "rtt_median_ms")[device], read_by_device(telemetry, "rtt_sigma")[device]
        self.rtt = rtt * np.exp(sigma * self.mix(self.network, own)) * distance
        self.mbit = read_by_device(telemetry, "mbit")[device]

    @property
    def both(self) -> Floats:
        """The slowness of network and machine together."""
        both: Floats = np.sqrt(NETWORK_PART) * self.network + np.sqrt(1 - NETWORK_PART) * self.machine
        return both

    def mix(self, common: Floats, own: Floats) -> Floats:
        """Mix normal variables: a part `share` of the variance is the session's (`common`), the other is `own`."""
        mixed: Floats = np.sqrt(self.share) * common + np.sqrt(1 - self.share) * own
        return mixed

    def draw_step(self, stream: np.random.Generator, step: int, session: Ints) -> Floats:
        """Draw a normal variable for one step of each load.

        A part of it is common to all steps of the session, a part to this step of the session's loads, a part is new.
        """
        common = (self.network, self.both, self.both)[step][session]
        own = np.sqrt(KEPT) * self.habits[step][session] + np.sqrt(1 - KEPT) * stream.standard_normal(len(session))
        return self.mix(common, own)


class WantedLoads(NamedTuple):
    """The loads to draw, and what makes each slow or quick."""

    view: Ints  # row of the walk
    session: Ints
    page: Ints  # index in Site
    cache_factor: Floats  # factor on rendering times: see LANDING
    landing: bool
    stored: Bools  # whether the load is a step back, whose document comes from the cache
    cached: Floats  # share of the files that come from the cache
    new: Bools  # whether the page shows an item that is new to the visit, so that no cache has its image
    lacking: Bools  # [group, load]: whether the cache lacks images of a group of Assets.images, as the visit had none


def split_cached_share(share: Floats) -> tuple[Floats, Floats]:
    """Split a share of cached files into the share among files that all pages share, and among the page's own files.

    The cache has more of the files that all pages share.
    """
    shared = np.minimum(share / (SHARED + (1 - SHARED) / 2), 1.0)
    return shared, np.clip((share - SHARED * shared) / (1 - SHARED), 0.0, 1.0)


def read_by_device(telemetry: Telemetry, name: str) -> Floats:
    """Return a parameter of the scenario's vitals for each device, in the order of DEVICES."""
    return np.array([getattr(telemetry.desktop if each == "desktop" else telemetry.mobile, name) for each in DEVICES])


def compute_usual_lcp(telemetry: Telemetry) -> Floats:
    """Estimate the median LCP of a landing by device, in ticks: the sum of the steps' medians, raised by 5 %."""
    medians = [read_by_device(telemetry, f"{name}_median_ms") for name in STEPS]
    return np.asarray(10 * (medians[0] + LANDING * (medians[1] + medians[2])) * 1.05, dtype=np.float64)


def join_loads(first: Loading, second: Loading) -> Loading:
    """Join two sets of loads, in the order of their views."""
    order = np.argsort(np.concatenate((first.view, second.view)), kind="stable")
    return pick_loads(Loading(*(np.concatenate(pair) for pair in zip(first, second, strict=True))), order)


def pick_loads(loading: Loading, rows: Ints) -> Loading:
    """Pick rows of loads, in the order of `rows`."""
    picked: list[Any] = [column[rows] for column in loading]
    return Loading(*picked)


def draw_loads(
    stream: np.random.Generator, site: Site, telemetry: Telemetry, slowness: Slowness, asked: WantedLoads
) -> Loading:
    """Draw the milestones of the wanted loads."""
    count, session, html_kb = len(asked.view), asked.session, site.html_kb[asked.page]
    ttfb, fcp, lcp, text = _draw_paints(stream, site, telemetry, slowness, asked)
    rtt, mbit = slowness.rtt[session], slowness.mbit[session]
    network = _draw_network(stream, rtt, asked, telemetry.preconnected, ttfb)
    transfer = html_kb * 8.192 / mbit * np.exp(RESPONSE_SIGMA * stream.standard_normal(count))
    handed = np.exp(HANDED_MU + HANDED_SIGMA * stream.standard_normal(count))
    response = ttfb + to_ticks(np.where(asked.stored, 0.7, transfer + handed)) + 1
    warm, pictures = (stream.random(count) < share for share in split_cached_share(asked.cached))
    lcp = np.where(pictures & ~asked.new & ~text & (stream.random(count) < IN_FIRST_FRAME), fcp, lcp)
    stored = np.stack((warm, pictures, pictures & ~asked.new)) & ~asked.lacking
    files = find_fetched(warm, site.assets.images[:, asked.page] > 0, stored, text)
    document = draw_document(stream, telemetry, (ttfb, response, fcp, lcp), files, rtt)
    unload = ttfb + to_ticks(np.exp(UNLOAD_MU + UNLOAD_SIGMA * stream.standard_normal(count))) + 1
    before = ttfb + scale_ticks(document["interactive"] - ttfb, 0.3 + 0.4 * stream.random(count))
    unload = np.where(unload < document["interactive"] - UNLOADED, unload, before)
    unload = np.maximum(unload, np.where(html_kb * 1024 < FLIGHT_BYTES, response + WHOLE_TICKS, 0))
    nothing = np.zeros(count, dtype=np.int64)
    return Loading(
        view=asked.view, ttfb=ttfb, unload=unload, response=response, fcp=fcp, lcp=lcp, text=text,
        stored=asked.stored, new=asked.new, activated=nothing, frame=nothing, took_over=nothing,
        warm=warm, pictures=pictures, html_bytes=round_off(html_kb * 1024), rtt=rtt, mbit=mbit,
        **network, **document,
    )  # fmt: skip


def _draw_paints(
    stream: np.random.Generator, site: Site, telemetry: Telemetry, slowness: Slowness, asked: WantedLoads
) -> tuple[Ints, Ints, Ints, Bools]:
    """Draw TTFB, FCP, LCP and whether the largest element is text: each paint adds a lognormal time to the last."""
    session, factor = asked.session, site.slowness[asked.page]
    device = slowness.device[session]

    def step(number: int) -> Floats:
        name = STEPS[number]
        median, sigma = read_by_device(telemetry, f"{name}_median_ms"), read_by_device(telemetry, f"{name}_sigma")
        return median[device] * np.exp(sigma[device] * slowness.draw_step(stream, number, session)) * factor

    text = stream.random(len(session)) < read_by_device(telemetry, "text_lcp")[device]
    stored = to_ticks(np.exp(STORED_MU + STORED_SIGMA * stream.standard_normal(len(session)))) + 10
    ttfb = np.maximum(to_ticks(step(0) * slowness.distance[session]), 10)
    ttfb = np.where(asked.stored, np.minimum(stored, ttfb), ttfb)
    fcp = ttfb + np.maximum(to_ticks(step(1) * asked.cache_factor), 1)
    lcp = fcp + to_ticks(step(2) * asked.cache_factor * np.where(text, TEXT_FACTOR, 1.0))
    return ttfb, fcp, lcp, text


def _draw_network(
    stream: np.random.Generator, rtt: Floats, asked: WantedLoads, preconnected: float, ttfb: Ints
) -> dict[str, Any]:
    """Draw the network's phases, which are inside TTFB, by the fields of Loading that they fill."""
    count = len(rtt)
    uniform, normal = stream.random((5, count)), stream.standard_normal((3, count))
    fresh = (asked.landing | (uniform[0] >= REUSED)) & (uniform[4] >= preconnected) & ~asked.stored
    kind = fresh.astype(np.int64)
    ask = np.where(fresh, np.exp(LOOKUP_MU + LOOKUP_SIGMA * normal[0]), 0.0)
    dns = np.where(fresh & (uniform[1] < RESOLVED), 25 * np.exp(0.9 * normal[1]), 0.0)
    redirect = np.where(asked.landing & (uniform[2] < REDIRECTED) & ~asked.stored, 2 * rtt, 0.0)
    connect = np.where(fresh, rtt, 0.0)
    send = np.exp(np.array(REQUEST_MU)[kind] + np.array(REQUEST_SIGMA)[kind] * normal[2])
    phases = np.stack([0.4 + 8 * uniform[3] ** 2, redirect, ask, dns, connect, connect, send])
    phases *= np.minimum(1.0, PHASES_AT_MOST * ttfb / 10 / phases.sum(axis=0))
    wait, redirect, ask, dns, connect, tls, send = round_down(phases * 10)
    lookup = wait + redirect + ask
    begun = lookup + dns + connect + tls
    return {"wait": wait + redirect, "redirect": redirect, "lookup": lookup, "dns": dns, "connect": connect + tls,
            "tls": tls, "request": begun + np.maximum(send, 1)}  # fmt: skip


def restore_loads(stream: np.random.Generator, loading: Loading, back: Bools) -> Loading:
    """Turn the loads that `back` marks into returns from the back/forward cache: loaded at once, painted soon after."""
    painted = to_ticks(15 + 60 * stream.random(len(back)))
    at_once = {name: np.where(back, 0, getattr(loading, name)) for name in AT_ONCE}
    paints = {name: np.where(back, painted, getattr(loading, name)) for name in ("fcp", "lcp")}
    return loading._replace(**at_once, **paints, ready=np.where(back, 1, loading.ready), text=loading.text | back)


def measure_loads(loading: Loading, clocks: BrowserClocks, restored: Bools) -> Loading:
    """Round the loads' times and paints to the resolution of their browsers."""
    rows = np.arange(len(loading.view))
    step = np.where(restored, clocks.step, clocks.paint_step)
    measured: dict[str, Any] = {name: clocks.coarsen(rows, getattr(loading, name)) for name in AT_ONCE}
    measured |= {name: -(-getattr(loading, name) // step) * step for name in PAINTS}
    return loading._replace(**measured)
