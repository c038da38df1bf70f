"""`loadgen fit` as a person calls it: files, standard output, JSON, the page, bad input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import loadgen
from loadgen.cli import commands
from loadgen.errors import LoadgenError
from loadgen.scenario import Scenario


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fit") / "bodies.ndjson"
    path.write_bytes(b"\n".join(loadgen.generate("quota-probe", sessions=80, seed=5, start="2026-01-01")))
    return path


def test_a_scenario_and_a_page_are_written_and_a_table_is_shown(source: Path, tmp_path: Path) -> None:
    out, report = tmp_path / "my shop.toml", tmp_path / "fit.html"
    done = CliRunner().invoke(commands, ["fit", str(source), "--out", str(out), "--report", str(report)])
    assert done.exit_code == 0, done.output
    assert Scenario.load(out).name == "my-shop"
    assert report.read_text().startswith("<!doctype html>")
    assert "80 recorded sessions" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_json_is_json_alone(source: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(commands, ["fit", str(source), "--out", str(tmp_path / "x.toml"), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["sessions"] == 80


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text("hello\n")
    with pytest.raises(LoadgenError, match="no RUM events in it: it looks like text"):
        CliRunner().invoke(
            commands,
            ["fit", str(tmp_path / "log.txt"), "--out", str(tmp_path / "x.toml")],
            catch_exceptions=False,
            standalone_mode=False,
        )
    assert not (tmp_path / "x.toml").exists()


@pytest.mark.parametrize("option", ["--out", "--report"])
def test_a_source_is_never_overwritten(option: str, source: Path, tmp_path: Path) -> None:
    data, other = source.read_bytes(), tmp_path / "other"
    (tmp_path / "link").symlink_to(source)
    outputs = ["--out", str(other), option, str(tmp_path / "link")]
    done = CliRunner().invoke(commands, ["fit", str(source), *outputs])
    assert isinstance(done.exception, LoadgenError)
    assert "link: is read by this command, and would be lost; name another file for the output" in str(done.exception)
    assert source.read_bytes() == data
    assert not other.exists()
