"""The judge judges, and the README says what it says."""

from __future__ import annotations

import pytest

from tests.judge.classifier import judge
from tests.judge.features import SETS
from tests.judge.table import README, Samples, read_table, write_law_rows
from tests.judge.visits import SeenVisit, draw_shop, read_recorded


@pytest.fixture(scope="module")
def real() -> list[SeenVisit]:
    return read_recorded("unscripted")


def round_paints(visit: SeenVisit) -> SeenVisit:
    """The same visit with paint times that are no multiples of 4 ms."""
    batches = tuple(
        tuple(
            event._replace(details={**event.details, "value": event.details["value"] + 1})
            if event.kind == "first_contentful_paint_event"
            else event
            for event in batch
        )
        for batch in visit.batches
    )
    return visit._replace(batches=batches)


@pytest.mark.parametrize("of", ["laws alone", "all structure without the site's times"])
def test_one_broken_law_is_seen(of: str, real: list[SeenVisit]) -> None:
    assert (
        judge(real[::2], [round_paints(visit) for visit in real[1::2]], of, repeats=1).auc > 0.85
    )  # one feature among hundreds


def test_real_visits_are_not_told_from_real_ones(real: list[SeenVisit]) -> None:
    assert judge(real[::2], real[1::2], "laws alone", repeats=1).auc < 0.7


def test_a_document_navigates_once(real: list[SeenVisit]) -> None:
    documents = [document for visit in real for document in visit.documents()]
    navigations = [[event.kind for batch in each for event in batch].count("performance_navigation_event")
                   for each in documents]  # fmt: skip
    assert set(navigations) == {1}


def test_the_readme_has_the_judges_table(real: list[SeenVisit]) -> None:
    """Each law with its real shares, and each set of features; `python -m tests.judge --write` mends it."""
    lines = read_table(README)
    rows = [line.rsplit(" | ", 1)[0] for line in write_law_rows(Samples(draw_shop(1)))]
    assert [line.rsplit(" | ", 1)[0] for line in lines[2 : 2 + len(rows)]] == rows
    assert [line.split(" | ")[0].removeprefix("| ") for line in lines[-len(SETS) :]] == list(SETS)
