"""A built wheel and sdist, installed into an environment without a clone, do the main job from an empty folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.paths import ROOT, SCENARIOS

BUILD = "from setuptools import build_meta; build_meta.build_{0}({1!r})"
PACKED = ("loadgen", "scenarios", "pyproject.toml", "README.md")


def execute(*command: object, cwd: Path) -> str:
    """The standard output of a command that is told nothing of this clone."""
    plain = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    done = subprocess.run([str(word) for word in command], cwd=cwd, env=plain, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel and the sdist of a copy of the tree."""
    tree, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("built")
    for name in PACKED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tree / name)
    for kind in ("wheel", "sdist"):
        execute(sys.executable, "-c", BUILD.format(kind, str(out)), cwd=tree)
    return {"wheel": next(out.glob("*.whl")), "sdist": next(out.glob("*.tar.gz"))}


@pytest.fixture(params=["wheel", "sdist"])
def installed(request: pytest.FixtureRequest, built: dict[str, Path], tmp_path: Path) -> Path:
    """The `loadgen` of an empty environment that sees what loadgen depends on, and not the clone."""
    place = tmp_path / "env"
    execute(sys.executable, "-m", "venv", "--without-pip", place, cwd=tmp_path)
    site = next(place.glob("lib/python*/site-packages"))
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = (sys.executable, "-m", "pip", "--python", place / "bin" / "python", "--disable-pip-version-check")
    options = ("--no-deps", "--no-index", "--no-build-isolation", "--no-compile", "--ignore-installed")
    execute(*pip, "install", "--quiet", *options, built[request.param], cwd=tmp_path)
    return place / "bin" / "loadgen"


def test_the_wheel_has_the_shipped_scenarios_the_schema_and_what_pages_are_made_of(built: dict[str, Path]) -> None:
    with ZipFile(built["wheel"]) as wheel:
        names = set(wheel.namelist())
    shipped = {f"loadgen/scenarios/{file.name}" for file in SCENARIOS.iterdir() if file.suffix in {".toml", ".json"}}
    data = {
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "loadgen").rglob("*")
        if file.suffix not in {".py", ".pyc", ".md"} and file.is_file()
    }
    assert names >= shipped | data


@pytest.mark.slow
@pytest.mark.locust
def test_a_newcomer_gets_from_an_empty_folder_to_a_report(installed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    assert "quickstart" in execute(installed, "scenarios", cwd=folder)
    execute(installed, "init", "shop", cwd=folder)
    summary = json.loads(execute(installed, "run", "shop.toml", "--pace", "5x", "--json", cwd=folder))
    assert summary["verdict"] == "passed"
    assert summary["requests"]["accepted"] > 0
    (run,) = (folder / "results").iterdir()
    assert (run / "report.html").stat().st_size > 10_000
    assert execute(installed, "check", "quickstart", cwd=folder).startswith("quickstart: fine.")
    assert str(ROOT) not in (run / "run.json").read_text()
