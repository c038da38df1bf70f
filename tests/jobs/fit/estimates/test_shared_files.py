"""What pages show of the files that they share tells the part that they share."""

from __future__ import annotations

import numpy as np
import pytest

from loadgen.jobs.fit.estimates.shared_files import SHARED, find_shared_parts

NUMBERS = np.array([[3, 8], [2, 6], [5, 20], [1, 9], [4, 4]])
"""Style sheets and scripts of five pages."""


def show(parts: list[float]) -> list[list[int]]:
    """How many of its files each page has that another page has too, counted file by file."""
    shared = [[round(number * part) for number in own] for own, part in zip(NUMBERS.tolist(), parts, strict=True)]
    return [
        [sum(any(file < other[kind] for row, other in enumerate(shared) if row != page) for file in range(own[kind]))
         for kind in range(2)]
        for page, own in enumerate(shared)
    ]  # fmt: skip


@pytest.mark.parametrize("part", [0.0, 0.2, 0.5, 0.6, 0.7, 0.8, 0.85, 0.95, 1.0])
def test_a_site_s_part_is_told_though_the_largest_page_shows_fewer(part: float) -> None:
    found = find_shared_parts(NUMBERS, np.array(show([part] * 5)))
    assert show(found[1:].tolist()) == show([part] * 5)
    assert len(set(found.tolist())) == 1
    assert found[0] == pytest.approx(part, abs=0.1)


def test_the_default_part_stays_where_it_explains_everything() -> None:
    assert set(find_shared_parts(NUMBERS, np.array(show([SHARED] * 5))).tolist()) == {SHARED}


@pytest.mark.parametrize(("page", "part"), [(0, 0.0), (1, 1.0), (3, 0.1)])
def test_a_page_that_shares_another_part_is_told(page: int, part: float) -> None:
    parts = [0.8] * 5
    parts[page] = part
    found = find_shared_parts(NUMBERS, np.array(show(parts)))
    assert show(found[1:].tolist()) == show(parts)
