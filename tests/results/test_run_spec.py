"""What a run was asked for: checked once, kept in its folder, read back equal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from loadgen.errors import LoadgenError
from loadgen.results import RunFolder, RunMonitor, RunSpec, make_run_options
from loadgen.results.run_spec import parse_once
from loadgen.verb_options import RunOptions

SHOP = 'name = "shop"\nseed = 8\nduration = "40s"\narrivals.rate = 3\n[pages.home]\npath = "/"\nexit = 1\n'


def spec(**given: Any) -> RunSpec:
    return RunSpec.resolve(make_run_options(**given), "shop.toml", SHOP)


def test_a_spec_is_read_back_as_it_was_written_with_its_scenario_beside_it(tmp_path: Path) -> None:
    written = msgspec.structs.replace(
        spec(rate=2.5, quota=None, store=Path("x.sqlite")),
        url="http://127.0.0.1:1",
        monitors=(RunMonitor("shop", "1"),),
    )
    folder = RunFolder.ensure(tmp_path)
    folder.write_spec(written)
    assert folder.read_spec() == written
    assert (tmp_path / "scenario.toml").read_text() == SHOP
    assert "pages" not in (tmp_path / "run.json").read_text()


def test_seed_and_duration_come_from_the_option_else_from_the_scenario() -> None:
    assert (spec().seed, spec().duration) == (8, 40.0)
    assert (spec(seed=3).seed, spec(duration=5.0).duration) == (3, 5.0)
    unseeded = SHOP.replace("seed = 8\n", "")
    drawn = {RunSpec.resolve(RunOptions(), "shop.toml", unseeded).seed for _ in range(3)}
    assert len(drawn) == 3


def test_a_duration_that_is_asked_for_reaches_an_incident_after_the_first_minute() -> None:
    late = SHOP.replace('duration = "40s"\n', "") + '[[incidents]]\nkind = "spike"\nname = "news"\nat = "2m"\n'
    found = RunSpec.resolve(make_run_options(duration=180.0), "shop.toml", late)
    assert (found.duration, found.scenario.duration, found.scenario.incidents[0].at) == (180, 180, 120)
    with pytest.raises(LoadgenError, match='a duration such as "3m" in the file'):
        RunSpec.resolve(RunOptions(), "shop.toml", late)


def test_the_scenario_is_adjusted_and_its_text_checked_once() -> None:
    parse_once.cache_clear()
    asked = spec(rate=2.0, duration=10.0, sample_rate=0.5)
    scenario = asked.scenario
    assert (scenario.duration, scenario.arrivals.rate, scenario.monitor.sample_rate) == (10.0, 6.0, 0.5)
    assert asked.scenario == scenario
    assert parse_once.cache_info().misses == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"rate": 0}, "rate (--rate): 0 is out of range; write a number above 0"),
        ({"rate": "fast"}, "rate (--rate): 'fast' is no valid value; write a number"),
        ({"pace": "fast"}, "pace: 'fast' is no pace; write realtime, max, or a factor such as 10x"),
        ({"senders": 901}, "senders (--senders): 901 is out of range; write a number of at most 900"),
        ({"dialect": "soap"}, "dialect (--dialect): 'soap' is no valid value; write web or sdk"),
        ({"speed": 3}, "there is no option speed; the options are proxy, ca_bundle, target, "),
        ({"url": "http://elsewhere"}, "there is no option url; "),
    ],
)
def test_a_wrong_option_is_named(given: dict[str, Any], said: str) -> None:
    with pytest.raises(LoadgenError) as refused:
        make_run_options(**given)
    assert str(refused.value).startswith(said)


def test_two_runs_differ_in_the_options_that_were_asked_for_otherwise() -> None:
    assert spec(quota=5.0).find_differences(spec(quota=None, rate=2.0)) == {"rate": (1.0, 2.0), "quota": (5.0, None)}
    assert spec(quota=5.0, seed=8).asked == {"duration": 40.0, "seed": 8, "quota": 5.0, "region": ""}


def test_a_folder_without_its_scenario_says_so(tmp_path: Path) -> None:
    folder = RunFolder.ensure(tmp_path)
    folder.write_spec(spec())
    (tmp_path / "scenario.toml").unlink()
    with pytest.raises(LoadgenError, match=r"shop\.toml: its copy scenario\.toml is missing in the run's folder"):
        _ = folder.read_spec().scenario
