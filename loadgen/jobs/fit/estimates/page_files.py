"""Find the files of each page: how many of each kind, how large they are, and which part of them other pages have too.

Rule: a page with more images than the client records has as many as all its loads show together. Shared files come
first on every page, so a page with more of them than all others seems to share fewer: what counts is what the pages
would show together.
"""

from __future__ import annotations

from math import isfinite
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from loadgen.jobs.fit.estimates.files import (
    BY_BROWSER,
    CROWDED_OUT,
    FEWEST_FILES,
    KINDS,
    LEAST_LOADS,
    LIMITED,
    OTHER_KIND,
    SHARED,
    Files,
    find_crowded,
    list_files,
)
from loadgen.jobs.fit.reading.recorded import Bools, Floats, Ints, Recorded
from loadgen.jobs.fit.support import group
from loadgen.jobs.fit.visits.visits import Visits
from loadgen.rum import events as rum
from loadgen.scenario import Resources, find_bounds

RARE_KINDS = ("iframe", "media")

HEADED = 2
"""Number of images before a page's largest image."""

BROWSERS_OWN = 1
PLACES = {"css": -1, BY_BROWSER: BROWSERS_OWN}
"""Places of images by initiator: those of style sheets come first, the browser's own (the favicon) last."""

FAR = 0.04
"""Part of the files that a share must explain better than the usual one does to be written."""


class SiteFiles(NamedTuple):
    """Members of a scenario's Resources, for each page with enough loads, and for all pages."""

    pages: dict[int, dict[str, Any]]
    usual: dict[str, Any]
    cold: Bools  # [view]: enough files, and none of them from the cache


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
    members = list(found.values())
    alike = max(members, key=members.count, default=usual)
    if members.count(alike) > 1:  # several pages have the same, such as routes that are hardly ever loaded
        usual = alike
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
    own = zip(*(each.tolist() for each in columns), strict=True)
    return group(zip((pairs // number).tolist(), (_PageFile(*members) for members in own), strict=True))


def _rank_rows(view: Ints) -> Floats:
    """Return the place of each row among the rows of its view."""
    order = np.argsort(view, kind="stable")
    rank = np.empty(len(view))
    rank[order] = np.arange(len(view)) - np.searchsorted(view[order], view[order])
    return rank


def _find_medians(file: Ints, size: Floats, number: int) -> Floats:
    """Return the median size of each file from the network; NaN: it never came from there."""
    told = np.flatnonzero(size > rum.HEADER_BYTES)
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
    return float(f"{max(size - rum.HEADER_BYTES, 1.0) / 1024:.3g}")


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


def _find_usual_files(table: Ints) -> dict[str, int]:
    """Return the median number of files of each kind: loads that ended early have fewer, and no load has more."""
    most = [find_bounds(Resources, name)[1] for name in KINDS]
    numbers = np.minimum(np.round(np.quantile(table, 0.5, axis=0)), most).astype(int).tolist()
    counts = dict(zip(KINDS, numbers, strict=True)) | {"script": max(numbers[KINDS.index("script")], 1)}
    return {kind: number for kind, number in counts.items() if number or kind not in RARE_KINDS}


def find_shared_parts(numbers: Ints, common: Ints) -> Floats:
    """Return the usual share of shared files, and that of each page, with the fewest files that they explain wrongly.

    `common`: [page, kind] files that other pages have too. `numbers`: [page, kind] all files; further rows are pages
    with too few loads to tell their own share.
    """
    parts, hundredths = np.full(1 + len(numbers), SHARED), np.arange(101) / 100

    def count_misses(chosen: Any, part: float) -> int:
        tried = parts.copy()
        tried[chosen] = part
        return int(np.abs(_show_shared(numbers, tried[1:])[: len(common)] - common).sum())

    for place in range(1 + len(common)):
        chosen, own = (slice(None), numbers[: len(common)]) if place == 0 else (place, numbers[place - 1])
        near = (common if place == 0 else common[place - 1]).sum() / max(own.sum(), 1)
        best = min(hundredths.tolist(), key=lambda part: (count_misses(chosen, part), abs(part - near)))
        if count_misses(chosen, float(parts[place])) - count_misses(chosen, best) > FAR * own.sum():
            parts[chosen] = best
    return parts[: 1 + len(common)]


def _show_shared(numbers: Ints, parts: Floats) -> Ints:
    """Return how many of its files each page shows that it shares, by kind: those that another page has too."""
    shared = np.rint(numbers * parts[:, None]).astype(np.int64)
    ranked = np.sort(shared, axis=0)
    return np.asarray(np.minimum(shared, np.where(shared == ranked[-1], ranked[-2], ranked[-1])))
