"""The pages' colours: told apart by colour-blind eyes, and read without effort, in light and in dark."""

from __future__ import annotations

import re
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest

from loadgen.charts.html import read_resource

Floats = npt.NDArray[np.float64]

# Simulation of full dichromacy in linear RGB: Machado, Oliveira and Fernandes (2009), severity 1.0.
EYES = {
    "ordinary": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TOGETHER = (
    ("accepted", "throttled", "failed"),
    ("p50", "service"),
    ("sent", "back"),
    tuple(f"run{n}" for n in range(4)),
)
THEMES = ("light", "dark")


def linear(hexadecimal: str) -> Floats:
    """A colour in linear RGB."""
    parts = np.array([int(hexadecimal[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def colour(name: str, theme: str) -> Floats:
    found = re.search(rf"--{name}: light-dark\((#\w{{6}}), (#\w{{6}})\);", read_resource("report.css"))
    assert found, name
    return linear(found[1 + THEMES.index(theme)])


def oklab(rgb: Floats) -> Floats:
    """Björn Ottosson's OKLab, in which equal distances look about equally far."""
    to_cone = np.array([[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
                        [0.0883024619, 0.2817188376, 0.6299787005]])  # fmt: skip
    to_lab = np.array([[0.2104542553, 0.793617785, -0.0040720468], [1.9779984951, -2.428592205, 0.4505937099],
                       [0.0259040371, 0.7827717662, -0.808675766]])  # fmt: skip
    return np.asarray(to_lab @ np.cbrt(to_cone @ np.clip(rgb, 0, 1)), dtype=np.float64)


def contrast(one: Floats, other: Floats) -> float:
    """WCAG's contrast ratio."""
    light = sorted(float(each @ np.array([0.2126, 0.7152, 0.0722])) for each in (one, other))
    return (light[1] + 0.05) / (light[0] + 0.05)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("eyes", EYES)
def test_colours_that_stand_together_are_told_apart(eyes: str, theme: str) -> None:
    for names in TOGETHER:
        for one, other in combinations(names, 2):
            seen = [oklab(EYES[eyes] @ colour(name, theme)) for name in (one, other)]
            assert np.linalg.norm(seen[0] - seen[1]) > 0.1, (one, other)


@pytest.mark.parametrize("theme", THEMES)
def test_text_stands_out_from_its_paper(theme: str) -> None:
    for paper in ("card", "page"):
        for text in ("ink", "soft", "good", "bad", "doubt", "stop"):
            assert contrast(colour(text, theme), colour(paper, theme)) >= 4.5, (text, paper)


@pytest.mark.parametrize("theme", THEMES)
def test_lines_and_areas_stand_out_from_their_card(theme: str) -> None:
    for name in (
        "accepted",
        "failed",
        "p50",
        "p95",
        "service",
        "lag",
        "neutral",
        "sent",
        *(f"run{n}" for n in range(6)),
    ):
        assert contrast(colour(name, theme), colour("card", theme)) >= 3, name
