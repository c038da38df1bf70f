"""Marginals against their laws, and joint facts over 20,000 visits. Seeds are fixed; each test states its tolerance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
from scipy import stats

from loadgen.rum.events import CLS, FCP, INP, LCP, NAVIGATION, RESOURCE, TTFB
from loadgen.scenario import Scenario
from tests.traffic.conftest import SEED
from tests.traffic.look import SMALL, SeenLoad, SeenSession, events, seen

ONE_PAGE = """
name = "one-page"
duration = 400
[arrivals]
rate = 10
[population]
countries = { US = 1 }
devices = { desktop = 1 }
browsers = { Chrome = 1 }
returning = 0
[pages.home]
path = "/"
exit = 1
resources = { stylesheet = 0, script = 1, font = 0, image = 0 }
[telemetry]
interactions_per_minute = 60
"""
MANY = 20_000


@pytest.fixture(scope="module")
def alike() -> list[SeenSession]:
    """Some 4,000 landings that differ in nothing but chance."""
    return list(seen(Scenario.parse(ONE_PAGE, "one-page.toml"), SEED))


def values(sessions: list[SeenSession], kind: str) -> np.ndarray:
    return np.array([event.details.value for event in events(sessions, kind)], dtype=float)


def test_first_bytes_are_lognormal(alike: list[SeenSession]) -> None:
    """Kolmogorov–Smirnov at 0.1 % against median 445 ms, sigma 0.85, of documents from the network (rounding to 0.1 ms
    is far below)."""
    found = [event.details.responseStart for event in events(alike, NAVIGATION) if event.details.transferSize]
    assert stats.kstest(found, stats.lognorm(0.85, scale=445).cdf).pvalue > 0.001


def test_rendering_times_are_lognormal(alike: list[SeenSession]) -> None:
    """Kolmogorov–Smirnov at 0.1 % against median 330 ms × 1.3 for a first visit, sigma 0.8."""
    found = [event.details.attribution.firstByteToFCP for event in events(alike, FCP)]
    assert stats.kstest(found, stats.lognorm(0.8, scale=330 * 1.3).cdf).pvalue > 0.001


def test_layout_shifts_are_zero_or_lognormal(alike: list[SeenSession]) -> None:
    """30 % zeros within 3 points; others by Kolmogorov–Smirnov at 0.1 %, median 0.036, sigma 1.4, rounded to 1e-4."""
    found = values(alike, CLS)
    assert (found == 0).mean() == pytest.approx(0.30, abs=0.03)
    blurred = found[found > 0] + np.random.default_rng(1).uniform(-5e-5, 5e-5, (found > 0).sum())
    assert stats.kstest(blurred, stats.lognorm(1.4, scale=0.036).cdf).pvalue > 0.001


def test_interactions_are_lognormal_in_steps_of_8_ms(alike: list[SeenSession]) -> None:
    """Chi-square at 0.1 % over five classes, median 31 ms, sigma 1.1; below 40 ms only first inputs are told."""
    found = values(alike, INP)
    edges = np.array([0, 12, 28, 52, 100, np.inf])
    law = np.diff(stats.lognorm(1.1, scale=31).cdf(edges))
    counts = np.histogram(found, bins=edges)[0]
    assert stats.chisquare(counts, law * counts.sum()).pvalue > 0.001


def test_arrivals_are_uniform_in_a_flat_minute(alike: list[SeenSession]) -> None:
    """Kolmogorov–Smirnov at 0.1 %."""
    assert stats.kstest([session.start for session in alike], stats.uniform(0, 400).cdf).pvalue > 0.001


@pytest.mark.parametrize("field", ["country", "browser_name", "language"])
def test_people_have_the_scenarios_mix(field: str) -> None:
    """Chi-square at 0.1 % between two halves of some 4,000 visitors: the same law all along."""
    people = [session.visitor for session in seen(Scenario.parse(SMALL, "small.toml").adjust(rate=20), SEED)]
    half = len(people) // 2
    one, two = (Counter(getattr(each, field) for each in some) for some in (people[:half], people[half:]))
    often = [name for name in one | two if one[name] + two[name] >= 20]
    table = np.array([[one[name] for name in often], [two[name] for name in often]])
    assert stats.chi2_contingency(table).pvalue > 0.001


@pytest.mark.parametrize(("kind", "ratio", "within"), [(TTFB, 1.23, 0.12), (LCP, 1.23, 0.15), (INP, 2.0, 0.35)])
def test_mobiles_are_slower_by_the_ratio_of_the_web(
    crowd: list[SeenSession], kind: str, ratio: float, within: float
) -> None:
    """p75 on mobiles over p75 on desktops (CrUX, Web Almanac 2025)."""
    desktop = [session for session in crowd if session.visitor.device_type == "desktop"]
    mobile = [session for session in crowd if session.visitor.device_type == "mobile"]
    found = np.percentile(values(mobile, kind), 75) / np.percentile(values(desktop, kind), 75)
    assert found == pytest.approx(ratio, abs=within)


def test_layouts_shift_less_on_mobiles(crowd: list[SeenSession]) -> None:
    """Good CLS (0.1 at most): more loads on mobiles than on desktops, as 81 to 72 % of the web's sites."""
    good = {
        device: (values([each for each in crowd if each.visitor.device_type == device], CLS) <= 0.1).mean()
        for device in ("mobile", "desktop")
    }
    assert good["mobile"] > good["desktop"] + 0.01


@pytest.mark.slow
def test_the_physics_hold_in_20000_visits() -> None:
    """Every load: TTFB ≤ FCP ≤ LCP, parts add up within 0.01 ms, files but the favicon lie inside."""
    visits = loads = 0
    for session in seen(Scenario.parse(SMALL, "small.toml").adjust(duration=MANY / 10 * 1.02), SEED):
        visits += 1
        for load in session.loads:
            loads += 1
            _holds(load)
    assert visits >= MANY
    assert loads > 1.3 * visits


def _holds(load: SeenLoad) -> None:
    found = {event.type: event.details for event in load.events if event.type != RESOURCE}
    if FCP not in found:  # the page was left before the client heard of it
        assert load.hides[-1] - load.ready < 1
        return
    fcp, lcp, navigation = found[FCP], found.get(LCP), found.get(NAVIGATION)
    assert fcp.attribution.timeToFirstByte + fcp.attribution.firstByteToFCP == Near(fcp.value)
    assert 0 < fcp.attribution.timeToFirstByte <= fcp.value
    if lcp is not None:
        assert fcp.value <= lcp.value
        assert sum(_parts(lcp.attribution)) == Near(lcp.value)
    if navigation is not None:
        assert navigation.responseStart == fcp.attribution.timeToFirstByte
        for file in load.events:
            if file.type == RESOURCE and file.details.initiatorType != "other":
                assert file.details.startTime + file.details.duration <= navigation.loadEventStart + 0.01


def _parts(attribution: object) -> Iterator[float]:
    for name in ("timeToFirstByte", "resourceLoadDelay", "resourceLoadTime", "elementRenderDelay"):
        yield getattr(attribution, name)


class Near(float):
    """Equal within 0.01; quicker than pytest.approx, of which there would be 60,000."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int | float) and abs(self - other) < 0.01

    __hash__ = float.__hash__
