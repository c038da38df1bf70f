"""Find which pages the documents before loads without cookies were of, from where the loads' files come.

Rule: the browser's memory holds the files of the document that a load replaces. So a load that finds its page's own
files in memory follows a document of the same page, or one that did a short time before. Other loads follow all
documents of other pages alike. They find own files in the cache for few: who came before, or whose visit has shown the
page. An application's document has several pages: a load follows the one that was shown last.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from loadgen.jobs.fit.estimates.dwell import add_parting_clicks, measure_dwells
from loadgen.jobs.fit.estimates.files import OTHER_KIND, SHARED, list_files
from loadgen.jobs.fit.estimates.steps import Steps
from loadgen.jobs.fit.estimates.vitals import LEAST
from loadgen.jobs.fit.reading.recorded import Bools, Floats, Ints, Recorded
from loadgen.jobs.fit.visits.visits import Visits
from loadgen.rum import events as rum
from loadgen.scenario import Telemetry

LEAST_EXIT, MOST_SAME, MOSTLY = 0.01, 0.95, 0.5
"""Least share of a page's ends that are exits; most loads of a page that follow a document of the page itself; share of
a load's files from which the cache has most of them."""

ROUNDS = 8
"""Rounds in which steps and what visits have seen before are found from each other."""

MOST_CHANCE = 0.999
"""The largest probability of a step that is reckoned with, so that all visits end."""

KEPT = 0.4
"""Part of the views after which memory still has the files of the page before, where times on pages do not show it."""


class CachedFiles(NamedTuple):
    """Which loads that follow another document find most of their files in the cache."""

    own: Floats  # [page]: share of the loads that find the page's own files in a cache; NaN: unknown
    held: Floats  # [page]: share of the loads that find them in the browser's memory
    lacking: float  # share of the loads that do not find the files which pages share


class Evidence(NamedTuple):
    """What loads without cookies show of the steps between them."""

    steps: Steps  # the steps within documents
    documents: Floats  # [page, page shown last]: number of documents
    targets: Ints  # [page]: loads by a link that follow another document
    repeated: int  # loads that are reloads or steps back
    returning: float  # share of returning visitors
    kept: float  # part of the views after which memory still has the files of the page before
    files: CachedFiles


class Graph(NamedTuple):
    """The steps that agree with the evidence."""

    after: Floats  # [page, next page]: documents of the page that a link to the next page replaced
    to: Floats  # [page shown last, next page]: the same steps
    stay: Floats  # [page]: part of the page's ends that are exits
    chances: Floats  # [page, next page]: probabilities of all steps but reloads and steps back


class Repeats(NamedTuple):
    """How the files of loads that a link led to are explained."""

    same: Floats  # [page]: part of the loads that follow a document of the page itself; NaN: unknown
    own: float  # share of the other loads, among those of visitors who have had the page's files, that find them cached


def find_graph(evidence: Evidence) -> tuple[Graph, float]:
    """Find the steps that load pages, and the share of cached files on loads after other pages; NaN: it is unknown."""
    repeats = Repeats(np.where(np.isfinite(evidence.files.own), 0.0, np.nan), 0.0)
    graph = _spread_steps(evidence, repeats.same)
    for _ in range(ROUNDS):
        repeats = _explain_files(evidence, graph, repeats)
        graph = _spread_steps(evidence, repeats.same)
    if not np.isfinite(repeats.same).any():
        return graph, float("nan")
    again = float(np.nansum(repeats.same * _find_stayed(evidence) * evidence.targets)) / evidence.targets.sum()
    shared = min(max(1 - evidence.files.lacking / max(1 - again, 1e-9), 0.0), 1.0)
    return graph, float(SHARED * shared + (1 - SHARED) * repeats.own)


def _spread_steps(evidence: Evidence, same: Floats) -> Graph:
    """Spread the loads over the pages that documents showed last; `same`: see Repeats."""
    steps, documents = evidence.steps, evidence.documents
    after = _spread_documents(documents.sum(axis=1), evidence.targets, same)
    to = np.asarray(_divide(documents, documents.sum(axis=1)[:, None]).T @ after)
    graph = steps.to + to
    again = evidence.repeated * graph.sum(axis=1) / max(graph.sum(), 1e-9)  # a scenario repeats a part of all steps
    stay = np.maximum(1 - (again + to.sum(axis=1)) / np.maximum(documents.sum(axis=0), 1), LEAST_EXIT)
    onward = 1 - np.nan_to_num(steps.leaving.exit * stay, nan=1.0)
    return Graph(after, to, stay, _divide(graph, graph.sum(axis=1)[:, None]) * onward[:, None])


def _spread_documents(documents: Floats, targets: Ints, same: Floats) -> Floats:
    """Return how many loads of each page follow documents of each page: of its own as `same` says, others by chance."""
    own = np.where(np.isfinite(same), same, documents / max(documents.sum(), 1))
    others = np.tile(documents[:, None], (1, len(documents)))
    np.fill_diagonal(others, 0.0)
    whole = others.sum(axis=0)
    own = np.where(whole > 0, own, 1.0)
    return np.asarray((_divide(others, whole) * (1 - own) + np.diag(own)) * targets, dtype=np.float64)


def _explain_files(evidence: Evidence, graph: Graph, repeats: Repeats) -> Repeats:
    """Find from the pages' own files, given the steps, how many loads follow a document of the page itself."""
    files, told = evidence.files, np.isfinite(evidence.files.own)
    if not told.any():
        return repeats
    seen, held = _find_earlier(evidence, graph)
    had = evidence.returning + (1 - evidence.returning) * seen
    stayed, same = _find_stayed(evidence), repeats.same
    rest = np.clip(files.own - same * stayed, 0.0, 1.0)
    weight = evidence.targets * (same * (1 - stayed) + (1 - same) * had)
    own = float(min((evidence.targets * rest)[told].sum() / max(weight[told].sum(), 1e-9), 1.0))
    same = (files.held - own * held) / np.maximum(stayed + (1 - stayed) * own - own * held, 1e-9)
    return Repeats(np.clip(same, 0.0, MOST_SAME), own)


def _find_stayed(evidence: Evidence) -> Floats:
    """Return for each page which part of its documents show the page last, not another one after a route change."""
    return _divide(np.diag(evidence.documents), evidence.documents.sum(axis=1))


def _find_earlier(evidence: Evidence, graph: Graph) -> tuple[Floats, Floats]:
    """Return for each page which parts of its loads after other documents come when the visit has loaded it before.

    First of all of these loads, then of those for which memory has not dropped the page's files yet.
    """
    pages, entries = len(graph.stay), evidence.steps.entries
    onward = _divide(graph.after, evidence.documents.sum(axis=1)[:, None])  # chances that a document leads to another
    seen, held = np.zeros(pages), np.zeros(pages)
    for page in range(pages):
        others = np.arange(pages) != page
        came = float(graph.after[others, page].sum())
        if came:
            reached = _find_reached(graph.chances, others, page, 1.0)
            seen[page] = 1 - min(float(entries[others] @ reached) / came, 1.0)
            back = _find_reached(onward, others, page, evidence.kept)
            held[page] = min(float(graph.after[page, others] @ back) / came, seen[page])
    return seen, held


def _find_reached(chances: Floats, others: Bools, page: int, kept: float) -> Floats:
    """Return the chance to reach the page from each of the others; `kept`: a factor for each page on the way."""
    among, last = chances[np.ix_(others, others)], chances[others, page]
    return np.asarray(np.linalg.solve(np.eye(len(last)) - np.minimum(kept * among, MOST_CHANCE), kept * last))


def _divide(numbers: Floats, by: Floats) -> Floats:
    return np.asarray(numbers / np.maximum(by, 1e-9), dtype=np.float64)


def count_documents(page: Ints, shown_last: Ints, pages: int) -> Floats:
    """Count documents by their page and by the page that they showed last."""
    counts = np.bincount(page * pages + shown_last, minlength=pages * pages)
    return counts.reshape(pages, pages).astype(np.float64)


def measure_files(recorded: Recorded, visits: Visits, links: Ints, pages: int) -> CachedFiles:
    """Measure how many loads find most of the files of each kind in the cache; `links`: [load], its view.

    The largest image is left out: a cache has it only if the visit has shown the page's item.
    """
    files, events = list_files(recorded, visits), recorded.events
    largest = np.isin(events.file[files.row], events.file[recorded.find_rows(rum.LCP)])
    usual = files.usual & ~files.opaque & ~(largest & (files.kind == OTHER_KIND))
    cached = events.code[files.row] == 0
    memory = cached & (events.value[files.row] == 0)

    def find_loads(chosen: Bools, kept: Bools) -> Floats:
        number = np.bincount(files.view[chosen], minlength=len(visits.page))
        part = np.bincount(files.view[chosen], kept[chosen], len(visits.page)) / np.maximum(number, 1)
        return np.where((number > 0) & (visits.loads == 1), part > MOSTLY, np.nan)[links]

    own, held = (find_loads(usual & ~files.shared, kept) for kept in (cached, memory))
    shared = find_loads(usual & files.shared, cached)
    shared = shared[np.isfinite(shared)]
    page, told = visits.page[links], np.isfinite(own)
    number = np.bincount(page[told], minlength=pages)
    own_share, held_share = (
        np.where(number >= LEAST, np.bincount(page[told], each[told], pages) / np.maximum(number, 1), np.nan)
        for each in (own, held)
    )
    return CachedFiles(own_share, held_share, 1 - float(shared.mean()) if len(shared) >= LEAST else float("nan"))


def find_kept(recorded: Recorded, visits: Visits) -> float:
    """Estimate the part of the views after which memory still has the files of the page before."""
    times = measure_dwells(recorded, visits)
    seconds = add_parting_clicks(times, recorded, visits).seconds
    memory = Telemetry().cache.memory_seconds
    return float(np.exp(-seconds / memory).mean()) if len(seconds) >= LEAST else KEPT
