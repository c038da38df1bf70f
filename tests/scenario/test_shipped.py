"""The scenarios that come with loadgen, and the schema beside them."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

from loadgen.errors import ScenarioError
from loadgen.scenario import Scenario
from loadgen.scenario.scenario import format_schema
from tests.paths import SCENARIOS

FOLDER = SCENARIOS
SHIPPED = sorted(FOLDER.glob("*.toml"))


def test_the_schema_file_is_fresh() -> None:
    """If this fails, write format_schema() into the file."""
    assert (FOLDER / "scenario.schema.json").read_text() == format_schema()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_scenario_is_found_by_its_name(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Scenario.load(path.stem) == Scenario.load(path)
    Path(path.stem).write_text((FOLDER / "quickstart.toml").read_text())
    assert Scenario.load(path.stem).name == "quickstart"  # a file of the caller's comes first


def test_a_name_that_is_neither_a_file_nor_shipped_gets_the_names_that_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ScenarioError, match=r"^shop: no such file, and no shipped .* storefront$"):
        Scenario.load("shop")
    with pytest.raises(ScenarioError, match=r"^elsewhere/storefront: no such file"):
        Scenario.load("elsewhere/storefront")


@pytest.mark.parametrize("given", ["storefrnt", "storefront.toml", "scenarios/storefront.toml", "Storefront"])
def test_a_name_that_is_like_a_shipped_one_gets_that_one(
    given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my-site.toml").write_text((FOLDER / "quickstart.toml").read_text())
    with pytest.raises(ScenarioError) as refused:
        Scenario.load(given)
    assert str(refused.value) == f"{given}: no such file; did you mean the shipped scenario storefront?"


def test_beside_scenarios_of_the_folder_a_missing_name_is_told_where_the_shipped_ones_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ScenarioError, match=r"^zzz.toml: no such file; `loadgen scenarios` lists the shipped ones$"):
        Scenario.load("zzz.toml")
    Path("my-site.toml").write_text((FOLDER / "quickstart.toml").read_text())
    with pytest.raises(
        ScenarioError, match=r"^my-sit: .*; \. has my-site.toml, `loadgen scenarios` lists the shipped ones$"
    ):
        Scenario.load("my-sit")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_scenario_loads(path: Path) -> None:
    scenario = Scenario.load(path)
    assert scenario.name == path.stem
    assert scenario.description


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_scenario_fits_the_schema(path: Path) -> None:
    jsonschema.Draft202012Validator(json.loads(format_schema())).validate(tomllib.loads(path.read_text()))


def test_quickstart_is_short() -> None:
    lines = [line for line in (FOLDER / "quickstart.toml").read_text().splitlines() if line.strip()]
    assert len(lines) <= 20


def test_every_field_says_what_it_is() -> None:
    definitions = json.loads(format_schema())["$defs"].values()
    silent = [
        f"{part['title']}.{name}"
        for part in definitions
        for name, field in part.get("properties", {}).items()
        if "description" not in field and name != "distribution"
    ]
    assert silent == []
