"""What a page is made of: its files, its title, its tags, and the items behind its placeholders."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import NamedTuple

import numpy as np

from loadgen.jobs.fit.actions import fit_zipf
from loadgen.jobs.fit.calls import list_items
from loadgen.jobs.fit.page_templates import clean_text
from loadgen.jobs.fit.recorded import Bools, Floats, Ints, Recorded
from loadgen.jobs.fit.support import holds_secret
from loadgen.jobs.fit.visits import RecordedSite, Visits, find_views
from loadgen.rum import events as rum

KINDS = ("stylesheet", "script", "font", "image")
OTHER_KIND = 3
"""Files of other kinds count as images: the client samples them together."""

LEAST_LOADS = 20
SAME_TITLE = 0.9
MOST_ITEMS = 100_000
LONGEST_TITLE = 200


class ItemPool(NamedTuple):
    """The items behind a placeholder."""

    size: int
    zipf: float
    views: int


def count_files(recorded: Recorded, visits: Visits, pages: int) -> tuple[dict[int, dict[str, int]], dict[str, int]]:
    """Files of a full load by kind: of each page with enough loads, and of all; only loads that came to their end."""
    events, rows = recorded.events, recorded.rows_of(rum.RESOURCE)
    view = find_views(visits, events.session[rows], events.number[rows])
    kind = _read_kinds(recorded)[events.key[rows]]
    whole = visits.hard & (visits.loads == 1)
    known = (view >= 0) & whole[np.maximum(view, 0)]
    table = np.zeros((len(visits.page), len(KINDS)), dtype=np.int64)
    np.add.at(table, (view[known], kind[known]), 1)
    found = {}
    for page in range(pages):
        own = table[whole & (visits.page == page)]
        if len(own) >= LEAST_LOADS:
            found[page] = _find_usual_files(own)
    return found, _find_usual_files(table[whole]) if whole.any() else {}


def _find_usual_files(table: Ints) -> dict[str, int]:
    """The middle number of each kind: loads that ended early have fewer, and none has more than there are."""
    numbers = np.round(np.quantile(table, 0.5, axis=0)).astype(int).tolist()
    counts = dict(zip(KINDS, numbers, strict=True))
    return counts | {"script": max(counts["script"], 1)}


def _read_kinds(recorded: Recorded) -> Ints:
    """The kind of each of the recorded keys; the last row stands for none."""
    kinds = [KINDS.index(kind) if (kind := key.split(" ", 1)[0]) in KINDS else OTHER_KIND for key in recorded.keys]
    return np.array([*kinds, OTHER_KIND], dtype=np.int64)


def find_titles(recorded: Recorded, site: RecordedSite, visits: Visits, route: Bools, at_least: int) -> dict[int, str]:
    """The title of each page, with placeholders for its items.

    A single-page site sets the title after the route change, so the client notes that of the page before: a route's own
    title stands with the route change after it.
    """
    title = recorded.events.title[visits.row]
    follows = np.append((visits.session[1:] == visits.session[:-1]) & ~visits.hard[1:], False)
    shown = np.where(route[visits.page], np.where(follows, np.roll(title, -1), -1), title)
    found: dict[int, str] = {}
    for page in range(len(site.names)):
        rows = np.flatnonzero((visits.page == page) & (shown >= 0))
        counts: Counter[str] = Counter()
        whose: defaultdict[str, set[int]] = defaultdict(set)
        for row in rows[:20_000].tolist():
            items = list_items(site, page, recorded.pages[visits.path[row]])
            text = fold_title(recorded.titles[shown[row]], items)
            counts[text] += 1
            whose[text].add(int(visits.session[row]))
        best = max(counts, key=lambda text: (counts[text], text), default="")
        if best.strip() and len(whose[best]) >= at_least and not holds_secret(best):
            found[page] = best[:LONGEST_TITLE]
    return found


def fold_title(title: str, items: dict[str, str]) -> str:
    """A title with the page's items as placeholders: `Red Shoe` is the item red-shoe."""
    text = clean_text(title)
    for value, placeholder in items.items():
        words = [re.escape(word) for word in re.split(r"[-_+ ]+|%20", value) if word]
        if words:
            text = re.sub(rf"(?i)(?<!\w){'[-_ ]+'.join(words)}(?!\w)", placeholder, text)
    return text


def find_tags(recorded: Recorded, site: RecordedSite, visits: Visits, at_least: int) -> dict[int, list[str]]:
    """The tags that nearly all views of a page have."""
    tags = recorded.events.tags[visits.row]
    found = {}
    for page in range(len(site.names)):
        own = tags[visits.page == page]
        known = own[own >= 0]
        if len(known) < SAME_TITLE * max(len(own), 1) or not len(known):
            continue
        usual = int(np.bincount(known).argmax())
        words = recorded.words[usual].split("\n")
        sessions = np.unique(visits.session[(visits.page == page) & (tags == usual)])
        if len(sessions) >= at_least and not any(map(holds_secret, words)):
            found[page] = words
    return found


def find_pools(recorded: Recorded, site: RecordedSite, visits: Visits) -> dict[str, ItemPool]:
    """How many items stand behind each placeholder, and how unequal they are."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    views = np.bincount(visits.path, minlength=len(recorded.pages))
    for path in np.flatnonzero(views).tolist():
        for value, placeholder in list_items(site, int(site.of_path[path]), recorded.pages[path]).items():
            counts[placeholder.strip("{}")][value] += int(views[path])
    found = {}
    for name, items in counts.items():
        numbers = np.array(sorted(items.values(), reverse=True), dtype=np.float64)
        size = min(_guess_size(numbers), MOST_ITEMS)
        padded = np.concatenate((numbers, np.zeros(max(size - len(numbers), 0))))
        found[name] = ItemPool(size, fit_zipf(padded), int(numbers.sum()))
    return found


def _guess_size(counts: Floats) -> int:
    """How many items there are, those that nobody happened to see included (Chao's lower bound)."""
    once, twice = int((counts == 1).sum()), int((counts == 2).sum())
    return len(counts) + (once * (once - 1) // (2 * (twice + 1)) if once > 1 else 0)
