"""A run's folder that is damaged gives a report, or one line that names the file; never anything else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from loadgen.errors import LoadgenError
from loadgen.jobs.compare import compare
from loadgen.jobs.report import report
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
    for attempt in (lambda: report(folder, html=tmp_path / "page.html"), lambda: compare([healthy, folder])):
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
            report(folder)
