"""Find the files of full loads: how many of each kind a page has, how large they are, and which other pages have too.

Rule: a file is identified by its URL. The files of a page are those in at least half of its loads; rarer files belong
to its items. Only completed loads show how many files there are. The client records the first ten images that it
notices: a page with more shows different ones in each load, and has as many as all loads show together.
"""

from __future__ import annotations

from math import isfinite
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from loadgen.jobs.fit.estimates.shared_files import SHARED, find_shared_parts
from loadgen.jobs.fit.reading.recorded import Bools, Floats, Ints, Recorded
from loadgen.jobs.fit.visits.visits import Visits
from loadgen.rum import events as rum
from loadgen.rum.events import HEADER_BYTES
from loadgen.scenario import Client, Resources, find_bounds

KINDS = ("stylesheet", "script", "font", "image", "iframe", "media")
RARE_KINDS = ("iframe", "media")
OTHER_KIND = KINDS.index("image")
"""Files of other kinds count as images: the client samples them together."""

LEAST_LOADS = 20
"""Loads of a page that are needed to write its files."""

FEWEST_FILES = 3
"""Files of a landing that are needed to measure its cache."""

USUAL = 0.5
"""Share of a page's loads from which a file belongs to the page; rarer files belong to its items."""

LIMITED, SAMPLED = (KINDS.index("image"), KINDS.index("media")), Client().resourceEventLimit
"""Kinds of files of which the client records only the first few in a load; that number."""

SEVERAL, STRAY, TWICE = 5, 0.002, 0.03
"""Loads with a number of images from which that number is no stray, and their share of all loads; share of the loads
at a limit that may seem to have more, as the event limit came before the navigation event of a second load."""

CROWDED_OUT = 0.02
"""Share of the loads from which a file belongs to a page with more images than the client records."""

HEADED = 2
"""Number of images before a page's largest image."""

BY_BROWSER, BROWSERS_OWN = "other", 1
PLACES = {"css": -1, BY_BROWSER: BROWSERS_OWN}
"""Places of images by initiator: those of style sheets come first, the browser's own (the favicon) last."""


class Files(NamedTuple):
    """The files of completed loads, one row for each."""

    row: Ints  # of EventTable
    view: Ints
    kind: Ints  # place in KINDS
    file: Ints  # number of the file
    usual: Bools  # the file belongs to its page, not to an item of the page
    shared: Bools  # other pages have the file too
    opaque: Bools  # the file's host never reports a size: it sends no Timing-Allow-Origin


class SiteFiles(NamedTuple):
    """Members of a scenario's Resources, for each page with enough loads, and for all pages."""

    pages: dict[int, dict[str, Any]]
    usual: dict[str, Any]
    cold: Bools  # [view]: enough files, and none of them from the cache


def list_files(recorded: Recorded, visits: Visits) -> Files:
    """List the files of all completed loads, and mark those that other pages have too."""
    events, rows = recorded.events, recorded.find_rows(rum.RESOURCE)
    view, pages = visits.of_event[rows], int(visits.page.max(initial=0)) + 1
    whole = visits.hard & (visits.loads == 1)
    known = (view >= 0) & whole[np.maximum(view, 0)]
    rows, view = rows[known], view[known]
    ids, file = np.unique(events.file[rows], return_inverse=True)
    loads = np.bincount(visits.page[whole], minlength=pages)
    pairs, place, often = np.unique(file * pages + visits.page[view], return_inverse=True, return_counts=True)
    kind = read_kinds(recorded)[events.key[rows]]
    crowded = find_crowded(visits, view[np.isin(kind, LIMITED)])
    several = _find_common_files(visits, view, place)
    usual = (often >= USUAL * loads[pairs % pages]) | (
        crowded[pairs % pages] & several & (often >= CROWDED_OUT * loads[pairs % pages])
    )
    usual &= ids[pairs // pages] != 0
    shared = np.bincount(pairs[usual] // pages, minlength=len(ids)) > 1
    return Files(rows, view, kind, file, usual[place], shared[file], _are_opaque(recorded, rows))


def find_crowded(visits: Visits, limited: Ints) -> Bools:
    """Find the pages with more images than the client records in a load; `limited`: [image], its view."""
    whole = np.flatnonzero(visits.hard & (visits.loads == 1))
    counts = np.bincount(limited, minlength=len(visits.page))[whole]
    full = counts == find_most_images(counts)
    loads = np.bincount(visits.page[whole], minlength=int(visits.page.max(initial=0)) + 1)
    crowded = np.bincount(visits.page[whole], weights=full, minlength=len(loads))
    return np.asarray(crowded >= np.maximum(USUAL * loads, LEAST_LOADS))


def find_most_images(counts: Ints) -> int:
    """Return how many images the client records in a load: its own limit, or the most of several loads (`counts`)."""
    loads = np.bincount(counts, minlength=SAMPLED + 1)
    beyond = loads[::-1].cumsum()[::-1] - loads  # [number]: loads with more
    strays = (beyond < max(SEVERAL, STRAY * len(counts))) | (beyond <= TWICE * loads)
    return SAMPLED + int(np.argmax(strays[SAMPLED:]))


def _find_common_files(visits: Visits, view: Ints, place: Ints) -> Bools:
    """Return for each pair of file and page whether the file belongs to no item: several paths of the page have it.

    On a page with one path every file does. `view` and `place`: [recorded file] its view, and the number of its pair.
    """
    number = int(visits.path.max(initial=0)) + 1
    pairs = np.unique(place * number + visits.path[view]) // number
    paths = np.bincount(pairs)
    page = np.zeros(len(paths), dtype=np.int64)
    page[place] = visits.page[view]
    of_page = np.bincount(np.unique(visits.page * number + visits.path) // number)
    return np.asarray((paths > 1) | (of_page[page] == 1))


def find_files(recorded: Recorded, visits: Visits, pages: int) -> SiteFiles:
    """Estimate the number of files of each kind, their sizes, and the share of files that other pages have too."""
    files, whole = list_files(recorded, visits), visits.hard & (visits.loads == 1)
    table = np.zeros((len(visits.page), len(KINDS)), dtype=np.int64)
    np.add.at(table, (files.view, files.kind), 1)
    found, page = {}, visits.page[files.view]
    tables = _list_files_of_pages(recorded, files, page)
    usual: dict[str, Any] = _find_usual_files(table[whole]) if whole.any() else {}
    crowded = find_crowded(visits, files.view[np.isin(files.kind, LIMITED)])
    of_items = np.bincount(page, weights=(files.kind == OTHER_KIND) & ~files.usual, minlength=pages)
    shown = [file.place == BROWSERS_OWN for place, own in tables.items() if not crowded[place] for file in own]
    browsers_own = any(shown) or not shown
    for each in range(pages):
        own = table[whole & (visits.page == each)]
        if len(own) >= LEAST_LOADS:
            counts: dict[str, Any] = _find_usual_files(own)
            if crowded[each]:
                counts["image"] = _count_images(tables[each], of_items[each] / len(own), browsers_own)
                if media := sum(file.kind == LIMITED[1] and file.usual for file in tables[each]):
                    counts["media"] = media  # images crowd out most of them
            found[each] = counts | _write_sizes(tables.get(each, []), counts)
    _add_shared_parts(usual, found, tables)
    usual = _find_most_usual(usual, found)
    told, size = files.view[~files.opaque], len(visits.page)
    cached = np.bincount(told, weights=recorded.events.code[files.row[~files.opaque]] == 0, minlength=size)
    return SiteFiles(found, usual, (np.bincount(told, minlength=size) >= FEWEST_FILES) & (cached == 0))


class _PageFile(NamedTuple):
    """A file on one page."""

    kind: int
    usual: bool
    shared: bool
    largest: bool  # the image of an LCP
    place: int  # see PLACES
    rank: float  # mean place among the files of a load
    size: float  # median bytes; NaN: unknown


def _count_images(own: list[_PageFile], of_items: float, browsers_own: bool) -> int:
    """Count the images of a page that has more than the client records.

    These are all images that its loads show, plus as many of items as one load has. The browser's own image comes last
    and is never recorded there: the page has it too, unless other pages have none.
    """
    images = [file for file in own if file.kind == OTHER_KIND and file.usual]
    hidden = browsers_own and all(file.place != BROWSERS_OWN for file in images)
    items = max(round(of_items), 1) if of_items > CROWDED_OUT else 0
    return min(len(images) + items + hidden, int(find_bounds(Resources, "image")[1]))


def _list_files_of_pages(recorded: Recorded, files: Files, page: Ints) -> dict[int, list[_PageFile]]:
    events, number = recorded.events, int(files.file.max(initial=0)) + 1
    pairs, first, place = np.unique(page * number + files.file, return_index=True, return_inverse=True)
    rank = np.bincount(place, weights=_rank_rows(files.view)) / np.bincount(place) if len(place) else np.zeros(0)
    places = np.array([PLACES.get(key.split(" ")[1] if " " in key else "", 0) for key in recorded.keys] + [0])
    largest = np.isin(events.file[files.row[first]], events.file[recorded.find_rows(rum.LCP)])
    size = _find_medians(files.file, events.code[files.row], number)[pairs % max(number, 1)]
    columns = (files.kind[first], files.usual[first], files.shared[first], largest & (files.kind[first] == OTHER_KIND),
               places[events.key[files.row[first]]], rank, size)  # fmt: skip
    found: dict[int, list[_PageFile]] = {}
    for where, *members in zip((pairs // number).tolist(), *(each.tolist() for each in columns), strict=True):
        found.setdefault(where, []).append(_PageFile(*members))
    return found


def _rank_rows(view: Ints) -> Floats:
    """Return the place of each row among the rows of its view."""
    order = np.argsort(view, kind="stable")
    rank = np.empty(len(view))
    rank[order] = np.arange(len(view)) - np.searchsorted(view[order], view[order])
    return rank


def _find_medians(file: Ints, size: Floats, number: int) -> Floats:
    """Return the median size of each file from the network; NaN: it never came from there."""
    told = np.flatnonzero(size > HEADER_BYTES)
    told = told[np.lexsort((size[told], file[told]))]
    counts = np.bincount(file[told], minlength=number)
    middle = np.cumsum(counts) - counts + counts // 2
    found = np.full(number, np.nan)
    known = counts > 0
    found[known] = size[told[middle[known]]]
    return found


def _write_sizes(own: list[_PageFile], counts: dict[str, int]) -> dict[str, Any]:
    """Return the sizes of a page's files: shared files first, then its own; its largest image stands in its place."""
    found = {}
    for kind, name in enumerate(KINDS):
        mine = sorted((file for file in own if file.kind == kind and file.usual and not file.largest),
                      key=lambda file: (file.place, not file.shared, file.rank))  # fmt: skip
        largest = [file.size for file in own if file.kind == kind and file.largest and isfinite(file.size)]
        sizes = [file.size for file in mine]
        if largest:
            sizes.insert(min(HEADED, max(counts.get(name, 0) - 2, 0)), median(largest))  # the browser's own is the last
        sizes = sizes[: counts.get(name, 0)]
        while sizes and not isfinite(sizes[-1]):
            sizes.pop()  # unknown sizes at the end are drawn by loadgen
        if sizes:
            usual = median(size for size in sizes if isfinite(size))
            found[name] = [_write_kilobytes(size if isfinite(size) else usual) for size in sizes]
    return {"kilobytes": found} if found else {}


def _write_kilobytes(size: float) -> float:
    return float(f"{max(size - HEADER_BYTES, 1.0) / 1024:.3g}")


def _add_shared_parts(
    usual: dict[str, Any], found: dict[int, dict[str, Any]], tables: dict[int, list[_PageFile]]
) -> None:
    """Add the share of files that other pages have too: of all pages together, and of each page that differs from it.

    Style sheets and scripts tell the share; fonts and images are shared by rules of their own.
    """
    if len(found) < 2 or not any(file.usual for own in tables.values() for file in own):
        return  # the client may record no URLs

    def count(page: int, kind: int, shared: bool) -> int:
        return sum(file.kind == kind and file.usual and (file.shared or not shared) for file in tables.get(page, []))

    kinds = range(2)
    numbers = [[members[KINDS[kind]] for kind in kinds] for members in found.values()]
    rare = [[count(page, kind, shared=False) for kind in kinds] for page in tables.keys() - found.keys()]
    common = [[count(page, kind, shared=True) for kind in kinds] for page in found]
    parts = find_shared_parts(np.array(numbers + rare), np.array(common))
    if parts[0] != SHARED:
        usual["shared"] = float(parts[0])
    for part, members in zip(parts[1:].tolist(), found.values(), strict=True):
        if part != SHARED or "shared" in usual:
            members["shared"] = part


def _find_most_usual(usual: dict[str, Any], found: dict[int, dict[str, Any]]) -> dict[str, Any]:
    """Return the files of the most pages if several have the same, such as routes that are hardly ever loaded."""
    alike = [list(found.values()).count(members) for members in found.values()]
    return list(found.values())[alike.index(max(alike))] if max(alike, default=0) > 1 else usual


def _find_usual_files(table: Ints) -> dict[str, int]:
    """Return the median number of files of each kind: loads that ended early have fewer, and no load has more."""
    most = [find_bounds(Resources, name)[1] for name in KINDS]
    numbers = np.minimum(np.round(np.quantile(table, 0.5, axis=0)), most).astype(int).tolist()
    counts = dict(zip(KINDS, numbers, strict=True)) | {"script": max(numbers[KINDS.index("script")], 1)}
    return {kind: number for kind, number in counts.items() if number or kind not in RARE_KINDS}


def read_kinds(recorded: Recorded) -> Ints:
    """Return the kind of each recorded key; the last entry stands for no key."""
    return np.array([*map(_read_kind, recorded.keys), OTHER_KIND], dtype=np.int64)


def _read_kind(key: str) -> int:
    """Return a file's kind by type and initiator; the client calls a .woff2 of a style sheet a style sheet."""
    kind, initiator = key.split(" ")[:2] if key.count(" ") == 2 else (key, "")
    if kind == "stylesheet" and initiator == "css":
        return KINDS.index("font")
    if kind == "document":
        return KINDS.index("iframe")
    if kind == "other" and initiator in ("video", "audio"):
        return KINDS.index("media")
    return KINDS.index(kind) if kind in KINDS else OTHER_KIND


def _are_opaque(recorded: Recorded, rows: Ints) -> Bools:
    """Find the files whose host never reports a size, cached or not: it sends no Timing-Allow-Origin."""
    hosts: dict[str, int] = {}
    place = np.array([hosts.setdefault(key.rpartition(" ")[2], len(hosts)) for key in recorded.keys], dtype=np.int64)
    host = place[recorded.events.key[rows]]
    told = np.bincount(host[recorded.events.code[rows] > 0], minlength=len(hosts))
    return np.asarray((told == 0)[host])
