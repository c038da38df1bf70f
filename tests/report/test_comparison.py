"""Runs beside each other: a difference that was put in is found, and chance is not taken for one."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console

from loadgen.cli import commands
from loadgen.errors import LoadgenError
from loadgen.report import build_comparison_page
from loadgen.report.comparison import DRAWS, NAMES, Comparison, compare_runs, draw_weights
from loadgen.report.comparison_view import format_figure, format_signed, render_comparison
from loadgen.report.page import build_report_page
from loadgen.results import RunFolder
from loadgen.results.run_data import RunData
from tests.report.runs import Plan, make
from tests.report.test_page import Page

STEADY = partial(Plan, seconds=60, rate=25)


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return make(tmp_path_factory.mktemp("steady") / "a", STEADY())


@pytest.fixture(scope="module")
def slower(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return make(
        tmp_path_factory.mktemp("slower") / "b",
        STEADY(service=0.013, throttled=0.4, failed=0.0, recovered=0.13, seed=2),
    )


def compared(*folders: RunFolder) -> Comparison:
    return compare_runs([RunData(folder) for folder in folders])


def told(comparison: Comparison) -> dict[str, bool]:
    return {each.figure: each.is_more_than_chance for each in comparison.differences}


def test_a_difference_that_was_put_in_is_found_and_its_interval_holds_it(steady: RunFolder, slower: RunFolder) -> None:
    comparison = compared(steady, slower)
    found = told(comparison)
    assert all(found[name] for name in ("latency_p50_ms", "service_p50_ms", "throttled_share", "lost_share"))
    assert not found["lag_p50_ms"]
    assert not found["requests_per_second"]
    lost = next(each.difference for each in comparison.differences if each.figure == "lost_share")
    assert lost.low is not None and lost.high is not None
    assert lost.low < 0.4 - 0.22 < lost.high


@pytest.mark.parametrize(
    ("seconds", "without"), [(3, {"p95", "p99"}), (19, {"p99"}), (20, set())], ids=["15 requests", "95", "100"]
)
def test_a_quantile_of_too_few_requests_has_no_interval_and_says_so(
    tmp_path: Path, seconds: int, without: set[str]
) -> None:
    plan = partial(Plan, seconds=seconds, rate=5, recovered=0.0)
    comparison = compared(make(tmp_path / "a", plan()), make(tmp_path / "b", plan(service=0.1, seed=2)))
    clocks = [each for each in comparison.differences if each.figure.startswith("latency") and "max" not in each.figure]
    assert {each.figure.split("_")[1] for each in clocks if each.difference.low is None} == without
    assert {each.figure.split("_")[1] for each in clocks if each.difference.too_few} == without
    assert not any(each.is_more_than_chance for each in clocks if each.difference.too_few)
    assert sum("too few for an interval" in note for note in comparison.notes) == (2 if without else 0)
    console = Console(width=80, record=True)
    console.print(render_comparison(comparison))
    text = console.export_text()
    assert ("too few requests" in text) is bool(without)
    assert max(map(len, text.splitlines())) <= 80


def test_a_run_does_not_differ_from_itself(steady: RunFolder) -> None:
    comparison = compared(steady, steady)
    assert not any(told(comparison).values())
    assert all(each.difference.value == 0 for each in comparison.differences)


def test_a_note_on_a_run_that_is_given_twice_comes_once(tmp_path: Path) -> None:
    short = make(tmp_path / "a", Plan(seconds=3, rate=5, recovered=0.0))
    assert ["too few for an interval" in note for note in compared(short, short).notes] == [True]


def test_two_halves_of_one_run_do_not_differ(tmp_path: Path) -> None:
    """Of 13 figures with an interval at 95 %, over three runs, about two may lie outside by chance."""
    outside = 0
    for seed in (11, 12, 13):
        halves = [make(tmp_path / f"{seed}-{half}", STEADY(seconds=40, seed=seed * 10 + half)) for half in (0, 1)]
        outside += sum(told(compared(*halves)).values())
    assert outside <= 4


def test_the_value_of_every_figure_is_the_summary_s_and_lies_in_its_interval(steady: RunFolder) -> None:
    run = compared(steady, steady).runs[0]
    summary = steady.read_summary()
    assert list(run.figures) == list(NAMES)
    assert run.figures["latency_p99_ms"].value == summary.latency_ms.p99
    assert run.figures["requests_per_second"].value == summary.rates.requests
    assert run.figures["lost_share"].value == summary.events.lost / summary.events.sent
    for name, figure in run.figures.items():
        assert figure.value is not None
        if name.endswith("_max_ms"):
            assert figure.low is None
        else:
            assert figure.low is not None and figure.high is not None
            assert figure.low <= figure.value <= figure.high


def test_a_share_of_nothing_still_has_an_interval(tmp_path: Path, steady: RunFolder) -> None:
    none = make(tmp_path / "none", STEADY(throttled=0.0, failed=0.0, recovered=0.0))
    share = compared(steady, none).runs[1].figures["throttled_share"]
    assert share.value == 0
    assert share.low == 0
    assert share.high is not None
    assert 0 < share.high < 0.01


def test_draws_take_as_many_bins_as_there_are_in_blocks_of_neighbours() -> None:
    weights = draw_weights(60, 1, np.random.default_rng(0))
    assert weights.shape == (DRAWS, 60)
    assert (weights.sum(axis=1) == 60).all()
    assert weights.mean(axis=0) == pytest.approx(1, abs=0.25)
    beside = np.corrcoef(weights[:, 10], weights[:, 11])[0, 1]
    apart = np.corrcoef(weights[:, 10], weights[:, 40])[0, 1]
    assert beside > 0.5 > abs(apart)


def test_the_same_runs_give_the_same_intervals(steady: RunFolder, slower: RunFolder) -> None:
    assert compared(steady, slower) == compared(steady, slower)


def test_different_scenarios_and_a_run_that_was_cut_off_are_said(tmp_path: Path, steady: RunFolder) -> None:
    cut = make(tmp_path / "cut", Plan(name="blog", seconds=20, cut_off=True, seed=5))
    notes = "\n".join(compared(steady, cut).notes)
    assert "different scenarios (shop, blog)" in notes
    assert "cut was cut off after" in notes
    assert "differs from a in duration 60 → 20, seed 1 → 5" in notes


def test_runs_of_different_length_are_compared_in_bins_of_one_width(tmp_path: Path, steady: RunFolder) -> None:
    long = make(tmp_path / "long", Plan(seconds=250, rate=2))
    comparison = compared(steady, long)
    assert all(each.difference.value is not None for each in comparison.differences)


def test_one_run_is_nothing_to_compare(steady: RunFolder) -> None:
    with pytest.raises(LoadgenError, match="two runs or more"):
        compared(steady)


def test_the_table_fits_80_columns_and_holds_every_figure(steady: RunFolder, slower: RunFolder) -> None:
    console = Console(width=80, record=True, file=None, quiet=True)
    console.quiet = False
    with console.capture() as captured:
        console.print(render_comparison(compared(steady, slower)))
    lines = captured.get().splitlines()
    assert all(len(line) <= 80 for line in lines)
    for label in NAMES.values():
        assert any(line.startswith(label) for line in lines)
    assert not any("…" in line for line in lines)


def test_differences_of_shares_are_points_and_have_signs() -> None:
    assert format_signed("lost_share", 0.1234) == "+12.3"
    assert format_signed("latency_p50_ms", -1.5) == "−1.5"
    assert format_figure("lost_share", 0.5) == "50.0%"
    assert format_figure("latency_p50_ms", None) == "–"


def test_the_page_holds_every_figure_and_difference(steady: RunFolder, slower: RunFolder) -> None:
    readings = [RunData(steady), RunData(slower)]
    comparison = compare_runs(readings)
    page = Page(build_comparison_page(readings, comparison))
    assert "B against A" in page.words
    assert "block bootstrap" in page.text
    for each in comparison.differences:
        assert any(words.startswith(format_signed(each.figure, each.difference.value)) for words in page.words), (
            each.figure
        )
    assert len(page.all("svg")) == 6


def test_the_command_prints_the_table_writes_the_page_and_speaks_json(
    tmp_path: Path, steady: RunFolder, slower: RunFolder
) -> None:
    folders = [str(steady.path), str(slower.path)]
    page = tmp_path / "both.html"
    result = CliRunner().invoke(commands, ["compare", *folders, "--html", str(page)])
    assert result.exit_code == 0, result.output
    assert "throttled share" in result.output
    assert page.read_text().startswith("<!doctype html>")
    said = json.loads(CliRunner().invoke(commands, ["compare", *folders, "--json"]).stdout)
    assert [run["folder"] for run in said["runs"]] == folders
    assert {each["figure"] for each in said["differences"]} == set(NAMES)


def test_the_report_command_writes_the_page_where_it_is_told(tmp_path: Path, steady: RunFolder) -> None:
    named, folder = tmp_path / "page.html", str(steady.path)
    assert CliRunner().invoke(commands, ["report", folder, "--html", str(named)]).exit_code == 0
    assert CliRunner().invoke(commands, ["report", folder, "--html"]).exit_code == 0
    assert named.read_text() == (steady.path / "report.html").read_text()
    refused = CliRunner().invoke(commands, ["report", folder, "--html", str(tmp_path / "no" / "page.html")])
    assert isinstance(refused.exception, LoadgenError)
    assert "cannot be written" in str(refused.exception)


def test_a_tag_labels_a_run_in_its_report_and_in_a_comparison(tmp_path: Path) -> None:
    folders = [make(tmp_path / name, Plan(seconds=20)) for name in ("before", "after")]
    for folder in folders:
        folder.write_spec(msgspec.structs.replace(folder.read_spec(), tag=f"release {folder.path.name}"))
    assert "after differs from before in tag release before → release after" in "\n".join(compared(*folders).notes)
    assert "tag release after" in build_report_page(RunData(folders[1]))
