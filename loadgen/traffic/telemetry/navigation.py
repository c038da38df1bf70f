"""performance_navigation and time_to_first_byte events: recorded after the load event, if the page lives so long."""

from __future__ import annotations

import numpy as np

from loadgen.rum.events import NAVIGATION, TTFB, Navigation, Ttfb, TtfbAttribution
from loadgen.traffic.draws import Choice, Floats, Ints, decimals, ticks, told
from loadgen.traffic.telemetry.block_draws import Scene
from loadgen.traffic.telemetry.column import Column, Named
from loadgen.wire.json_templates import PLACEHOLDER, TEXT_PLACEHOLDER, Template

PROTOCOLS = ("h2", "h3", "http/1.1")
PROTOCOL = Choice([0.60, 0.35, 0.05])
"""Of the page's host, by session; an estimate."""

TYPES = ("navigate", "back_forward", "reload")  # in the order of NAVIGATE, BACK, RELOAD
LANDING_TYPE = Choice([0.94, 0.03, 0.03])
"""How a landing was reached; an estimate."""

HEADER_BYTES = 300
"""headerSize: Chromium reports transferSize − encodedBodySize, always 300."""


NAVIGATED = Template(
    Navigation(
        initiatorType="navigation",
        navigationType=TEXT_PLACEHOLDER,
        startTime=0,
        unloadEventStart=PLACEHOLDER,
        promptForUnload=0,
        redirectCount=PLACEHOLDER,
        redirectStart=0,
        redirectTime=PLACEHOLDER,
        workerStart=0,
        workerTime=0,
        fetchStart=PLACEHOLDER,
        domainLookupStart=PLACEHOLDER,
        dns=PLACEHOLDER,
        nextHopProtocol=TEXT_PLACEHOLDER,
        connectStart=PLACEHOLDER,
        connect=PLACEHOLDER,
        secureConnectionStart=PLACEHOLDER,
        tlsTime=PLACEHOLDER,
        requestStart=PLACEHOLDER,
        timeToFirstByte=PLACEHOLDER,
        responseStart=PLACEHOLDER,
        responseTime=PLACEHOLDER,
        domInteractive=PLACEHOLDER,
        domContentLoadedEventStart=PLACEHOLDER,
        domContentLoaded=PLACEHOLDER,
        domComplete=PLACEHOLDER,
        domProcessingTime=PLACEHOLDER,
        loadEventStart=PLACEHOLDER,
        loadEventTime=PLACEHOLDER,
        duration=PLACEHOLDER,
        headerSize=HEADER_BYTES,
        transferSize=PLACEHOLDER,
        compressionRatio=PLACEHOLDER,
    )
)
ANSWERED = Template(Ttfb(PLACEHOLDER, TtfbAttribution(PLACEHOLDER, 0, PLACEHOLDER, PLACEHOLDER, PLACEHOLDER)))


def protocols(scene: Scene) -> Ints:
    """The protocol of each session, as index in PROTOCOLS."""
    return PROTOCOL.pick(scene.stream("protocol").random(len(scene.own_sessions)))


def recorded(scene: Scene) -> Ints:
    """When the navigation event of each load is recorded, in ticks from session start."""
    at: Ints = scene.time.start[scene.loading.view] + scene.loading.loaded
    return at


def navigation(scene: Scene) -> list[Column]:
    """The navigation and TTFB events of own loads that live until their load event."""
    rows = scene.own_loads
    at = recorded(scene)[rows]
    lives = (at < scene.time.load_end[rows]) & ~scene.restored[rows]
    rows, at = rows[lives], at[lives]
    view = scene.loading.view[rows]
    return [
        Column(
            NAVIGATION, Named("navigation", rows, scene.loads), view, at, lambda some: _navigations(scene, rows[some])
        ),
        _first_bytes(scene, rows, at),
        *([_back_at_once(scene)] if scene.restored.any() else []),
    ]


def _back_at_once(scene: Scene) -> Column:
    """The TTFB of 0 that a return from the back/forward cache has."""
    rows = scene.own_loads[scene.restored[scene.own_loads]]
    return _first_bytes(scene, rows, scene.time.start[scene.loading.view[rows]] + scene.loading.ready[rows])


def _types(scene: Scene) -> Ints:
    """How each load was reached, as index in TYPES."""
    view = scene.loading.view
    landing = LANDING_TYPE.pick(scene.stream("navigation").random(scene.loads))
    return np.where(scene.walk.first[view], landing, scene.walk.kind[view])


def _navigations(scene: Scene, rows: Ints) -> list[str]:
    load = scene.loading
    draws = scene.stream("navigation detail").random((2, scene.loads))[:, rows]
    redirect, wait, dns, connect, tls, ttfb, response, parsed, complete = (
        each[rows]
        for each in (
            load.redirect, load.wait, load.dns, load.connect, load.tls, load.ttfb, load.response, load.parsed,
            load.complete,
        )
    )  # fmt: skip
    begun = wait + dns + connect
    unload = np.where(scene.walk.first[load.view[rows]], 0, ttfb + ticks(0.5 + 20 * draws[0]))
    kinds, names = _types(scene)[rows].tolist(), protocols(scene)[scene.load_session[rows]].tolist()
    parsed_end, loaded = load.parsed_end[rows], load.loaded[rows]
    fetch, complete_at = told(wait), told(complete)
    return NAVIGATED.texts(
        [TYPES[kind] for kind in kinds], told(unload), ["1" if moved else "0" for moved in redirect.tolist()],
        told(redirect), fetch, fetch, told(dns), [PROTOCOLS[protocol] for protocol in names], told(wait + dns),
        told(connect), told(np.where(connect > 0, begun - tls, 0)), told(tls), told(begun), told(ttfb - begun),
        told(ttfb), told(response - ttfb), told(load.interactive[rows]), told(parsed), told(parsed_end - parsed),
        complete_at, told(complete - response), complete_at, told(loaded - complete), told(loaded),
        map(str, (load.html_bytes[rows] + HEADER_BYTES).tolist()), decimals(np.round(2.5 + 3 * draws[1], 4)),
    )  # fmt: skip


def _first_bytes(scene: Scene, rows: Ints, at: Ints) -> Column:
    load = scene.loading

    def details(places: Ints) -> list[str]:
        some = rows[places]
        wait, dns, connect, ttfb = (each[some] for each in (load.wait, load.dns, load.connect, load.ttfb))
        return ANSWERED.texts(*map(told, (ttfb, wait, dns, connect, ttfb - wait - dns - connect)))

    return Column(TTFB, Named("ttfb", rows, scene.loads), load.view[rows], at, details)


def shares(stream: np.random.Generator, count: int, parts: tuple[float, ...], spread: float) -> Floats:
    """Random shares around given parts, adding up to 1: [part, row]."""
    weights = np.array(parts)[:, None] * np.exp(spread * stream.standard_normal((len(parts), count)))
    together: Floats = weights / weights.sum(axis=0)
    return together
