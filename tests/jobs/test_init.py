"""`loadgen init` and `loadgen scenarios`: what a newcomer starts from."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import loadgen
from loadgen.jobs.init import SCHEMA, TEMPLATE
from loadgen.jobs.scenarios import list_lines
from loadgen.scenario import Scenario
from tests.paths import ROOT, SCENARIOS

TEXT = (ROOT / "loadgen" / "jobs" / "init" / TEMPLATE).read_text()


def test_init_writes_a_scenario_of_that_name_and_the_schema_that_its_first_line_refers_to(tmp_path: Path) -> None:
    file = loadgen.init("shop", tmp_path)
    assert loadgen.check(file).scenario.name == "shop"
    reference = file.read_text().splitlines()[0].removeprefix("#:schema ")
    assert json.loads((tmp_path / reference).read_text()) == json.loads((SCENARIOS / SCHEMA).read_text())


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text("mine")
    with pytest.raises(loadgen.LoadgenError, match="exists already; give another name"):
        loadgen.init("shop.toml", tmp_path)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["mine"]


def test_init_replaces_a_schema_of_scenarios_and_no_other_file_of_its_name(tmp_path: Path) -> None:
    (tmp_path / SCHEMA).write_text('{"title": "Scenario"}')
    loadgen.init("shop", tmp_path)
    assert json.loads((tmp_path / SCHEMA).read_text()) == json.loads((SCENARIOS / SCHEMA).read_text())
    for mine in ('{"mine": 1}', "[]", "\x00"):
        (tmp_path / SCHEMA).write_text(mine)
        with pytest.raises(loadgen.LoadgenError, match="is no schema of scenarios and would be lost; move it"):
            loadgen.init("blog", tmp_path)
        assert (tmp_path / SCHEMA).read_text() == mine
    assert not (tmp_path / "blog.toml").exists()


@pytest.mark.parametrize("name", ["../shop", "a b", "", 'x"y'])
def test_a_name_that_does_not_fit_writes_nothing(name: str, tmp_path: Path) -> None:
    with pytest.raises(loadgen.LoadgenError, match="is no name for a scenario"):
        loadgen.init(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_commented_out_of_the_template_is_valid_too() -> None:
    whole = re.sub(r"(?m)^# (?=[a-z_]+ = |\[\[|    \{|\]$)", "", TEXT)
    assert whole.count("\n# ") < TEXT.count("\n# ") - 15
    read = Scenario.parse(whole, "whole.toml")
    assert read.incidents
    assert read.seed == 7


def test_every_shipped_scenario_is_listed_with_a_purpose_within_80_columns() -> None:
    found = loadgen.scenarios()
    assert [each.name for each in found] == sorted(file.stem for file in SCENARIOS.glob("*.toml"))
    lines = list(list_lines(found))
    assert max(map(len, lines)) <= 80
    assert all(20 < len(each.purpose) < 80 for each in found)
    assert {line.split()[0] for line in lines if line[0] != " "} == {each.name for each in found}
