"""The inputs of visitors; dom events, one for each listener that a click meets; and the site's custom events."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from msgspec import UNSET

from loadgen.rum.events import DOM, Dom
from loadgen.scenario import CustomEvent
from loadgen.traffic.block_draws import BlockDraws, Column, EventIds, take_texts, write_each
from loadgen.traffic.draws import TICKS, Bools, Ints, round_down, to_ticks
from loadgen.traffic.journey import FAR_TICK, NAVIGATE
from loadgen.traffic.site import ANYWHERE
from loadgen.wire.json_templates import write_details, write_members

MOST_INPUTS = 30
"""The most inputs of one page view, without the clicks that the scenario names."""

TYPED = 0.15
"""Share of inputs by keyboard; an estimate."""

RAGE_TICKS = 8000
"""Ticks (0.8 s) in which a visitor clicks again and again on an element that does not react."""

RAGE_CLICKS = (3, 6)
"""The number of such clicks: at least the first, and below the second."""


class Inputs(NamedTuple):
    """The inputs of a block as columns, sorted by load and moment."""

    view: Ints  # the view under which the client records the input
    load: Ints
    at: Ints  # ticks from session start
    target: Ints  # index in Site.targets
    typed: Bools  # True: by keyboard; False: a click or tap
    leaving: Bools  # whether the input leads to the next page
    first: Bools  # whether it is the document's first input
    nameless: Bools  # whether the browser reports no target for it


def draw_inputs(draws: BlockDraws) -> Inputs:
    """Draw all inputs of a block."""
    others, by_key = _draw_other_inputs(draws)
    parts = (_draw_named_clicks(draws), others, _draw_rage_clicks(draws), _draw_link_clicks(draws))
    view, at, target = (np.concatenate(column) for column in zip(*parts, strict=True))
    source = np.repeat(np.arange(len(parts)), [len(views) for views, _, _ in parts])
    typed, leaving = source == 1, source == 3
    typed[typed] = by_key
    load = draws.time.load[view]
    order = np.argsort(load * FAR_TICK + at, kind="stable")
    view, load, at, target = (each[order] for each in (view, load, at, target))
    typed, leaving = typed[order], leaving[order]
    first = np.ones(len(load), dtype=bool)
    first[1:] = load[1:] != load[:-1]
    return Inputs(view, load, at, target, typed, leaving, first, _draw_nameless(draws, load, typed))


def _draw_nameless(draws: BlockDraws, load: Ints, typed: Bools) -> Bools:
    """Draw which inputs have no target in the entry of their pointerdown.

    Blink does not dispatch pointer events in a document without a listener for them, and then reports no target
    (PointerEventManager). In Chromium 156 one listener for any pointer event was enough for Blink to report all
    targets; listeners for mouse and touch events were not. Blink always dispatches keys.
    """
    blink = draws.crowd.are_chromium(draws.people)[draws.load_session]
    deaf = blink & (draws.stream("listeners").random(draws.loads) >= draws.scenario.telemetry.pointer_listeners)
    return deaf[load] & ~typed


InputColumns = tuple[Ints, Ints, Ints]
"""View, moment and target of some inputs."""


def _draw_named_clicks(draws: BlockDraws) -> InputColumns:
    """Draw clicks on the elements that the scenario names."""
    stream, none = draws.stream("clicks"), np.zeros(0, dtype=np.int64)
    views, targets, moments = [none], [none], [np.zeros(0)]
    for page, target, share in draws.site.clicks:
        uniform = stream.random((2, draws.views))
        view = np.flatnonzero((draws.walk.page == page) & (uniform[0] < share))
        views.append(view)
        targets.append(np.full(len(view), target))
        moments.append(uniform[1][view])
    view = np.concatenate(views)
    return view, draws.place_moments(view, np.concatenate(moments)), np.concatenate(targets)


def _draw_other_inputs(draws: BlockDraws) -> tuple[InputColumns, Bools]:
    """Draw clicks and keys on any element, at a constant rate while a page is visible; and which of them are keys."""
    stream = draws.stream("inputs")
    rate = draws.scenario.telemetry.interactions_per_minute / 60 / TICKS
    number = np.minimum(stream.poisson(rate * draws.visible), MOST_INPUTS)
    view = np.repeat(np.arange(draws.views), number)
    uniform = stream.random((3, len(view)))
    at, target = draws.place_moments(view, uniform[0]), round_down(uniform[1] * ANYWHERE)
    return (view, at, target), uniform[2] < TYPED


def _draw_rage_clicks(draws: BlockDraws) -> InputColumns:
    """Draw rage clicks: repeated clicks on one element of one page, in some sessions."""
    stream, begins = draws.stream("rage clicks"), draws.walk.begins
    uniform = stream.random((4, len(begins) - 1))
    angry = np.flatnonzero(uniform[0] < draws.scenario.telemetry.rage_clicks)
    chosen = begins[angry] + round_down(uniform[1][angry] * np.diff(begins)[angry])
    number = round_down(RAGE_CLICKS[0] + (RAGE_CLICKS[1] - RAGE_CLICKS[0]) * uniform[2][angry])
    begun = draws.place_moments(chosen, uniform[3][angry])
    turn = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)
    view = np.repeat(chosen, number)
    at = np.repeat(begun, number) + round_down(turn * np.repeat(RAGE_TICKS / number, number))
    target = np.repeat(round_down(uniform[1][angry] * 1e6) % ANYWHERE, number)
    return view, np.minimum(at, draws.time.end[view] - 1), target


def _draw_link_clicks(draws: BlockDraws) -> InputColumns:
    """Draw the clicks that lead to the next page; the client records a route change's click under the new page."""
    stream = draws.stream("links")
    uniform = stream.random((2, draws.views))
    walk, time = draws.walk, draws.time
    followed = np.append(walk.kind[1:] == NAVIGATE, False) & (uniform[0] < draws.scenario.population.by_link)
    followed &= ~np.append(walk.first[1:], True)
    view = np.flatnonzero(followed)
    stays = time.load[view + 1] == time.load[view]
    before = np.maximum(time.end[view] - to_ticks(2 + 30 * uniform[1][view]), time.looked[view])
    at = np.where(stays, time.start[np.minimum(view + 1, draws.views - 1)], before)
    return np.where(stays, view + 1, view), at, draws.site.links[walk.page[view + 1]]


def record_dom(draws: BlockDraws, inputs: Inputs) -> list[Column]:
    """Record dom events of clicks: one of the document's listener, after that of an element with a cssLocator."""
    located = np.array([target.css is not None for target in draws.site.targets])
    rows = np.flatnonzero(~inputs.typed & draws.own_view_mask[inputs.view])
    special = rows[located[inputs.target[rows]]]
    return [_record_clicks(draws, inputs, special, with_css=True), _record_clicks(draws, inputs, rows, with_css=False)]


def _record_clicks(draws: BlockDraws, inputs: Inputs, rows: Ints, *, with_css: bool) -> Column:
    text_by_target = [
        write_details(Dom("click", each.element, each.id or UNSET, UNSET, (with_css and each.css) or UNSET))
        for each in draws.site.targets
    ]
    named = EventIds("dom css" if with_css else "dom", rows, len(inputs.view))
    texts = [text_by_target[each] for each in inputs.target[rows].tolist()]
    return Column(DOM, named, inputs.view[rows], inputs.at[rows], take_texts(texts))


def record_custom(draws: BlockDraws) -> list[Column]:
    """Record the events that pages hand to recordEvent, at any moment while the page is visible."""
    return [
        _record_custom_event(draws, page, event, f"custom/{page}/{number}")
        for page, model in enumerate(draws.site.pages)
        for number, event in enumerate(model.events)
    ]


def _record_custom_event(draws: BlockDraws, page: int, event: CustomEvent, purpose: str) -> Column:
    uniform = draws.stream(purpose).random((2, draws.views))
    rows = np.flatnonzero((draws.walk.page == page) & (uniform[0] < event.per_view) & draws.own_view_mask)
    items = [tuple(chosen) for chosen in draws.walk.items[rows].tolist()]
    write_texts = write_each(lambda place: _fill_placeholders(draws, event.details, page, items[place]))
    more = f",{write_members(dict(event.metadata))}" if event.metadata else ""
    at = draws.place_moments(rows, uniform[1][rows])
    return Column(event.type, EventIds(purpose, rows, draws.views), rows, at, write_texts, more)


def _fill_placeholders(draws: BlockDraws, value: Any, page: int, chosen: tuple[int, ...]) -> Any:
    """Return a custom event's object with the placeholders in its texts replaced by the page's items."""
    if isinstance(value, str):
        return draws.site.fill(value, page, chosen)
    if isinstance(value, dict):
        return {key: _fill_placeholders(draws, inner, page, chosen) for key, inner in value.items()}
    if isinstance(value, list):
        return [_fill_placeholders(draws, inner, page, chosen) for inner in value]
    return value
