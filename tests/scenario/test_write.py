"""A scenario that is written as text is read back as it was, changed ones included."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadgen.scenario import Scenario, format_scenario, load, parse
from tests.paths import SCENARIOS

SHIPPED = sorted(SCENARIOS.glob("*.toml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_scenario_is_read_back_equal(path: Path) -> None:
    scenario = load(path)
    assert parse(format_scenario(scenario), path.name) == scenario


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_changed_scenario_is_read_back_as_changed(path: Path) -> None:
    changed = load(path).adjust(duration=load(path).duration * 2, rate=3.5, sample_rate=0.25)
    assert parse(format_scenario(changed), path.name) == changed


def test_text_keeps_quotes_escapes_and_other_alphabets() -> None:
    described = 'a "quoted" \\ back\nslash, Größe, 東京, 🙂 and \x7f'
    scenario = load(SHIPPED[0]).model_copy(update={"description": described})
    assert parse(format_scenario(scenario), "x.toml").description == described
    assert isinstance(scenario, Scenario)
