"""rrweb events: recordings from which a session can be replayed, as the client's RRWebPlugin records them.

Rule: the recording of a document begins with its whole tree (rrweb's types 4, Meta, and 2, FullSnapshot). The entries
after that are collected for five seconds, or until there are fifty, and recorded as one event; the remaining entries
are recorded when the document ends. Texts are masked. Sizes, counts and cadence follow recordings captured from the web
client: a tree of 6 to 10 kB, five entries a click, eleven entries a second of typing.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import numpy as np

from loadgen.rum.events import REPLAY
from loadgen.traffic.block_draws import BlockDraws, Column, EventIds
from loadgen.traffic.draws import TICKS, Ints, to_ticks
from loadgen.traffic.journey import FAR_TICK
from loadgen.traffic.site import Site
from loadgen.traffic.telemetry.interactions import Inputs
from loadgen.wire.json_templates import mark_milliseconds, write_details

FLUSH_TICKS, MOST_ENTRIES = 5 * TICKS, 50
"""The plugin's flushInterval of 5 s and batchSize (plugins/RRWebPlugin.ts)."""

MOVES_PER_MINUTE, SCROLLS_PER_MINUTE, MOST_DRIFTS = 8.0, 5.0, 40
"""Rates of MOVE and SCROLL entries while a page is visible, and the most of each in a page view; estimates."""

TREE, CHANGE, MOVE, SCROLL, DOWN, FOCUS, UP, CLICK, KEY = range(9)
CLICKED = ((MOVE, 0), (DOWN, 10), (FOCUS, 10), (UP, 20), (CLICK, 20))
"""The entries that a click makes, and their ticks after the click."""

KEYS, KEY_TICKS = 11, 920
"""How many keys an input by keyboard has, and the ticks between two keys."""

WRITTEN_AT_ONCE = 25
"""How many events are written between two pauses; these long events take a millisecond."""

WIDTHS, HEIGHTS = (1366, 412, 820), (768, 839, 1180)
"""Width and height of the window by device, in the order of population.DEVICES; common sizes."""

STYLES = (
    "body { font-family: Shop, sans-serif; margin: 0px; color: rgb(34, 34, 34); }",
    "header { display: flex; gap: 16px; padding: 8px 16px; background: rgb(244, 244, 248); }",
    ".hero { width: 100%; display: block; height: auto; }",
    ".grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(180px, 1fr)); gap: 12px; padding: 16px; }",
    ".grid a { display: block; border: 1px solid rgb(221, 221, 221); padding: 8px; }",
    "button, input { padding: 8px 14px; margin: 4px; }",
)
"""Rules of the site's style sheet, which the tree contains."""

CARDS = (12, 24)
"""The number of cards of a page: at least the first, below the second; a tree then has 6 to 10 kB, as captured."""


class Entries(NamedTuple):
    """The recorded entries of a block's documents as columns, sorted by document and moment."""

    load: Ints
    at: Ints  # ticks from session start
    kind: Ints  # TREE to KEY
    target: Ints  # number of the element in the tree
    turn: Ints  # for a key, its number in its input, from 0; else 0


def record_replay(draws: BlockDraws, inputs: Inputs) -> Column:
    """Record an event for each five seconds with entries, or for each fifty entries."""
    entries = _draw_entries(draws, inputs)
    begins, at = _find_flushes(draws, entries)
    load = entries.load[begins[:-1]]
    row = np.flatnonzero(draws.own_sessions[draws.load_session[load]])
    view = draws.time.find_current(draws.loading.view[load[row]], at[row])

    def write_texts(places: Ints) -> list[str]:
        texts = (
            _write_event(draws, entries, slice(begins[row[place]], begins[row[place] + 1])) for place in places.tolist()
        )
        return draws.seeds.list_all(texts, WRITTEN_AT_ONCE)

    return Column(REPLAY, EventIds("replay", row, len(load)), view, at[row], write_texts)


def _draw_entries(draws: BlockDraws, inputs: Inputs) -> Entries:
    """Draw the entries of every document: its tree, a change, pointer moves, scrolls, clicks and keys."""
    stream, time, loading = draws.stream("replay"), draws.time, draws.loading
    every = np.flatnonzero(~draws.restored)
    start = draws.load_start[every] + loading.ready[every] + 1
    parts = [(every, start, TREE), (every, start + to_ticks(100 + 900 * stream.random(len(every))), CHANGE)]
    for drift, rate in ((MOVE, MOVES_PER_MINUTE), (SCROLL, SCROLLS_PER_MINUTE)):
        number = np.minimum(stream.poisson(rate / 60 / TICKS * draws.visible), MOST_DRIFTS)
        view = np.repeat(np.arange(draws.views), number)
        moment = draws.place_moments(view, stream.random(len(view)))
        parts.append((time.load[view], moment, drift))
    clicked, typed = np.flatnonzero(~inputs.typed), np.flatnonzero(inputs.typed)
    parts += [(inputs.load[clicked], inputs.at[clicked] + after, part) for part, after in CLICKED]
    keys = [(inputs.load[typed], inputs.at[typed] + KEY_TICKS * turn, KEY) for turn in range(KEYS)]
    load, at = (np.concatenate([part[index] for part in (*parts, *keys)]) for index in (0, 1))
    kind = np.concatenate([np.full(len(each), code) for each, _, code in (*parts, *keys)])
    turn = np.concatenate(
        [np.zeros(sum(len(each) for each, _, _ in parts), np.int64), np.repeat(np.arange(KEYS), len(typed))]
    )
    return _sort_entries(draws, Entries(load, at, kind, 10 + (load * 7 + at) % 40, turn))


def _sort_entries(draws: BlockDraws, entries: Entries) -> Entries:
    """Select the entries during the life of their document, and sort them by document and moment, the tree first."""
    loading, time = draws.loading, draws.time
    begun = draws.load_start[entries.load] + loading.ready[entries.load]
    alive = (entries.at > begun) & (entries.at < time.load_end[entries.load] - 1)
    kept = np.flatnonzero(alive & ~draws.restored[entries.load] | (entries.kind == TREE))
    order = kept[np.argsort(entries.load[kept] * FAR_TICK + entries.at[kept], kind="stable")]
    return Entries(*(column[order] for column in entries))


def _find_flushes(draws: BlockDraws, entries: Entries) -> tuple[Ints, Ints]:
    """Find where the entries of each event begin (the end last), and when each event is recorded."""
    start = draws.load_start[entries.load] + draws.loading.ready[entries.load]
    window = (entries.at - start) // FLUSH_TICKS
    changes = np.ones(len(window), dtype=bool)
    changes[1:] = (np.diff(entries.load) != 0) | (np.diff(window) != 0)
    first = np.flatnonzero(changes)
    place = np.arange(len(window)) - np.repeat(first, np.diff(np.append(first, len(window))))
    begins = np.flatnonzero(place % MOST_ENTRIES == 0)
    ends = np.append(begins[1:], len(window))
    full = ends - begins == MOST_ENTRIES
    due = start[begins] + (window[begins] + 1) * FLUSH_TICKS
    at = np.where(full, entries.at[ends - 1], np.minimum(due, draws.time.load_end[entries.load[begins]] - 1))
    return np.append(begins, len(window)), at


def _write_event(draws: BlockDraws, entries: Entries, some: slice) -> str:
    """Write the details of the event with the entries of `some`."""
    load = int(entries.load[some.start])
    device = int(draws.people.device[draws.load_session[load]])
    written: list[dict[str, Any] | Any] = []
    columns = (column[some].tolist() for column in (entries.at, entries.kind, entries.target, entries.turn))
    for at, kind, target, turn in zip(*columns, strict=True):
        when = mark_milliseconds(at / TICKS)
        if kind == TREE:
            shown = draws.loading.view[load]
            page, items = int(draws.walk.page[shown]), tuple(draws.walk.items[shown].tolist())
            address = f"{draws.site.origin}{draws.site.fill(draws.site.pages[page].path, page, items)}"
            written += _write_snapshot(draws.site, page, address, device, when)
        else:
            data = _describe(kind, target, turn, WIDTHS[device])
            written.append({"type": 3, "data": data, "timestamp": when})
    return write_details({"version": "1.0.0", "events": written, "eventCount": len(written)})


def _describe(kind: int, target: int, turn: int, width: int) -> dict[str, Any]:
    """Return the data of an incremental entry in rrweb's form; its position is computed from its element."""
    x, y = 12 + target * 37 % (width - 40), 17 + target * 61 % 900
    pointed = {"id": target, "x": x + 0.38, "y": y + 0.5}
    if kind == CHANGE:
        node = {
            "type": 2,
            "tagName": "div",
            "attributes": {"class": "promo", "id": "promo"},
            "childNodes": [],
            "id": 99,
        }
        added = [{"parentId": 12, "nextId": 13, "node": node}]
        return {"source": 0, "texts": [], "attributes": [], "removes": [], "adds": added}
    if kind == MOVE:
        steps = range(1 + target % 5)
        positions = [
            {"x": x + 30 * step, "y": y + 10 * step, "id": target, "timeOffset": -60 * (len(steps) - 1 - step)}
            for step in steps
        ]
        return {"source": 1, "positions": positions}
    if kind == SCROLL:
        return {"source": 3, "id": 1, "x": 0, "y": y}
    if kind == KEY:
        return {"source": 5, "text": "*" * (turn + 1), "isChecked": False, "id": target}
    if kind == FOCUS:
        return {"source": 2, "type": 5, "id": target}
    if kind == CLICK:
        return {"source": 2, "type": 2, "id": target, "x": x, "y": y, "pointerType": 0}
    return {"source": 2, "type": 1 if kind == DOWN else 0, **pointed}


class _Tree:
    """A maker of nodes in rrweb's form, which numbers them."""

    def __init__(self) -> None:
        self._number = 0

    def make_element(self, name: str, attributes: dict[str, Any], *children: dict[str, Any]) -> dict[str, Any]:
        """Make an element with its children."""
        self._number += 1
        return {
            "type": 2, "tagName": name, "attributes": attributes, "childNodes": list(children), "id": self._number,
        }  # fmt: skip

    def make_text(self, length: int) -> dict[str, Any]:
        """Make a masked text of so many characters."""
        self._number += 1
        return {"type": 3, "textContent": "*" * length, "id": self._number}


def _write_snapshot(site: Site, page: int, address: str, device: int, when: Any) -> list[dict[str, Any]]:
    """Return the two entries at a document's beginning, Meta and FullSnapshot; `when` is a marked time."""
    window = {"href": address, "width": WIDTHS[device], "height": HEIGHTS[device]}
    whole = {"node": _write_tree(site.origin, site.names[page], page), "initialOffset": {"left": 0, "top": 0}}
    return [
        {"type": 4, "data": window, "timestamp": when},
        {"type": 2, "data": whole, "timestamp": when},
    ]


@lru_cache(maxsize=1024)
def _write_tree(origin: str, name: str, page: int) -> msgspec.Raw:
    """Write the tree of a page as JSON; it is equal for all visitors."""
    tree = _Tree()
    cards = CARDS[0] + page * 5 % (CARDS[1] - CARDS[0])
    head = tree.make_element(
        "head", {}, tree.make_element("meta", {"charset": "utf-8"}), tree.make_element("title", {}, tree.make_text(11)),
        tree.make_element("link", {"_cssText": "".join(STYLES)}),
    )  # fmt: skip
    links = [
        tree.make_element("a", {"id": f"nav-{each}", "href": f"{origin}/"}, tree.make_text(5)) for each in range(4)
    ]
    header = tree.make_element("header", {}, tree.make_element("nav", {}, *links))
    grid = [_make_card(tree, origin, card) for card in range(cards)]
    search = tree.make_element("input", {"id": "search", "placeholder": "******"})
    heading = tree.make_element("h1", {}, tree.make_text(9))
    main = tree.make_element("main", {}, heading, search, tree.make_element("div", {"class": "grid"}, *grid))
    root = tree.make_element("html", {"lang": "en"}, head, tree.make_element("body", {"data-page": name}, header, main))
    document = {"type": 1, "name": "html", "publicId": "", "systemId": "", "id": 1000}
    return msgspec.Raw(msgspec.json.encode({"type": 0, "childNodes": [document, root], "id": 1001}))


def _make_card(tree: _Tree, origin: str, card: int) -> dict[str, Any]:
    picture = tree.make_element(
        "img", {"src": f"{origin}/img/thumb{card}.jpg", "width": "320", "height": "240", "alt": ""}
    )
    return tree.make_element("a", {"class": "card", "href": f"{origin}/{card}"}, picture, tree.make_text(8 + card % 9))
