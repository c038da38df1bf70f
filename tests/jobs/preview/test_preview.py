"""A scenario's preview is one page that needs nothing else, and shows what the traffic is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from loadgen import traffic
from loadgen.cli import commands
from loadgen.jobs.preview import build_preview_page
from loadgen.jobs.preview.traffic_sample import sample_traffic
from loadgen.rum.events import PAGE_VIEW
from loadgen.scenario import Scenario
from tests.paths import SCENARIOS
from tests.traffic.look import events, small

SHIPPED = sorted(SCENARIOS.glob("*.toml"))
CARDS = ("Arrivals", "Session depth", "Think times", "LCP", "INP", "CLS", "Batch sizes", "Some visits", "Event mix")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_scenario_is_drawn(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "preview.html"
    result = CliRunner().invoke(commands, ["preview", str(path), "--out", str(out), "--rate", "0.05"])
    assert result.exit_code == 0, result.output
    page = out.read_text()
    assert all(f">{name}" in page for name in CARDS)
    assert not re.search(r'(src|href)="(?!data:)', page)


def test_the_same_seed_draws_the_same_page() -> None:
    assert build_preview_page(sample_traffic(small(), 3)) == build_preview_page(sample_traffic(small(), 3))


def test_the_head_of_the_page_says_how_many_visits_were_drawn() -> None:
    seen = sample_traffic(Scenario.load(SHIPPED[0]), 3)
    assert seen.visits < len(seen.starts)
    assert f"{seen.visits:,} of {len(seen.starts):,} visits drawn" in build_preview_page(seen)
    assert "all visits drawn" in build_preview_page(sample_traffic(small(), 3))


def test_what_is_drawn_are_the_visits() -> None:
    seen, sessions = sample_traffic(small(), 3), list(traffic.draw_sessions(small(), 3))
    assert seen.visits == len(sessions) == len(seen.starts)
    assert sum(depth * number for depth, number in seen.depths.items()) == len(list(events(sessions, PAGE_VIEW)))
    assert seen.mix.total() == len(list(events(sessions)))


def test_incidents_are_marked_where_they_begin() -> None:
    page = build_preview_page(sample_traffic(Scenario.load(SHIPPED[0]).adjust(rate=0.05), 3))
    assert SHIPPED[0].stem == "bad-release"
    assert "checkout error, recommendations script, stock API" in page
    assert "newsletter" in page


def test_a_scenario_in_which_nobody_comes_is_drawn_too() -> None:
    assert "Session depth" in build_preview_page(sample_traffic(small().adjust(rate=0.0), 3))


def test_an_unwritable_file_is_one_line_on_stderr(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        commands, ["preview", str(SHIPPED[0]), "--out", str(tmp_path / "no" / "x.html"), "--rate", "0.01"]
    )
    assert result.exit_code != 0
