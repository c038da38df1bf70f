"""The physics of full page loads: network, first byte, paints, document, all in ticks from the navigation's start.

Rule: one slowness per session is shared by everything it loads; TTFB ≤ FCP ≤ LCP because each adds to the one before.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from loadgen.scenario import Telemetry
from loadgen.traffic.browser_clocks import BrowserClocks
from loadgen.traffic.documents import FLIGHT_BYTES, draw_document, find_fetched, scale_ticks
from loadgen.traffic.draws import Bools, Floats, Ints, round_down, round_off, to_ticks
from loadgen.traffic.population import DEVICES

TEXT_FACTOR = 0.25
"""Factor on the time from FCP to LCP when the largest element is text."""

REUSED, REDIRECTED, RESOLVED = 0.8, 0.15, 0.5
"""Shares: later loads on the same connection; landings by a redirect; new connections that look the name up."""

LOOKUP_MU, LOOKUP_SIGMA = 1.25, 0.7
REQUEST_MU, REQUEST_SIGMA = (1.35, -0.35), (0.75, 1.3)
"""ln ms from fetchStart to the lookup of a new connection's host (the cache is asked meanwhile), and from a connection
to the request: on one that was there, and on a new one. Medians and spreads of the recorded visits."""

UNLOAD_MU, UNLOAD_SIGMA, UNLOADED = 3.6, 0.9, 150
"""ln ms from first byte to unloading of the page before (105 recorded loads); least ticks from there to interactive."""

WHOLE_TICKS = 45
"""Least ticks from the end of a document that comes in one flight to unloading of the page before (429 loads)."""

RESPONSE_SIGMA = 0.8
"""Spread of the time in which one document arrives, ln; an estimate."""

HANDED_MU, HANDED_SIGMA = 0.7, 1.4
"""ln ms that even a small document takes to reach the page; of two recorded sites, with medians of 0.7 and 6 ms."""

STORED_MU, STORED_SIGMA = 1.8, 0.6
"""ln ms until a document that the cache holds begins; an estimate after four of the recorded visits."""

SHARED = 0.7
"""Share of a page's files that every page of the site fetches, as a scenario has it that does not say; an estimate."""

IN_FIRST_FRAME = 0.9
"""Share of largest images from the cache that the first frame shows already, so that LCP is FCP (of 19 recorded ones
all but one)."""

PHASES_AT_MOST = 0.7
"""Part of TTFB that redirect, DNS and connection may take; the rest is the request itself."""

LANDING, LANDING_AGAIN, LATER = 1.3, 1.1, 0.9
"""Factors on rendering by what earlier pages or visits have left in the cache: first page of a new and of a returning
visitor, later pages. Their mean over a site's loads is
about 1; the ratio is that of home and inner pages, 53 and 72 % good LCP on mobiles (Web Almanac 2024)."""

NETWORK_PART = 0.6
"""Part of a rendering time's common variance that is the network's, the rest the machine's; an estimate."""

STEPS = ("ttfb", "render", "largest")
"""The steps of a load, each with its medians in the scenario."""

KEPT = 0.5
"""Part of a step's own variance that a session keeps over its loads; an estimate, so that slow loads gather in the 18 %
of sessions that meet one over 3 s (Contentsquare)."""

AT_ONCE = (
    "wait", "redirect", "lookup", "dns", "connect", "tls", "request", "ttfb", "unload", "response", "interactive",
    "scripted", "parsed", "parsed_end", "pictured", "complete", "load", "loaded",
)  # fmt: skip
"""What takes no time in a return from the back/forward cache."""

PAINTS = ("fcp", "lcp", "frame")
"""What browsers tell more coarsely than other times."""


class Loading(NamedTuple):
    """Milestones of each full load; the network's phases lie inside `ttfb`."""

    view: Ints  # row of the walk
    wait: Ints  # until the fetch starts, redirects included
    redirect: Ints
    lookup: Ints  # domainLookupStart; later than `wait` on a new connection
    dns: Ints
    connect: Ints  # TLS included
    tls: Ints
    request: Ints  # requestStart
    ttfb: Ints
    unload: Ints  # the page before is hidden and unloaded
    response: Ints  # the response's end
    fcp: Ints
    lcp: Ints
    text: Bools  # the largest element is text
    interactive: Ints
    scripted: Ints  # the last script from the network is there
    ready: Ints  # the deferred script with the web client has run
    parsed: Ints  # DOMContentLoaded starts
    parsed_end: Ints
    pictured: Ints  # the last image from the network is there
    complete: Ints
    load: Ints  # load event starts
    loaded: Ints  # load event ends
    html_bytes: Ints
    stored: Bools  # the document comes from the cache
    warm: Bools  # so do the files that all pages share
    pictures: Bools  # and the page's own
    new: Bools  # but not the image of its item
    rtt: Floats  # milliseconds
    mbit: Floats
    activated: Ints  # prerendered for so long, until the visitor came; 0: seen from its start
    frame: Ints  # a prerendered page's first frame, if it could be painted sooner; else 0
    took_over: Ints  # when the page before a prerendered one is hidden, if that could be sooner; else 0

    @property
    def first_paint(self) -> Ints:
        """The first contentful paint that is seen."""
        return np.maximum(self.fcp, self.frame)

    @property
    def largest_paint(self) -> Ints:
        """The largest contentful paint that is seen."""
        return np.maximum(self.lcp, self.frame)

    def count_from_activation(self, tick: Ints) -> Ints:
        """A time of each load as web-vitals counts it: from the moment when the visitor came, and never below 0."""
        counted: Ints = np.maximum(tick - self.activated, 0)
        return counted


class Slowness:
    """What a block's sessions have in common over their loads: device, place, network; normal variables each."""

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
        """Network and machine together."""
        both: Floats = np.sqrt(NETWORK_PART) * self.network + np.sqrt(1 - NETWORK_PART) * self.machine
        return both

    def mix(self, common: Floats, own: Floats) -> Floats:
        """A normal variable that shares part of its variance with the session's."""
        mixed: Floats = np.sqrt(self.share) * common + np.sqrt(1 - self.share) * own
        return mixed

    def draw_step(self, stream: np.random.Generator, step: int, session: Ints) -> Floats:
        """A normal variable for one step of each load: shared by its session's steps, by its loads, and its own."""
        common = (self.network, self.both, self.both)[step][session]
        own = np.sqrt(KEPT) * self.habits[step][session] + np.sqrt(1 - KEPT) * stream.standard_normal(len(session))
        return self.mix(common, own)


class WantedLoads(NamedTuple):
    """The loads to draw: rows of the walk, whose they are, and what makes them slow or quick."""

    view: Ints
    session: Ints
    page: Floats  # slowness of the page
    html_kb: Floats  # size of the document on the wire
    cache_factor: Floats  # factor on rendering: see LANDING
    landing: bool
    stored: Bools  # a step back, whose document the cache holds
    cached: Floats  # share of the files that come from the cache
    new: Bools  # shows an item that the visit has not seen before, so that its image is in no cache
    images: Bools  # [group, load]: whether its page names any, in the groups of Assets.images
    lacking: Bools  # [group, load]: whether the cache lacks some, as no page of the visit has had them


def split_cached_share(share: Floats) -> tuple[Floats, Floats]:
    """The share of cached files, for those that all pages share and for the page's own: the shared ones come first."""
    shared = np.minimum(share / (SHARED + (1 - SHARED) / 2), 1.0)
    return shared, np.clip((share - SHARED * shared) / (1 - SHARED), 0.0, 1.0)


def read_by_device(telemetry: Telemetry, name: str) -> Floats:
    """One vitals parameter for each device."""
    return np.array([getattr(telemetry.desktop if each == "desktop" else telemetry.mobile, name) for each in DEVICES])


def compute_usual_lcp(telemetry: Telemetry) -> Floats:
    """Roughly the median LCP of a landing by device, in ticks: the sum of the medians, raised by 5 %."""
    medians = [read_by_device(telemetry, f"{name}_median_ms") for name in ("ttfb", "render", "largest")]
    return np.asarray(10 * (medians[0] + LANDING * (medians[1] + medians[2])) * 1.05, dtype=np.float64)


def join_loads(first: Loading, second: Loading) -> Loading:
    """Both sets of loads, in the order of their views."""
    order = np.argsort(np.concatenate((first.view, second.view)), kind="stable")
    return pick_loads(Loading(*(np.concatenate(pair) for pair in zip(first, second, strict=True))), order)


def pick_loads(loading: Loading, rows: Ints) -> Loading:
    """Some loads, in this order."""
    picked: list[Any] = [column[rows] for column in loading]
    return Loading(*picked)


def draw_loads(stream: np.random.Generator, telemetry: Telemetry, slowness: Slowness, asked: WantedLoads) -> Loading:
    """Draw the milestones of these loads."""
    count, session = len(asked.view), asked.session
    ttfb, fcp, lcp, text = _draw_paints(stream, telemetry, slowness, asked)
    rtt, mbit = slowness.rtt[session], slowness.mbit[session]
    network = _draw_network(stream, rtt, asked, telemetry.preconnected, ttfb)
    transfer = asked.html_kb * 8.192 / mbit * np.exp(RESPONSE_SIGMA * stream.standard_normal(count))
    handed = np.exp(HANDED_MU + HANDED_SIGMA * stream.standard_normal(count))
    response = ttfb + to_ticks(np.where(asked.stored, 0.7, transfer + handed)) + 1
    warm, pictures = (stream.random(count) < share for share in split_cached_share(asked.cached))
    lcp = np.where(pictures & ~asked.new & ~text & (stream.random(count) < IN_FIRST_FRAME), fcp, lcp)
    stored = np.stack((warm, pictures, pictures & ~asked.new)) & ~asked.lacking
    files = find_fetched(warm, asked.images, stored, text)
    document = draw_document(stream, telemetry, (ttfb, response, fcp, lcp), files, rtt)
    unload = ttfb + to_ticks(np.exp(UNLOAD_MU + UNLOAD_SIGMA * stream.standard_normal(count))) + 1
    before = ttfb + scale_ticks(document["interactive"] - ttfb, 0.3 + 0.4 * stream.random(count))
    unload = np.where(unload < document["interactive"] - UNLOADED, unload, before)
    unload = np.maximum(unload, np.where(asked.html_kb * 1024 < FLIGHT_BYTES, response + WHOLE_TICKS, 0))
    nothing = np.zeros(count, dtype=np.int64)
    return Loading(
        view=asked.view, ttfb=ttfb, unload=unload, response=response, fcp=fcp, lcp=lcp, text=text,
        stored=asked.stored, new=asked.new, activated=nothing, frame=nothing, took_over=nothing,
        warm=warm, pictures=pictures, html_bytes=round_off(asked.html_kb * 1024), rtt=rtt, mbit=mbit,
        **network, **document,
    )  # fmt: skip


def _draw_paints(
    stream: np.random.Generator, telemetry: Telemetry, slowness: Slowness, asked: WantedLoads
) -> tuple[Ints, Ints, Ints, Bools]:
    """TTFB, FCP, LCP and whether the largest element is text: the additive model."""
    session = asked.session
    device = slowness.device[session]

    def step(number: int) -> Floats:
        name = STEPS[number]
        median, sigma = read_by_device(telemetry, f"{name}_median_ms"), read_by_device(telemetry, f"{name}_sigma")
        return median[device] * np.exp(sigma[device] * slowness.draw_step(stream, number, session)) * asked.page

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
    """The network's phases inside TTFB."""
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
    """The loads, those marked `back` as returns from the back/forward cache: at once there, painted soon after."""
    painted = to_ticks(15 + 60 * stream.random(len(back)))
    at_once = {name: np.where(back, 0, getattr(loading, name)) for name in AT_ONCE}
    paints = {name: np.where(back, painted, getattr(loading, name)) for name in ("fcp", "lcp")}
    return loading._replace(**at_once, **paints, ready=np.where(back, 1, loading.ready), text=loading.text | back)


def measure_loads(loading: Loading, clocks: BrowserClocks, restored: Bools) -> Loading:
    """The loads as their browsers tell them: times and paints with the resolution of each engine."""
    rows = np.arange(len(loading.view))
    step = np.where(restored, clocks.step, clocks.paint_step)
    measured: dict[str, Any] = {name: clocks.coarsen(rows, getattr(loading, name)) for name in AT_ONCE}
    measured |= {name: -(-getattr(loading, name) // step) * step for name in PAINTS}
    return loading._replace(**measured)
