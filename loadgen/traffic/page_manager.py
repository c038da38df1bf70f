"""Page views as the web client counts them: which views are new pages, their numbers, parents and referrers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from loadgen.model import Page
from loadgen.traffic.draws import Bools, Choice, Ints, Pause
from loadgen.traffic.journey import RELOAD, RESTORED, Timeline, Walk
from loadgen.traffic.site import Site

REFERRERS = (
    ("https://www.google.com/", 0.36), ("https://www.bing.com/", 0.04), ("https://duckduckgo.com/", 0.02),
    ("https://www.facebook.com/", 0.04), ("https://www.instagram.com/", 0.03), ("https://t.co/", 0.02),
    ("https://www.reddit.com/", 0.02),
)  # fmt: skip
"""Referrers of landings, each with its share of all landings: search has 40 % (Contentsquare)."""


OF_APPS = {"Instagram": "https://www.instagram.com/", "Facebook": "https://www.facebook.com/"}
"""The referrer of landings in the browser inside an app, by app."""


PAGES_PIECE = 32
"""How many sessions' pages are made between two pauses."""


class PageNumbers(NamedTuple):
    """The numbers that the client's page manager gives to each page view."""

    new: Bools  # False: the view repeats the page before, and the client records no page view
    interaction: Ints
    parent: Ints  # the view of the page before; -1: none, a landing
    held: Ints  # the view whose page is current: the view itself, or the first view of a repeated page


def number_pages(walk: Walk, fresh: Bools) -> PageNumbers:
    """Number the pages of each session; a repeated page keeps its number (pageId is the path).

    `fresh` marks loads at which the client does not know the page before; without cookies these are all loads.
    """
    count = len(walk.page)
    same = np.zeros(count, dtype=bool)
    same[1:] = (walk.page[1:] == walk.page[:-1]) & (walk.items[1:] == walk.items[:-1]).all(axis=1)
    new = (fresh | ~same) & (walk.kind != RESTORED)
    held = np.maximum.accumulate(np.where(new, np.arange(count), 0))
    number = np.cumsum(new)
    interaction: Ints = number - number[walk.begins[:-1]][walk.session]
    parent = np.where(interaction > 0, held[np.maximum(held - 1, 0)], -1)
    numbers = PageNumbers(new, interaction, parent, held)
    _renumber_after_restores(walk, numbers)
    return numbers


def _renumber_after_restores(walk: Walk, numbers: PageNumbers) -> None:
    """Change the numbers of views from a session's first return from the back/forward cache on.

    The client counts on from the number of the page that was restored.
    """
    restored = np.flatnonzero(walk.kind == RESTORED)
    for row in restored[np.unique(walk.session[restored], return_index=True)[1]].tolist():
        for later in range(row, int(walk.begins[walk.session[row] + 1])):
            before = numbers.held[later - 1]
            if walk.kind[later] == RESTORED:
                numbers.held[later] = numbers.held[walk.source[later]]
            elif not numbers.new[later]:
                numbers.held[later] = before
            else:
                numbers.interaction[later], numbers.parent[later] = numbers.interaction[before] + 1, before
                continue
            same = numbers.held[later]
            numbers.interaction[later], numbers.parent[later] = numbers.interaction[same], numbers.parent[same]


def draw_referrers(stream: np.random.Generator, browsers: list[str], direct: float) -> list[str]:
    """Draw document.referrer of each session's landing; "" for the share `direct` of the landings.

    `browsers` has the name of each session's browser.
    """
    shares = np.array([share for _, share in REFERRERS])
    law = Choice([direct, *((1 - direct) * shares / shares.sum())])
    urls = ["", *(url for url, _ in REFERRERS)]
    picked = law.pick(stream.random(len(browsers))).tolist()
    return [OF_APPS.get(browser, urls[pick]) if pick else "" for browser, pick in zip(browsers, picked, strict=True)]


class PageMaker:
    """A maker of the Page objects of a block's views; `made` holds them by view, None for views of other shares."""

    def __init__(self, walk: Walk, seen: PageNumbers, time: Timeline, site: Site, landed_from: list[str]) -> None:
        self._site, self._landed_from = site, landed_from
        self._page, self._items = walk.page.tolist(), [tuple(items) for items in walk.items.tolist()]
        self._load, self._noticed = time.load.tolist(), time.noticed.tolist()
        self._new, self._interaction, self._parent = seen.new.tolist(), seen.interaction.tolist(), seen.parent.tolist()
        self._held, self._source = seen.held.tolist(), walk.source.tolist()
        self._again: list[bool] = (walk.kind == RELOAD).tolist()
        self._referrers: list[str] = [""] * len(self._page)
        self.made: list[Page | None] = [None] * len(self._page)

    def make_sessions(self, sessions: Ints, begins: Ints, pause: Pause) -> None:
        """Make the pages of sessions, with a pause now and then; `begins` has where each session's views begin."""
        edges = begins.tolist()
        for session in sessions.tolist():
            self._make_session(session, edges[session], edges[session + 1])
            if session % PAGES_PIECE == 0:
                pause()

    def _make_session(self, session: int, begin: int, end: int) -> None:
        """Make the pages of one session's views."""
        referrer, title_before = self._landed_from[session], ""
        for row in range(begin, end):
            path, title = self._site.write_path_and_title(self._page[row], self._items[row])
            hard = row == begin or self._load[row] != self._load[row - 1]
            if hard and row > begin:
                referrer = self._find_referrer(row, referrer)
            self._referrers[row] = referrer
            # A single-page site changes the title after pushState, so the client records the title of the page before.
            shown = title if hard else title_before
            self.made[row] = (
                self._make_page(row, path, shown, referrer) if self._new[row] else self.made[self._held[row]]
            )
            title_before = title

    def _find_referrer(self, row: int, before: str) -> str:
        """Return document.referrer of a later load: the page before; a reload or step back keeps its first referrer."""
        if self._again[row]:
            return before
        source: int = self._source[row]
        if source != row:
            return self._referrers[source]
        return self._site.find_url(self._page[row - 1], self._items[row - 1])

    def _make_page(self, row: int, path: str, title: str, referrer: str) -> Page:
        parent, tags = self._parent[row], self._site.pages[self._page[row]].tags
        more = self._site.attributes[self._page[row]]
        domain = referrer.split("/", 3)[2] if referrer else ""
        if parent < 0:
            return Page(path, title, 0, None, referrer, domain, None, tags, more)
        spent, before = (self._noticed[row] - self._noticed[parent]) // 10, self.made[parent]
        parent_id = before.id if before else None
        return Page(path, title, self._interaction[row], parent_id, referrer, domain, spent, tags, more)
