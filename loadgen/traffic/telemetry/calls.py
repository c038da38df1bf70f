"""The API calls of each page: which call is made when, and how it ends.

Rule: a call is recorded when it ends; a call that ends after its document is not recorded.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from loadgen.scenario import ApiCall, SlowApi
from loadgen.traffic.block_draws import BlockDraws
from loadgen.traffic.draws import Bools, Choice, Floats, Ints, round_down, to_ticks
from loadgen.traffic.journey import FAR_TICK, RESTORED
from loadgen.traffic.telemetry.interactions import Inputs

NO_ANSWER, ABORTED = 0, -1
"""The status of a call without an answer, and of a call that the page aborts."""

GIVEN_UP = 0.3
"""Part of a call's time after which the page aborts it; an estimate."""

PRESSED_MS = 5.0
"""Mean ms from the press of a button to the call that the button makes; an estimate."""

CALLED_AFTER_MS, CALL_GAP_MS = 4.0, 3.0
"""Mean ms from DOMContentLoaded, or from a change of route, to a page's first GET, and from each GET to the next: the
page's script runs last and makes them one after the other. Other calls come at any time. Estimates."""

SIZE_MU, SIZE_SIGMA = 6.5, 1.2
"""Mean and standard deviation of the ln of an API answer's bytes; an estimate."""


class RecordedCalls(NamedTuple):
    """The recorded API calls of own sessions as columns."""

    row: Ints  # number of the call among all calls of the block
    total: int  # number of all calls of the block
    view: Ints
    started: Ints  # ticks from session start
    ended: Ints  # ticks from session start
    status: Ints  # HTTP status, NO_ANSWER or ABORTED
    length: Ints  # bytes of the answer
    calls: list[ApiCall]
    path: list[str]


def _draw_calls(draws: BlockDraws, inputs: Inputs | None) -> tuple[Ints, ...]:
    """Draw all API calls of a block; with inputs, calls follow the presses of buttons.

    Returns columns: the call's index in Site.calls, then view, started, ended, status and length as in RecordedCalls.
    """
    stream, api = draws.stream("api"), draws.scenario.telemetry.api
    begun, hard = draws.time.noticed.copy(), draws.loading.view
    begun[hard] = np.maximum(begun[hard], draws.time.start[hard] + draws.loading.parsed)
    begun += to_ticks(CALLED_AFTER_MS * draws.stream("api begin").standard_exponential(draws.views))
    pressed = np.full(draws.views, FAR_TICK) if inputs is None else find_presses(draws, inputs)
    by_kind = [_draw_page_calls(draws, stream, (begun, pressed), each) for each in range(len(draws.site.calls))]
    none = np.zeros(0, dtype=np.int64)
    view = np.concatenate([none, *(rows for rows, _ in by_kind)])
    started = np.concatenate([none, *(start for _, start in by_kind)])
    kind = np.repeat(np.arange(len(by_kind)), [len(rows) for rows, _ in by_kind])
    rtt = draws.slowness.rtt[draws.walk.session[view]]
    served = api.median_ms * np.exp(api.sigma * stream.standard_normal(len(view)))
    status = _draw_status(draws, stream.random(len(view)), kind)
    served, status = _apply_incidents(draws, view, kind, served, status)
    given_up = draws.stream("aborted").random(len(view)) < api.aborted
    status = np.where(given_up, ABORTED, status)
    lasted = (rtt + served) * np.where(given_up, GIVEN_UP, 1.0)
    length = round_down(np.exp(SIZE_MU + SIZE_SIGMA * stream.standard_normal(len(view))))
    return kind, view, started, started + to_ticks(lasted) + 1, status, length


def _apply_incidents(draws: BlockDraws, view: Ints, kind: Ints, served: Floats, status: Ints) -> tuple[Floats, Ints]:
    """Return the server's time (ms) and the status of each call, changed by the incidents that hit the call."""
    for incident, views in draws.struck:
        if isinstance(incident, SlowApi):
            matches = np.array([call.path.startswith(incident.path) for _, call in draws.site.calls])
            hit = views[view] & matches[kind]
            failing = draws.stream(f"incident/{incident.name}/fails").random(len(view)) < incident.failing
            served = np.where(hit, served * incident.times, served)
            status = np.where(hit & failing, incident.status, status)
    return served, status


def record_calls(draws: BlockDraws, inputs: Inputs | None) -> RecordedCalls:
    """Draw the API calls of own sessions that the client records: its settings select them, and they end in time."""
    kind, view, started, ended, status, length = _draw_calls(draws, inputs)
    client = draws.scenario.client
    wanted = (status <= NO_ANSWER) | (status >= 400) | client.enableXRay | client.recordAllRequests
    row = np.flatnonzero(wanted & draws.own_view_mask[view] & draws.time.are_alive(view, ended))
    calls = [draws.site.calls[which][1] for which in kind[row].tolist()]
    pages, items = draws.walk.page[view[row]].tolist(), draws.walk.items[view[row]].tolist()
    rows = zip(calls, pages, items, strict=True)
    paths = [draws.site.fill(call.path, page, tuple(chosen)) for call, page, chosen in rows]
    return RecordedCalls(row, len(view), view[row], started[row], ended[row], status[row], length[row], calls, paths)


def _draw_page_calls(
    draws: BlockDraws, stream: np.random.Generator, times: tuple[Ints, Ints], kind: int
) -> tuple[Ints, Ints]:
    """Draw the views that make a call of Site.calls, and when: a GET as the page's script runs, others at a press.

    If no button of the view is pressed, another call than GET comes at any time while the visitor looks at the page.
    `times` has for each view when its script makes calls, and when a button is first pressed.
    """
    begun, pressed = times
    page, call = draws.site.calls[kind]
    before = sum(other == page and each.method == "GET" for other, each in draws.site.calls[:kind])
    uniform = stream.random((2, draws.views))
    reads = call.method == "GET"
    chance = call.per_view if reads else _share_by_presses(draws, page, call.per_view, pressed < FAR_TICK)
    view = np.flatnonzero((draws.walk.page == page) & (uniform[0] < chance))
    moment = uniform[1][view]
    if reads:
        asks = draws.walk.kind[view] != RESTORED
        view, moment = view[asks], moment[asks]
        return view, begun[view] + to_ticks(-CALL_GAP_MS * before * np.log1p(-moment))
    looked = draws.place_moments(view, moment)
    sent = pressed[view] + to_ticks(-PRESSED_MS * np.log1p(-moment))
    return view, np.where(pressed[view] < FAR_TICK, sent, looked)


def find_presses(draws: BlockDraws, inputs: Inputs) -> Ints:
    """Find when a button that the scenario names is first pressed in each view; FAR_TICK: never."""
    site, pressed = draws.site, np.full(draws.views, FAR_TICK)
    named = {target for _, target, _ in site.clicks}
    button = np.array([row in named and each.element == "BUTTON" for row, each in enumerate(site.targets)])
    rows = np.flatnonzero(button[inputs.target] & ~inputs.typed & ~inputs.leaving)
    np.minimum.at(pressed, inputs.view[rows], inputs.at[rows])
    return pressed


def _share_by_presses(draws: BlockDraws, page: int, share: float, pressed: Bools) -> Floats:
    """Return each view's probability of a call that a share of the page's views makes: views with a press come first.

    `pressed` marks the views in which a button is pressed.
    """
    shares = [each for of, target, each in draws.site.clicks
              if of == page and draws.site.targets[target].element == "BUTTON"]  # fmt: skip
    press = 1 - math.prod(1 - each for each in shares)
    if not press:
        return np.full(draws.views, share)
    return np.where(pressed, min(share / press, 1.0), max(share - press, 0.0) / max(1 - press, 1e-9))


def _draw_status(draws: BlockDraws, uniform: Floats, kind: Ints) -> Ints:
    """Draw the status of each call; a POST that succeeds has 201, any other call 200."""
    api, status = draws.scenario.telemetry.api, np.zeros(len(kind), dtype=np.int64)
    for index, (_, call) in enumerate(draws.site.calls):
        failures, network = (api.failures, api.network) if call.failures is None else (call.failures, 0.0)
        codes = np.array([201 if call.method == "POST" else 200, NO_ANSWER, *map(int, failures)])
        failing = [network, *failures.values()]
        of_kind = kind == index
        status[of_kind] = codes[Choice([max(1 - sum(failing), 0.0), *failing]).pick(uniform[of_kind])]
    return status
