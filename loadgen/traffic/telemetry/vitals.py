"""First and largest contentful paint, and cumulative layout shift, of each full load.

Rule: CLS has the time of its last update. The first click or key ends the search for the largest paint, and the client
records LCP when the main thread is idle after it. Without an input it records LCP at the moment when the page is
hidden, too late for the batch of that hide. So a click on a link loses LCP if the next page comes before the idle
moment, as in the captured traffic.
"""

from __future__ import annotations

from functools import partial
from itertools import chain
from typing import NamedTuple, cast

import numpy as np
from msgspec import UNSET

from loadgen.rum.events import CLS, FCP, LCP, Cls, ClsAttribution, Fcp, Lcp
from loadgen.scenario import LayoutShift
from loadgen.traffic.block_draws import FILES_WAIT, BlockDraws, Column, EventIds
from loadgen.traffic.draws import Bools, Floats, Ints, round_down, to_ticks, write_number
from loadgen.traffic.loading import pick_loads
from loadgen.traffic.telemetry.interactions import Inputs
from loadgen.traffic.telemetry.navigation import find_load_reports
from loadgen.traffic.telemetry.reactions import Reactions, draw_delays
from loadgen.traffic.telemetry.resources import Heroes
from loadgen.wire.json_templates import Template, escape, write_details

STATES = ("loading", "dom-interactive", "dom-content-loaded", "complete")
SHIFTED = (
    "html>body>main>div.grid",
    "html>body>main>img.hero",
    "#recommendations",
    "html>body>header>div.banner",
    "#ad-top",
)
PRESENTED, SHOWN_MU, SHOWN_SIGMA, SHOWN_MS = 100, 3.0, 1.5, 400.0
"""Least ticks from a paint to the callback that reports it; mean and standard deviation of the ln of further ms, and
their maximum. On two recorded sites, the report came after load events that followed the paint by up to 16 ms (nine in
ten) or 50 ms (four in ten)."""

NEXT_FRAME = 160
"""Ticks to the next frame, at 60 Hz."""

PAINTED, SHIFT = Template.for_type(Fcp), Template.for_type(Cls)
STILL = write_details(Cls(0, ClsAttribution()))

TEXT_ELEMENT, IMAGE_ELEMENT = "html>body>main>h1", "html>body>main>img.hero"

IMAGE, FETCHED, NAVIGATED, AGAIN = 1, 2, 4, 8
"""Flags of an LCP event's content: an image's URL, the id of the image's event, the id of the navigation event; AGAIN
alone stands for a return from the back/forward cache."""


def _make_template(kind: int) -> Template:
    """Make the template of LCP events with these flags; each member that they have is a placeholder."""
    element = UNSET if kind == AGAIN else IMAGE_ELEMENT if kind & IMAGE else TEXT_ELEMENT
    members = {"url": IMAGE, "lcpResourceEntry": FETCHED, "navigationEntry": NAVIGATED}
    absent = {name: UNSET for name, flag in members.items() if not kind & flag}
    return Template.for_type(Lcp, element=element, **absent)


TEMPLATES = {kind: _make_template(kind) for kind in (0, 1, 3, 4, 5, 7, AGAIN)}


def find_states(draws: BlockDraws, load: Ints, after: Ints) -> list[str]:
    """Return document.readyState of each load, in web-vitals' words, `after` ticks after the navigation's start."""
    loading = draws.loading
    reached = (after >= loading.interactive[load]).astype(np.int64) + (after >= loading.parsed[load])
    reached += after >= loading.complete[load]
    return [STATES[state] for state in reached.tolist()]


def find_first_hides(draws: BlockDraws) -> Ints:
    """Find when each load's page is hidden for the first time, in ticks from session start."""
    first = draws.time.load_end.copy()
    views = np.flatnonzero(draws.time.away >= 0)
    np.minimum.at(first, draws.time.load[views], draws.time.away[views])
    return first


def find_measuring_loads(draws: BlockDraws, vital: str) -> Bools:
    """Mark the loads whose browser measures a vital."""
    able: Bools = draws.crowd.can_measure(draws.people, vital)[draws.load_session]
    return able


def record_fcp(draws: BlockDraws) -> Column:
    """Record first contentful paint, which is reported after the frame was shown and when the client runs."""
    loading = draws.loading
    shown = np.exp(SHOWN_MU + SHOWN_SIGMA * draws.stream("paints").standard_normal(draws.loads))
    recorded = loading.first_paint + PRESENTED + to_ticks(np.minimum(shown, SHOWN_MS))
    # a paint before the client runs is reported as soon as it runs, right after the files
    recorded = np.where(recorded <= loading.ready, loading.ready + draws.waits[FILES_WAIT], recorded)
    at = draws.load_start + np.where(draws.restored, np.maximum(loading.fcp, loading.ready), recorded)
    rows = draws.list_alive(at)

    def write_texts(places: Ints) -> list[str]:
        load, zero = pick_loads(loading, rows[places]), loading.activated[rows[places]]
        value, before = (load.count_from_activation(each) for each in (load.first_paint, load.ttfb))
        times = draws.write_times(rows[places], (value, zero), (before, zero), (value - before, zero + before))
        return PAINTED.write_all(*times, find_states(draws, rows[places], load.first_paint))

    return Column(FCP, EventIds("fcp", rows, draws.loads), loading.view[rows], at[rows], write_texts)


class LargestPaints(NamedTuple):
    """The largest paints of some loads as columns."""

    row: Ints  # the load
    painted: Ints  # ticks from the load's start
    text: Bools  # whether the element is text, not an image
    at: Ints  # when the client records the paint, in ticks from session start


def find_largest_paints(draws: BlockDraws, inputs: Inputs, reactions: Reactions) -> LargestPaints:
    """Find the largest paint of each load before the first input or the first hide, which end the search for it."""
    loading, start = draws.loading, draws.load_start
    ended = find_first_hides(draws)
    at = ended.copy()
    opening = np.flatnonzero(inputs.first)
    load = inputs.load[opening]
    at[load] = np.minimum(at[load], inputs.at[opening] + draw_delays(draws)[load] + reactions.idle[opening])
    ended[load] = np.minimum(ended[load], inputs.at[opening])
    at = np.where(draws.restored, np.minimum(start + loading.lcp, draws.time.load_end - 1), at)
    early = (start + loading.largest_paint > ended) & ~draws.restored
    return LargestPaints(np.arange(draws.loads), np.where(early, loading.first_paint, loading.largest_paint), early, at)


def record_lcp(draws: BlockDraws, inputs: Inputs, reactions: Reactions, heroes: Heroes) -> Column:
    """Record largest contentful paint of the loads in browsers that measure it."""
    rows = draws.own_loads[find_measuring_loads(draws, "lcp")[draws.own_loads]]
    _, painted, early, moment = find_largest_paints(draws, inputs, reactions)
    at = moment[rows]
    view = draws.time.find_current(draws.loading.view[rows], np.minimum(at, draws.time.load_end[rows] - 1))
    paints = LargestPaints(rows, painted[rows], (heroes.text | early)[rows], at)
    write_texts = partial(_write_lcps, draws, heroes, paints)
    return Column(LCP, EventIds("lcp", rows, draws.loads), view, at, write_texts)


def _write_lcps(draws: BlockDraws, heroes: Heroes, paints: LargestPaints, places: Ints) -> list[str]:
    """Write the details of LCP events; those with equal flags are written at once, by one template."""
    fetched = np.array([row in heroes.ids for row in paints.row[places].tolist()], dtype=bool)
    reported = find_load_reports(draws)[0][paints.row[places]] <= paints.at[places]
    kinds = np.where(paints.text[places], 0, IMAGE + FETCHED * fetched) + NAVIGATED * reported
    kinds[draws.restored[paints.row[places]]] = AGAIN
    order = np.argsort(kinds, kind="stable")
    places = places[order]
    rows, painted, text = paints.row[places], paints.painted[places], paints.text[places]
    delay, loaded = np.where(text, 0, heroes.delay[rows]), np.where(text, 0, heroes.loaded[rows])
    load = pick_loads(draws.loading, rows)
    ttfb, zero = load.ttfb, load.activated
    value, first_byte, asked, got = (
        load.count_from_activation(each) for each in (painted, ttfb, ttfb + delay, ttfb + delay + loaded)
    )
    spans = draws.write_times(
        rows, (value, zero), (first_byte, zero), (asked - first_byte, zero + first_byte), (got - asked, zero + asked),
        (value - got, zero + got),
    )  # fmt: skip
    urls = [escape(heroes.urls[row]) for row in rows.tolist()]
    files = [heroes.ids.get(row, "") for row in rows.tolist()]
    named = {IMAGE: urls, FETCHED: files, NAVIGATED: draws.draw_ids("navigation", rows, draws.loads)}
    edges, written = np.searchsorted(kinds[order], (*TEMPLATES, AGAIN + 1)).tolist(), []
    for (kind, template), begin, end in zip(TEMPLATES.items(), edges, edges[1:], strict=False):
        whole, *parts = (times.cut(begin, end) for times in spans)
        image, *others = ([texts[begin:end]] if kind & flag else [] for flag, texts in named.items())
        written += template.write_all(whole, *image, *parts, *chain.from_iterable(others))
    texts = np.empty(len(written), dtype=object)
    texts[order] = written
    return cast(list[str], texts.tolist())


def record_cls(draws: BlockDraws) -> list[Column]:
    """Record cumulative layout shift of every painted load, also if nothing shifted; few values are above 1 (CrUX).

    Also returns a second column: a page that is hidden before its largest shift reports 0 at that hide.
    """
    stream, loading, count = draws.stream("cls"), draws.loading, draws.loads
    zero, median, sigma = draws.read_vitals("cls_zero", "cls_median", "cls_sigma")
    uniform = stream.random((5, count))
    shifted = median * np.exp(sigma * stream.standard_normal(count))
    value = np.where(uniform[0] < zero, 0.0, np.where(shifted > 1, uniform[1], shifted))
    largest = np.where(uniform[4] < draws.scenario.telemetry.shifts.single, value, value * (0.5 + 0.5 * uniform[3]))
    target = round_down(uniform[3] * 1e6) % len(SHIFTED)
    elements = list(SHIFTED)
    for incident, views in draws.struck:
        if isinstance(incident, LayoutShift):
            hit = views[loading.view]
            value = np.where(hit, value + incident.shift * (0.7 + 0.6 * uniform[3]), value)
            largest = np.where(hit, np.maximum(largest, value - largest), largest)
            target = np.where(hit, len(elements), target)
            elements.append(incident.element)
    rows = draws.own_loads[find_measuring_loads(draws, "cls")[draws.own_loads]]
    painted = np.maximum(loading.first_paint, loading.ready)
    moment = np.where(value > 0, _draw_shift_times(draws, uniform[1], uniform[2], painted), painted)
    targets = [escape(element) for element in elements]

    def write_texts(places: Ints) -> list[str]:
        some = rows[places][value[rows[places]] > 0]
        shifted = SHIFT.iterate(
            map(write_number, value[some].tolist()), [targets[each] for each in target[some].tolist()],
            map(write_number, largest[some].tolist()), *draws.write_times(some, (moment[some], 0)),
            find_states(draws, some, moment[some]),
        )  # fmt: skip
        return [next(shifted) if whole else STILL for whole in value[rows[places]].tolist()]

    at = draws.load_start[rows] + np.maximum(moment, loading.ready)[rows]
    view = draws.time.find_current(loading.view[rows], at)
    before = _record_no_shift(draws, rows, painted[rows], at)
    return [Column(CLS, EventIds("cls", rows, draws.loads), view, at, write_texts), before]


def _record_no_shift(draws: BlockDraws, rows: Ints, painted: Ints, shifted: Ints) -> Column:
    """Record a CLS of 0 of the loads that are hidden between their first paint and their shift."""
    shown, hidden = draws.load_start[rows] + painted, find_first_hides(draws)[rows]
    still = np.flatnonzero((shown < hidden) & (hidden < shifted))
    rows = rows[still]
    ids, view = EventIds("cls before", rows, draws.loads), draws.loading.view[rows]
    return Column(CLS, ids, view, shown[still], lambda places: [STILL] * len(places))


def _draw_shift_times(draws: BlockDraws, where: Floats, when: Floats, painted: Ints) -> Ints:
    """Draw when the largest shift happens: while the document loads, as late answers are shown, or any time later."""
    loading = draws.loading
    drawn, shifts = loading.first_paint + NEXT_FRAME, draws.scenario.telemetry.shifts  # not in the first frame
    loads = drawn + round_down(np.maximum(loading.complete - drawn, 0) * where)
    answers = np.maximum(painted, loading.complete) + to_ticks(-shifts.answer_ms * np.log1p(-where))
    late = painted + round_down(draws.visible[loading.view] * where)
    moment = np.select(
        [when < shifts.loading, when < shifts.loading + (1 - shifts.loading) * shifts.answers], [loads, answers], late
    )
    moment = np.clip(moment, drawn, draws.time.load_end - draws.load_start - 1)
    return draws.clocks.coarsen(np.arange(draws.loads), moment)
