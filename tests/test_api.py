"""The public Python API: its names, what importing costs, and the examples of READMEs, which run as they are."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import loadgen
from tests.paths import ROOT

NAMES = {
    "Endpoint",
    "LoadgenError",
    "Monitors",
    "Run",
    "Scenario",
    "check",
    "clean",
    "compare",
    "find_limit",
    "fit",
    "generate",
    "init",
    "plan",
    "preview",
    "run",
    "sampling",
    "scenarios",
    "seed",
    "verify",
    "worker",
    "write_bodies",
}
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = [
    example
    for text in (README, *(path.read_text(encoding="utf-8") for path in sorted((ROOT / "loadgen").rglob("README.md"))))
    for example in re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    if "def test_" not in example  # the fixture of pytest has a test of its own
]


def test_the_names_are_these() -> None:
    assert set(loadgen.__all__) == NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_name_resolves_and_says_what_it_is(name: str) -> None:
    found = getattr(loadgen, name)
    assert found.__name__ == name
    assert found.__doc__
    assert name in dir(loadgen)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = loadgen.nothing


def test_importing_loadgen_imports_nothing_heavy() -> None:
    script = "import sys, loadgen; print(*sorted(name.partition('.')[0] for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not {"numpy", "click", "boto3", "locust", "pydantic", "msgspec", "rich"} & set(done.stdout.split())


def test_the_api_does_not_patch_the_process() -> None:
    """Locust patches sockets and threads when it is imported: it must stay in its own process."""
    names = ", ".join(sorted(NAMES))
    script = f"from loadgen import {names}; import sys; print('gevent' in sys.modules, 'locust' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_of_the_readme_runs(example: str, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", example], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert not done.stderr


def test_the_readme_has_examples() -> None:
    assert len(EXAMPLES) >= 6


@pytest.mark.parametrize(
    ("options", "said"),
    [({"out": 5}, r"out \(--out\): 5 is no valid value"), ({"days": "x"}, "days"), ({"dayz": 1}, "no option dayz")],
)
def test_a_wrong_option_is_a_loadgen_error(options: dict[str, Any], said: str) -> None:
    with pytest.raises(loadgen.LoadgenError, match=said):
        loadgen.seed("quickstart", **options)


NOTHING: Any = 0  # None means that there is none
WRONG = (None, 3, b"shop.toml", {"shop": 1}, object())
PATHS: dict[str, Callable[[Any], object]] = {
    "check": loadgen.check,
    "clean": loadgen.clean,
    "compare": lambda wrong: loadgen.compare([wrong, wrong]),
    "compare, the list": loadgen.compare,
    "compare, fail_on": lambda wrong: loadgen.compare(["a", "b"], fail_on=wrong),
    "compare, html": lambda wrong: loadgen.compare(["a", "b"], html=wrong or NOTHING),
    "Endpoint, store": lambda wrong: loadgen.Endpoint(store=wrong or NOTHING),
    "find_limit": loadgen.find_limit,
    "find_limit, out": lambda wrong: loadgen.find_limit("quickstart", out=wrong or NOTHING),
    "fit": loadgen.fit,
    "fit, out": lambda wrong: loadgen.fit("a", out=wrong or NOTHING),
    "fit, report": lambda wrong: loadgen.fit("a", report=wrong or NOTHING),
    "fit, one of several": lambda wrong: loadgen.fit([wrong]),
    "generate": lambda wrong: loadgen.generate(wrong, sessions=1),
    "init": loadgen.init,
    "init, folder": lambda wrong: loadgen.init("shop", wrong),
    "load": loadgen.Scenario.load,
    "parse": lambda wrong: loadgen.Scenario.parse(wrong, "shop.toml"),
    "plan": loadgen.plan,
    "plan, html": lambda wrong: loadgen.plan("quickstart", html=wrong or NOTHING),
    "plan, others": lambda wrong: loadgen.plan("quickstart", others=wrong),
    "plan, one of the others": lambda wrong: loadgen.plan("quickstart", others=[wrong], duration=1),
    "preview": loadgen.preview,
    "preview, out": lambda wrong: loadgen.preview("quickstart", out=wrong or NOTHING),
    "Run.load": loadgen.Run.load,
    "run": loadgen.run,
    "run, out": lambda wrong: loadgen.run("quickstart", out=wrong or NOTHING),
    "sampling": loadgen.sampling,
    "seed": lambda wrong: loadgen.seed(wrong, target="http://127.0.0.1:9"),
    "verify": loadgen.verify,
    "write_bodies": lambda wrong: loadgen.write_bodies(wrong, "bodies.ndjson", sessions=1),
    "write_bodies, out": lambda wrong: loadgen.write_bodies("quickstart", wrong, sessions=1),
}


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: type(wrong).__name__)
@pytest.mark.parametrize("call", PATHS)
def test_a_thing_of_a_wrong_type_is_one_line_that_says_what_to_write(
    call: str, wrong: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(loadgen.LoadgenError, match=r"^[^\n]+(; (write|give|name) [^\n]+|needs two runs[^\n]+)$"):
        PATHS[call](wrong)
    assert not list(tmp_path.iterdir())


def test_one_thing_may_stand_for_a_list_of_one() -> None:
    with pytest.raises(loadgen.LoadgenError, match=r"^no-such-folder: is no folder"):
        loadgen.compare("no-such-folder")
    with pytest.raises(loadgen.LoadgenError, match=r"^no-such: no such file"):
        loadgen.plan("quickstart", others="no-such", duration=1)
    with pytest.raises(loadgen.LoadgenError, match="'slower' is no condition"):
        loadgen.compare(["a", "b"], fail_on="slower")


GIVEN = {"write_bodies": ("quickstart", "bodies.ndjson")}
TAKING_CALLBACKS = [name for name in sorted(NAMES) if "on_progress" in str(inspect.signature(getattr(loadgen, name)))]


@pytest.mark.parametrize("name", TAKING_CALLBACKS)
def test_a_callback_that_is_none_is_refused_before_anything_begins(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(loadgen.LoadgenError, match=r"^on_progress: None is no function"):
        getattr(loadgen, name)(*GIVEN.get(name, ("quickstart",)), on_progress=None)
    assert not list(tmp_path.iterdir())


def test_every_verb_that_takes_long_reports_progress() -> None:
    assert {*TAKING_CALLBACKS} == NAMES - {
        "Endpoint",
        "LoadgenError",
        "Run",
        "Scenario",
        "compare",
        "init",
        "scenarios",
    }


def test_pages_and_files_are_written_where_a_verb_is_told(tmp_path: Path) -> None:
    loadgen.plan("quickstart", duration=5, html=tmp_path / "plan.html")
    loadgen.preview("quickstart", duration=5, out=str(tmp_path / "preview.html"))
    loadgen.write_bodies("quickstart", tmp_path / "bodies.ndjson", sessions=60, seed=1)
    loadgen.fit(tmp_path / "bodies.ndjson", out=tmp_path / "my shop.toml", report=tmp_path / "fit.html", at_least=1)
    assert loadgen.Scenario.load(tmp_path / "my shop.toml").name == "my-shop"
    assert all(
        (tmp_path / f"{page}.html").read_text().startswith("<!doctype html>") for page in ("plan", "preview", "fit")
    )


@pytest.mark.slow
def test_an_earlier_run_is_loaded_with_its_summary_records_and_page(tmp_path: Path) -> None:
    run = loadgen.run("quickstart", duration=5, seed=7, out=tmp_path / "run")
    (run.folder / "report.html").unlink()
    again = loadgen.Run.load(run.folder)
    assert (again.summary, again.spec, again.exit_code) == (run.summary, run.spec, run.exit_code)
    assert again.records().equals(run.records())
    assert again.write_page() == run.folder / "report.html"
    again.write_ci_files(summary_md=tmp_path / "summary.md")
    assert "quickstart" in (run.folder / "report.html").read_text() and (tmp_path / "summary.md").read_text()
