"""Find which pages the documents before loads without cookies were of, from where the loads' files come.

Rule: the browser's memory holds the files of the document that a load replaces. So a load that finds its page's own
files in memory follows a document of the same page, or one that did a short time before; and a load that finds files
there that some pages have, a document of one of these. Apart from that loads follow all documents of other pages alike.
They find own files in the cache for few: who came before, or whose visit has shown the page. An application's document
has several pages: a load follows the one that was shown last.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from loadgen.jobs.fit.estimates.files import SHARED
from loadgen.jobs.fit.estimates.follower_files import CachedFiles, SharedFiles
from loadgen.jobs.fit.estimates.steps import Steps
from loadgen.jobs.fit.reading.recorded import Bools, Floats, Ints

LEAST_EXIT, MOST_SAME = 0.01, 0.95
"""Least share of a page's ends that are exits; most loads of a page that follow a document of the page itself."""

ROUNDS = 8
"""Rounds in which steps and what visits have seen before are found from each other."""

MOST_CHANCE = 0.999
"""The largest probability of a step that is reckoned with, so that all visits end."""

TURNS, NOTHING = 8, 1e-6
"""Turns in which the loads are matched with all sets of pages; a part of the loads that counts as none."""

MOST_KEPT = 0.9
"""The largest part of loads after other pages with files in memory from which the others are told."""


class Evidence(NamedTuple):
    """What loads without cookies show of the steps between them."""

    steps: Steps  # the steps within documents
    documents: Floats  # [page, page shown last]: number of documents
    targets: Ints  # [page]: loads by a link that follow another document
    repeated: int  # loads that are reloads or steps back
    returning: float  # share of returning visitors
    kept: float  # part of the views after which memory still has the files of the page before
    files: CachedFiles
    shared: SharedFiles


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
    among: Floats  # [set, page]: part of the loads that follow a document of one of the set's pages; NaN: unknown


def find_graph(evidence: Evidence) -> tuple[Graph, float]:
    """Find the steps that load pages, and the share of cached files on loads after other pages; NaN: it is unknown."""
    unknown = np.full(evidence.shared.sets.shape, np.nan)
    repeats = Repeats(np.where(np.isfinite(evidence.files.own), 0.0, np.nan), 0.0, unknown)
    graph = _spread_steps(evidence, repeats)
    for _ in range(ROUNDS):
        repeats = _explain_files(evidence, graph, repeats)
        graph = _spread_steps(evidence, repeats)
    if not np.isfinite(repeats.same).any():
        return graph, float("nan")
    again = float(np.nansum(repeats.same * _find_stayed(evidence) * evidence.targets)) / evidence.targets.sum()
    shared = min(max(1 - evidence.files.lacking / max(1 - again, 1e-9), 0.0), 1.0)
    return graph, float(SHARED * shared + (1 - SHARED) * repeats.own)


def _spread_steps(evidence: Evidence, repeats: Repeats) -> Graph:
    """Spread the loads over the pages that documents showed last."""
    steps, documents = evidence.steps, evidence.documents
    parts = _spread_documents(documents.sum(axis=1), repeats.same)
    after = _match_sets(parts, evidence.shared.sets, repeats) * evidence.targets
    to = np.asarray(_divide(documents, documents.sum(axis=1)[:, None]).T @ after)
    graph = steps.to + to
    again = evidence.repeated * graph.sum(axis=1) / max(graph.sum(), 1e-9)  # a scenario repeats a part of all steps
    stay = np.maximum(1 - (again + to.sum(axis=1)) / np.maximum(documents.sum(axis=0), 1), LEAST_EXIT)
    onward = 1 - np.nan_to_num(steps.leaving.exit * stay, nan=1.0)
    return Graph(after, to, stay, _divide(graph, graph.sum(axis=1)[:, None]) * onward[:, None])


def _spread_documents(documents: Floats, same: Floats) -> Floats:
    """Return which part of each page's loads follows documents of each page: its own as `same` says, others by chance.

    Shape [page before, page]; `same`: see Repeats.
    """
    own = np.where(np.isfinite(same), same, documents / max(documents.sum(), 1))
    others = np.tile(documents[:, None], (1, len(documents)))
    np.fill_diagonal(others, 0.0)
    whole = others.sum(axis=0)
    own = np.where(whole > 0, own, 1.0)
    return np.asarray(_divide(others, whole) * (1 - own) + np.diag(own), dtype=np.float64)


def _match_sets(parts: Floats, sets: Bools, repeats: Repeats) -> Floats:
    """Change the parts of the loads after each page by factors, until those after each set of pages are as they show.

    `parts`: [page before, page]. Iterative proportional fitting, which changes the parts least. The part after the page
    itself comes last in each turn, as its own files show it best.
    """
    for _ in range(TURNS if len(sets) else 0):
        for inside, wanted in zip(sets, repeats.among, strict=True):
            parts = _scale_parts(parts, inside[:, None], wanted)
        parts = _scale_parts(parts, np.eye(len(parts), dtype=bool), repeats.same)
    return parts


def _scale_parts(parts: Floats, inside: Bools, wanted: Floats) -> Floats:
    """Scale each column so that its rows that `inside` marks sum to `wanted`; NaN: it stays as it is."""
    sums = (parts * inside).sum(axis=0)
    open_ = np.isfinite(wanted) & (sums > NOTHING) & (sums < 1 - NOTHING)
    wanted = np.where(open_, wanted, sums)
    return np.asarray(parts * np.where(inside, _divide(wanted, sums), _divide(1 - wanted, 1 - sums)))


def _explain_files(evidence: Evidence, graph: Graph, repeats: Repeats) -> Repeats:
    """Find from the pages' own files, given the steps, how many loads follow a document of the page itself."""
    files, told = evidence.files, np.isfinite(evidence.files.own)
    kept = _find_kept_sets(evidence, graph)
    among = np.clip((evidence.shared.held - kept) / np.maximum(1 - kept, 1e-9), 0.0, 1.0)
    if not told.any():
        return repeats._replace(among=among)
    seen, held = _find_earlier(evidence, graph)
    had = evidence.returning + (1 - evidence.returning) * seen
    stayed, same = _find_stayed(evidence), repeats.same
    rest = np.clip(files.own - same * stayed, 0.0, 1.0)
    weight = evidence.targets * (same * (1 - stayed) + (1 - same) * had)
    own = float(min((evidence.targets * rest)[told].sum() / max(weight[told].sum(), 1e-9), 1.0))
    same = (files.held - own * held) / np.maximum(stayed + (1 - stayed) * own - own * held, 1e-9)
    return Repeats(np.clip(same, 0.0, MOST_SAME), own, among)


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


def _find_kept_sets(evidence: Evidence, graph: Graph) -> Floats:
    """Return for each set of pages which part of the loads after other pages still has the set's files in memory.

    Shape [set, page]: these visits have shown a page of the set a short time before.
    """
    onward = _divide(graph.after, evidence.documents.sum(axis=1)[:, None])
    kept = np.zeros(evidence.shared.sets.shape)
    for part, inside in zip(kept, evidence.shared.sets, strict=True):
        came = graph.after[~inside].sum(axis=0)
        left = graph.after[inside].sum(axis=0)[~inside]
        for page in np.flatnonzero(inside & (came > 0)):
            back = left @ _find_reached(onward, ~inside, int(page), evidence.kept)
            part[page] = min(float(back) / came[page], MOST_KEPT)
    return kept


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
