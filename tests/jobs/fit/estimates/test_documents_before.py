"""The files of a load show whether the document before it was of the same page, or which of several pages it was of."""

from __future__ import annotations

import numpy as np
import pytest

from loadgen.jobs.fit.estimates.documents_before import Evidence, Graph, count_documents, find_graph
from loadgen.jobs.fit.estimates.estimate import see_visits
from loadgen.jobs.fit.estimates.follower_files import CachedFiles, SharedFiles
from loadgen.jobs.fit.estimates.steps import ExitRates, Steps
from loadgen.scenario import Scenario
from tests.jobs.fit.round_trip import record, stretch
from tests.jobs.fit.test_round_trip import PORTAL, TOOLS

VISITS = 800
LANDED = 1000.0

ARTICLE, APPLICATION, ROUTE = 0, 1, 2
"""Pages of a made-up site: the application is loaded after an article, and its route changes lead on."""


def make_evidence(own: float, held: float, returning: float = 1.0) -> Evidence:
    """A thousand visits land on articles, 800 then load the application, and half of these leave its route by a load.

    The files of the application are in a cache for the part `own` of its loads, and in memory for `held`.
    """
    documents = count_documents(np.repeat([ARTICLE, APPLICATION], [1000, 1200]),
                                np.repeat([ARTICLE, ROUTE], [1000, 1200]), 3)  # fmt: skip
    within = np.zeros((3, 3))
    within[APPLICATION, ROUTE] = 1200
    ends = ExitRates(0.0, np.array([1.0, 0.0, np.nan]), np.array([1.0, 0.0, 1.0]))
    steps = Steps(np.array([LANDED, 0, 0]), within, np.full(3, 1200.0), np.array([LANDED, 0, 0]),
                  0.0, 0.0, 0.0, 1200.0, ends)  # fmt: skip
    unknown = float("nan")
    files = CachedFiles(np.array([unknown, own, unknown]), np.array([unknown, held, unknown]), 0.0)
    return Evidence(steps, documents, np.array([0, 1200, 0]), 0, returning, 0.4, files, share_nothing(3))


def share_nothing(pages: int) -> SharedFiles:
    return SharedFiles(np.zeros((0, pages), dtype=bool), np.zeros((0, pages)))


def test_loads_with_files_in_memory_follow_the_page_that_its_own_documents_show_last() -> None:
    graph, cached = find_graph(make_evidence(own=0.6, held=0.2))
    assert graph.to[ROUTE, APPLICATION] == pytest.approx(400, rel=0.01)
    assert graph.to[ARTICLE, APPLICATION] == pytest.approx(800, rel=0.01)
    assert graph.after[APPLICATION, APPLICATION] == pytest.approx(graph.to[ROUTE, APPLICATION])
    assert cached == pytest.approx(0.7 + 0.3 * 0.6, abs=0.01)


@pytest.mark.parametrize("held", [0.0, 0.3, 0.6])
def test_every_load_follows_some_document(held: float) -> None:
    graph, _ = find_graph(make_evidence(own=0.6, held=held))
    for steps in (graph.after, graph.to):
        assert steps.sum(axis=0) == pytest.approx([0, 1200, 0])


def test_where_no_files_show_it_loads_follow_all_documents_alike() -> None:
    graph, cached = find_graph(make_evidence(own=float("nan"), held=float("nan")))
    assert graph.after[:, APPLICATION] == pytest.approx([1200 * 1000 / 2200, 1200 * 1200 / 2200, 0])
    assert np.isnan(cached)


def find_share(graph: Graph) -> float:
    return float(graph.after[APPLICATION, APPLICATION] / 1200)


def test_new_visitors_have_the_files_of_pages_that_they_have_seen_alone() -> None:
    """So the same files in memory are a larger share of what could be there."""
    everyone, nobody = (find_graph(make_evidence(0.3, 0.2, returning))[0] for returning in (1.0, 0.0))
    assert find_share(everyone) > find_share(nobody)


def test_an_application_behind_a_log_in_is_loaded_after_the_log_in() -> None:
    """Not after its own documents, which are most: then the cache had its files too often."""
    seen = see_visits(record(stretch(Scenario.parse(PORTAL, "portal"), VISITS), 4), 5)
    place = {page.path: number for number, page in enumerate(seen.site.templates)}
    login, portal, orders = (place[path] for path in ("/login", "/portal", "/portal/orders"))
    chance = seen.steps.to / seen.steps.to.sum(axis=1, keepdims=True) * (1 - seen.steps.leaving.exit)[:, None]
    assert chance[login, portal] == pytest.approx(0.8, abs=0.1)
    assert chance[orders, portal] == pytest.approx(0.1, abs=0.06)


HOME, LIST, ITEM = 0, 1, 2
"""Pages of a made-up shop: all visits land on its home page and lists, and its items are loaded after these."""


def make_shop(held: float, kept: float = 0.0) -> Evidence:
    """Of 1,000 loads of items the part `held` finds files in memory that lists have too, but not the home page."""
    ends = ExitRates(0.0, np.full(3, 1.0), np.full(3, 1.0))
    steps = Steps(np.array([LANDED, LANDED, 0]), np.zeros((3, 3)), np.zeros(3), np.array([LANDED, LANDED, 0]),
                  0.0, 0.0, 0.0, 0.0, ends)  # fmt: skip
    unknown = float("nan")
    files = CachedFiles(np.array([unknown, unknown, 0.0]), np.array([unknown, unknown, 0.0]), 0.0)
    shared = SharedFiles(np.array([[False, True, True]]), np.array([[unknown, unknown, held]]))
    return Evidence(steps, np.diag([LANDED, LANDED, LANDED]), np.array([0, 0, 1000]), 0, 0.0, kept, files, shared)


@pytest.mark.parametrize("held", [0.0, 0.2, 0.9])
def test_files_that_some_pages_have_show_how_many_loads_follow_one_of_these(held: float) -> None:
    graph, _ = find_graph(make_shop(held))
    assert graph.after[:, ITEM] == pytest.approx([1000 * (1 - held), 1000 * held, 0], abs=0.01)
    assert graph.stay == pytest.approx([held, 1 - held, 1], abs=0.011)


def test_without_such_files_all_other_pages_are_followed_alike() -> None:
    graph, _ = find_graph(make_shop(0.2)._replace(shared=share_nothing(3)))
    assert graph.after[:, ITEM] == pytest.approx([500, 500, 0])


def test_memory_that_has_files_of_pages_before_the_last_one_does_not_count_as_these_pages() -> None:
    """Half of the loads of items follow lists, and a part of those after the home page had a list before."""
    evidence = make_shop(0.6)._replace(targets=np.array([500, 0, 1000]))
    evidence = evidence._replace(documents=np.diag([1500.0, LANDED, LANDED]))
    at_once, long = (find_graph(evidence._replace(kept=kept))[0].after[LIST, ITEM] for kept in (0.0, 1.0))
    assert long < at_once == pytest.approx(600, rel=0.01)


def test_a_shop_leads_from_home_to_lists_and_from_there_to_items() -> None:
    """Its home page has a style sheet less than the others, which shows the loads that follow it."""
    seen = see_visits(record(stretch(Scenario.parse(TOOLS, "tools"), VISITS), 4), 5)
    place = {page.path: number for number, page in enumerate(seen.site.templates)}
    home, category, product, cart = (place[path] for path in ("/", "/c/{c}", "/p/{p}", "/cart"))
    chance = seen.steps.to / seen.steps.to.sum(axis=1, keepdims=True) * (1 - seen.steps.leaving.exit)[:, None]
    assert chance[home, category] == pytest.approx(0.55, abs=0.1)
    assert chance[home, product] == pytest.approx(0.1, abs=0.06)
    assert chance[home, cart] == pytest.approx(0, abs=0.02)
    assert chance[category, product] == pytest.approx(0.55, abs=0.12)
