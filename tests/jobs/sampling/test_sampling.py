"""What a dashboard shows at each rate, and which rate shows a change.

Options are checked, the answer is a table or JSON.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from loadgen.cli import commands
from loadgen.errors import LoadgenError
from loadgen.jobs.sampling import list_lines, sampling
from loadgen.jobs.sampling.dashboards import compare_rates
from loadgen.jobs.sampling.estimate import SessionPopulation, find_quantile
from loadgen.verb_options import SamplingOptions
from tests.paths import SCENARIOS

STOREFRONT = SCENARIOS / "storefront.toml"


def test_the_command_prints_a_table_or_json() -> None:
    given = ["sampling", str(STOREFRONT), "--rates", "0.01,0.1,1", "--duration", "20s", "--over", "1d"]
    table = CliRunner().invoke(commands, given)
    assert table.exit_code == 0, table.output
    assert all(len(line) <= 82 for line in table.output.splitlines()[2:])
    assert "p75 LCP" in table.output and "to see a change of +10% with 80% power" in table.output
    told = json.loads(CliRunner().invoke(commands, [*given, "--json"]).output)
    assert [board["rate"] for board in told["dashboards"]] == [0.01, 0.1, 1]
    assert told["dashboards"][2]["sessions"]["value"] == told["truth"]["recorded"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rates": (0.1, 2.0)}, "rates (--rates): 2.0 is out of range; write a number of at most 1"),
        ({"power": 1.0}, "power (--power): 1.0 is out of range; write a number of at most 0.99"),
        ({"sessions": 1}, "sessions (--sessions): 1 is out of range; write a number of at least 100"),
        ({"change": "a lot"}, "change (--change): 'a lot' is no valid value; write a number"),
        ({"rat": 1}, "there is no option rat; the options are rates, change"),
    ],
)
def test_options_are_checked_in_words(options: dict[str, Any], said: str) -> None:
    with pytest.raises(LoadgenError) as refused:
        sampling(STOREFRONT, **options)
    assert said in str(refused.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", ["change", "rate", "over", "price"])
def test_a_number_that_is_not_finite_is_refused(name: str, value: float) -> None:
    given: dict[str, Any] = {name: value}
    with pytest.raises(LoadgenError, match=rf"{name} \(--{name}\): -?(nan|inf) is out of range; write a finite number"):
        sampling(STOREFRONT, **given)


def test_at_a_rate_of_one_the_dashboard_is_the_truth(population: SessionPopulation) -> None:
    truth = compare_rates("x", 7, population, SamplingOptions(rates=(1.0,))).dashboards[0]
    assert truth.sessions.low == truth.sessions.value == truth.sessions.high == population.sessions
    lcp = truth.p75["LCP"]
    assert lcp.low == lcp.value == lcp.high == find_quantile(np.sort(population.vitals["LCP"].value), 0.75)


def test_a_longer_period_needs_a_lower_rate(population: SessionPopulation) -> None:
    short, long = (
        {
            effect.figure: effect.rate
            for effect in compare_rates("x", 7, population, SamplingOptions(rates=(0.1,), over=over)).detectable_effects
        }
        for over in (3600.0, 86400.0)
    )
    assert short["p75 LCP"] == pytest.approx(24 * (long["p75 LCP"] or 0))


@pytest.mark.parametrize("over", [10.0, 1234.0, 86_400.0])
def test_the_report_fits_a_terminal_of_80_columns(population: SessionPopulation, over: float) -> None:
    lines = list(list_lines(compare_rates("global-mobile-day", 7, population, SamplingOptions(over=over))))
    assert max(map(len, lines)) <= 80
    assert any("even rate 1 needs" in line for line in lines) == (over == 10.0)
