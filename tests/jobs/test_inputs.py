"""What a job is given: files to write are refused before the work begins if they are files that it reads."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import loadgen
from tests.paths import ROOT

LOST = "is read by this command, and would be lost; name another file for the output"


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    file = tmp_path / "shop.toml"
    shutil.copy(ROOT / "scenarios" / "quickstart.toml", file)
    return file


VERBS: dict[str, Callable[[Path, Path], Any]] = {
    "plan": lambda scenario, out: loadgen.plan(scenario, duration=5, html=out),
    "plan, others": lambda scenario, out: loadgen.plan("quickstart", others=[scenario], duration=5, html=out),
    "preview": lambda scenario, out: loadgen.preview(scenario, duration=5, out=out),
    "write_bodies": lambda scenario, out: loadgen.write_bodies(scenario, out, sessions=1),
    "fit": lambda scenario, out: loadgen.fit([scenario], out=out),
    "fit, report": lambda scenario, out: loadgen.fit([scenario], report=out),
}


@pytest.mark.parametrize("linked", [False, True], ids=["itself", "by a link"])
@pytest.mark.parametrize("verb", VERBS)
def test_a_file_that_is_read_is_not_replaced(verb: str, linked: bool, scenario: Path, tmp_path: Path) -> None:
    before, out = scenario.read_bytes(), scenario
    if linked:
        out = tmp_path / "link.html"
        out.symlink_to(scenario)
    with pytest.raises(loadgen.LoadgenError, match=LOST):
        VERBS[verb](scenario, out)
    assert scenario.read_bytes() == before


def test_two_outputs_are_two_files(tmp_path: Path) -> None:
    (tmp_path / "events").write_text("{}\n")
    with pytest.raises(loadgen.LoadgenError, match=r"f\.toml: is named for another output too; name another file"):
        loadgen.fit(tmp_path / "events", out=tmp_path / "f.toml", report=f"{tmp_path}/./f.toml")
    assert not (tmp_path / "f.toml").exists()


def test_the_data_of_a_run_are_not_replaced_by_its_page(tmp_path: Path) -> None:
    run = loadgen.run("quickstart", duration=1, out=tmp_path / "run", quota=None)
    data = {file: file.read_bytes() for file in run.folder.iterdir()}
    for name in ("summary.json", "run.json", "scenario.toml"):
        with pytest.raises(loadgen.LoadgenError, match=LOST):
            run.write_page(run.folder / name)
        with pytest.raises(loadgen.LoadgenError, match=LOST):
            run.write_ci_files(summary_md=run.folder / name)
        with pytest.raises(loadgen.LoadgenError, match=LOST):
            loadgen.compare([run.folder, run.folder], html=run.folder / name)
    with pytest.raises(loadgen.LoadgenError, match="named for another output too"):
        run.write_ci_files(tmp_path / "ci", tmp_path / "ci")
    assert {file: file.read_bytes() for file in run.folder.iterdir()} == data
    assert run.write_page() == run.folder / "report.html"
