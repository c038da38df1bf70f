from __future__ import annotations

import numpy as np
import pytest

from loadgen.jobs.plan.batch_profile import BatchProfile
from loadgen.jobs.plan.double_sampling import Calibration, MeanTraits, Spread, count_fewest
from loadgen.traffic import Floats, Ints
from tests.jobs.plan.shop import handmade_profile

VISITS, WALKED, REHEARSED = 20_000, 6_000, 1_000


def draw_visits(seed: int = 1) -> tuple[Floats, Ints]:
    """Traits and events of visits, few of them long; the second trait tells nothing, the third is always the same."""
    stream = np.random.default_rng(seed)
    pages = np.ceil(np.exp(1.2 * stream.standard_normal(VISITS)))
    traits = np.column_stack((pages, stream.random(VISITS), np.ones(VISITS), 2 * pages))
    return traits, np.rint(pages * (8 + 2 * stream.standard_normal(VISITS))).astype(np.int64).clip(1)


def profile_of(events: Ints) -> BatchProfile:
    made = handmade_profile(len(events))
    return made._replace(attempts=made.attempts._replace(events=events, wire_bytes=7 * events))


def walk(traits: Floats, parts: int = 1) -> MeanTraits:
    """The visits of a run, walked some at a time."""
    drawn = zip(np.array_split(np.arange(len(traits)), 7), np.array_split(traits, 7), strict=True)
    return MeanTraits.sum_up(drawn, parts, len(traits))


def test_weights_give_the_rehearsed_visits_the_traits_of_the_walked_ones() -> None:
    traits, events = draw_visits()
    walked = walk(traits[:WALKED])
    assert walked.visits == WALKED
    assert walked.mean == pytest.approx(traits[:WALKED].mean(axis=0))
    assert walked.covariance == pytest.approx(np.cov(traits[:WALKED].T, bias=True))
    weights = Calibration(traits[:REHEARSED], profile_of(events[:REHEARSED])).weigh(walked)
    assert weights.mean() == pytest.approx(1)
    assert weights.min() >= 0
    weighted = weights @ traits[:REHEARSED] / REHEARSED
    assert weighted == pytest.approx(walked.mean, rel=1e-6)
    assert traits[:REHEARSED].mean(axis=0)[0] != pytest.approx(walked.mean[0], rel=1e-6)


def test_weights_hold_in_each_part_of_the_run_too() -> None:
    traits, events = draw_visits()
    traits[WALKED // 2 : WALKED, 0] *= 2  # longer visits later on
    few = np.arange(0, WALKED, 6)
    walked = walk(traits[:WALKED], 2)
    early, late = walked.parts[:, 0]
    assert late > 1.5 * early
    weights = Calibration(traits[few], profile_of(events[few])).weigh(walked)
    for mean, rows in ((early, slice(None, 500)), (late, slice(500, None))):
        assert weights[rows].mean() == pytest.approx(1, rel=0.02)
        assert np.average(traits[few][rows, 0], weights=weights[rows]) == pytest.approx(mean, rel=0.01)
        assert traits[few][rows, 0].mean() != pytest.approx(mean, rel=0.01)


def test_about_95_of_100_sums_lie_in_their_intervals() -> None:
    traits, events = draw_visits()
    stream, true, inside = np.random.default_rng(2), events.mean(), 0
    for _ in range(200):
        order = stream.permutation(VISITS)
        few = order[:REHEARSED]
        calibration = Calibration(traits[few], profile_of(events[few]))
        walked = walk(traits[order[:WALKED]])
        guess = calibration.weigh(walked) @ events[few] / REHEARSED
        interval = calibration.measure_spreads(walked)[1].measure_interval(REHEARSED, WALKED, VISITS)
        inside += bool(abs(guess / true - 1) <= interval)
    assert 180 <= inside <= 199


def test_walks_narrow_the_interval_to_what_traits_leave_open() -> None:
    traits, events = draw_visits()
    calibration = Calibration(traits[:REHEARSED], profile_of(events[:REHEARSED]))
    requests, of_events, wire_bytes = calibration.measure_spreads()
    assert requests == Spread(0.0, 0.0)  # one each
    assert of_events.explained > 5 * of_events.residual
    assert wire_bytes.explained == pytest.approx(of_events.explained)
    alone, all_walked = (of_events.measure_interval(REHEARSED, walked, VISITS) for walked in (REHEARSED, VISITS))
    assert alone > 2 * all_walked > 0
    assert of_events.measure_interval(VISITS, VISITS, VISITS) == 0


@pytest.mark.parametrize("spread", [Spread(4.3, 0.04), Spread(0.5, 0.5), Spread(0.0, 2.0), Spread(1.0, 0.0)])
@pytest.mark.parametrize("precision", [0.05, 0.01, 0.001])
def test_sizes_are_chosen_for_the_precision(spread: Spread, precision: float) -> None:
    of = 1_000_000
    rehearsed = min(max(round(spread.choose_rehearsed(precision, of)), count_fewest(of)), of)
    walked = min(max(round(spread.choose_walked(precision, rehearsed, of)), rehearsed), of)
    assert spread.measure_interval(rehearsed, walked, of) <= precision * 1.001


def test_no_visit_stands_for_less_than_eight_unless_few_are_rehearsed() -> None:
    assert [count_fewest(of) for of in (1_000, 20_000, 40_000, 10**6)] == [2_048, 2_500, 5_000, 8_192]
