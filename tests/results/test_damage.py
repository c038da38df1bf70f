"""A run's folder that is damaged gives a report, or one line that names the file; never anything else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from loadgen.errors import LoadgenError
from loadgen.jobs.compare import compare
from loadgen.jobs.run import Run
from tests.report.runs import Plan, make

DEEP = b"[" * 100_000 + b"]" * 100_000
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "zeros": lambda whole: bytes(len(whole)),
    "not UTF-8": lambda whole: b"\xff\xfe" + whole[2:],
    "cut in the middle": lambda whole: whole[: len(whole) // 2],
    "garbled in the middle": lambda whole: whole[: len(whole) // 2] + b'\x00"]},7,' + whole[len(whole) // 2 + 7 :],
    "another file's text": lambda _: b"a,b,c\n1,2,3\n",
    "arrays 100,000 deep": lambda _: b'{"options": ' + DEEP + b', "seed": ' + DEEP + b"}",
    "an integer of 5,000 digits": lambda _: b'{"seed": ' + b"9" * 5000 + b"}",
}
FILES = {
    False: ("summary.json", "run.json", "scenario.toml", "timeline.csv", "requests.parquet"),
    True: ("run.json", "scenario.toml", "timeline.csv", "requests-0.bin", "histograms.hlog"),
}
PLAN = Plan(seconds=6)


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("healthy") / "run", PLAN).path


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(("cut_off", "name"), [(cut_off, name) for cut_off, names in FILES.items() for name in names])
def test_a_damaged_file_is_named_in_one_line(
    tmp_path: Path, healthy: Path, cut_off: bool, name: str, damage: str
) -> None:
    folder = make(tmp_path / "run", Plan(seconds=6, cut_off=cut_off)).path
    (folder / name).write_bytes(DAMAGES[damage]((folder / name).read_bytes()))
    for attempt in (lambda: Run.load(folder).write_page(tmp_path / "page.html"), lambda: compare([healthy, folder])):
        try:
            attempt()
        except LoadgenError as error:
            assert "\n" not in str(error)
            assert str(folder) in str(error) or name in str(error)
            assert len(str(error)) < 1000


def test_json_of_another_shape_is_named(tmp_path: Path) -> None:
    folder = make(tmp_path / "run", PLAN).path
    summary = json.loads((folder / "summary.json").read_text())
    for wrong in ({"verdict": "great"}, {"seconds": "long"}, {"requests": None}, {"version": 2}):
        (folder / "summary.json").write_text(json.dumps(summary | wrong))
        with pytest.raises(LoadgenError, match=r"summary\.json: "):
            Run.load(folder)


@pytest.mark.parametrize("damage", ["empty", "zeros", "cut in the middle"])
def test_a_timeline_that_tells_less_than_the_summary_is_named(tmp_path: Path, healthy: Path, damage: str) -> None:
    """Its file may still be read as whole lines: the plots over time would be empty, or end early, without a word."""
    folder, told = make(tmp_path / "run", PLAN).path, list[str]()
    assert Run.load(folder).write_page(tmp_path / "page.html", on_progress=told.append)
    assert told == []
    timeline = folder / "timeline.csv"
    timeline.write_bytes(DAMAGES[damage](timeline.read_bytes()))
    Run.load(folder).write_page(tmp_path / "page.html", on_progress=told.append)
    [line] = told
    sent = json.loads((folder / "summary.json").read_text())["requests"]["sent"]
    assert re.search(rf"timeline\.csv holds \d+ of {sent} requests; the plots over time lack the others", line), line
    assert line.partition(": ")[2] in (tmp_path / "page.html").read_text()
    assert any("timeline.csv holds" in note for note in compare([healthy, folder]).notes)


@pytest.mark.parametrize("text", [None, b"", b"\x00\x00"])
def test_app_monitors_of_which_monitors_csv_tells_nothing_are_named(tmp_path: Path, text: bytes | None) -> None:
    folder, told = make(tmp_path / "run", PLAN).path, list[str]()
    summary = json.loads((folder / "summary.json").read_text())
    summary["monitors"] = [summary["monitors"][0] | {"name": name} for name in ("shop", "blog")]
    (folder / "summary.json").write_text(json.dumps(summary))
    if text is not None:
        (folder / "monitors.csv").write_bytes(text)
    Run.load(folder).write_page(tmp_path / "page.html", on_progress=told.append)
    assert told == [f"{folder}: monitors.csv holds nothing of shop, blog; the plots of app monitors lack them"]
    assert "monitors.csv holds nothing of shop, blog" in (tmp_path / "page.html").read_text()
