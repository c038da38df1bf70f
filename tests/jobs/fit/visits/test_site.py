"""Paths of one form are one page where they behave alike, and pages of their own where they lead elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from loadgen.jobs.fit.visits.page_templates import fold_paths
from loadgen.jobs.fit.visits.site import split_unlike

VISITS = 600


def fold(paths: list[str], visits: list[list[int]], patterns: tuple[str, ...] = ()) -> set[str]:
    """The pages of a site whose visits each see paths by their places, in this order."""
    path = np.concatenate([np.array(visit) for visit in visits])
    session = np.repeat(np.arange(len(visits)), list(map(len, visits)))
    weights = {int(place): int((path == place).sum()) for place in np.unique(path)}
    templates = fold_paths(paths, weights, patterns)
    return {each.path for each in split_unlike(templates, paths, path, session, patterns)}


STEPS = ["/form", "/form/step-1", "/form/step-2", "/form/step-3"]


def test_the_steps_of_a_form_are_pages_of_their_own() -> None:
    visits = [[0, 1, 2, 3]] * VISITS + [[0, 1]] * VISITS
    assert fold(STEPS, visits) == set(STEPS)
    assert fold(STEPS, visits, ("/form/{step}",)) == {"/form", "/form/{step}"}  # as the person says


def test_few_views_tell_too_little() -> None:
    assert fold(STEPS, [[0, 1, 2, 3]] * 100) == {"/form", "/form/{form}"}


@pytest.mark.parametrize("name", ["shoe-{}", "red-hat-{}"])
def test_items_that_behave_alike_are_one_page(name: str) -> None:
    paths = ["/", *(f"/item/{name.format(number)}" for number in range(1, 7))]
    stream = np.random.default_rng(1)
    visits = [[0, *stream.integers(1, 7, stream.integers(1, 4)).tolist()] for _ in range(3 * VISITS)]
    assert fold(paths, visits) == {"/", "/item/{item}"}


def test_one_item_that_leads_elsewhere_leaves_the_others_together() -> None:
    paths = ["/", "/cart", *(f"/item/{name}-shoe-1" for name in ("red", "old", "new", "big"))]
    visits = [[0, 2 + number % 3] for number in range(3 * VISITS)] + [[0, 5, 1]] * VISITS
    assert fold(paths, visits) == {"/", "/cart", "/item/{item}", "/item/big-shoe-1"}


def test_ids_stay_folded_whatever_they_lead_to() -> None:
    paths = ["/", *(f"/user/{number}" for number in (17, 18, 19))]
    assert fold(paths, [[0, 1, 2, 3]] * VISITS) == {"/", "/user/{user}"}
