from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from loadgen.cli import commands
from loadgen.errors import LoadgenError
from tests import paths

QUICKSTART = str(paths.QUICKSTART)
SHORT = ("--duration", "10s", "--seed", "1")


def plan(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(commands, ["plan", QUICKSTART, *arguments])
    if isinstance(done.exception, LoadgenError):
        return 2, done.stdout, str(done.exception)
    return done.exit_code, done.stdout, done.stderr


def test_a_table_fits_80_columns() -> None:
    code, table, _ = plan(*SHORT, "--quota", "1", "--rate", "20")
    assert code == 0
    assert max(map(len, table.splitlines())) <= 80
    for word in ("quota needed", "events lost", "$/month", "client setting", "to run it here"):
        assert word in table


def test_json_is_nothing_but_json() -> None:
    code, out, _ = plan(*SHORT, "--json")
    assert code == 0
    read = json.loads(out)
    assert read["exact"]
    assert read["load"]["requests"] == round(read["whole"]["requests"]["mean"] * 10)


def test_a_page_is_written(tmp_path: Path) -> None:
    code, out, _ = plan(*SHORT, "--html", str(tmp_path / "plan.html"))
    assert code == 0
    assert str(tmp_path / "plan.html") in out.replace("\n", "")
    assert (tmp_path / "plan.html").read_text().startswith("<!doctype html>")
    assert list(tmp_path.iterdir()) == [tmp_path / "plan.html"]


def test_a_neighbour_is_a_second_monitor() -> None:
    code, out, _ = plan(*SHORT, "--with", QUICKSTART, "--json")
    assert code == 0
    read = json.loads(out)
    assert len(read["monitors"]) == 2
    assert read["load"]["events"] == sum(each["load"]["events"] for each in read["monitors"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--rates", "0.1,2"), "is no list of sample rates; write shares such as 0.01,0.1,1"),
        (("--rates", "all"), "is no list of sample rates"),
        (("--max-loss", "101%"), "is no share; write one such as 0.001 or 0.1%"),
        (("--max-loss", "some"), "is no share"),
        (("--quota", "0"), "--quota"),
        (("--sessions-per-day", "-1"), "--sessions-per-day"),
        (("--sessions-per-day", "1e12"), "sessions are too many: they take 32,000.0 GB"),
        (("--duration", "300d"), "a plan of 300 days is too long, 35 days fit"),
        (("--sessions-per-day", "2e7", "--exact"), "an exact rehearsal of 20,000,000 sessions is too large"),
        (("--with", "nowhere.toml"), "nowhere.toml: no such file"),
        ((*SHORT, "--html", "/nowhere/plan.html"), "/nowhere/plan.html: cannot be written"),
    ],
)
def test_bad_input_is_refused_in_words(arguments: tuple[str, ...], said: str) -> None:
    code, out, error = plan(*arguments)
    assert code == 2
    assert said in error
    assert not out


def test_a_run_with_neighbours_takes_no_other_monitor_name(tmp_path: Path) -> None:
    text = Path(QUICKSTART).read_text() + '\n[[neighbours]]\nmonitor.name = "blog"\narrivals.rate = 3\n'
    (tmp_path / "two.toml").write_text(text)
    done = CliRunner().invoke(commands, ["run", str(tmp_path / "two.toml"), "--monitor", "shop"])
    assert isinstance(done.exception, LoadgenError)
    assert "each app monitor is found by its name in the file" in str(done.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["two.toml"]


def test_a_command_for_one_app_monitor_says_whom_it_leaves_out(tmp_path: Path) -> None:
    text = Path(QUICKSTART).read_text() + '\n[[neighbours]]\nmonitor.name = "blog"\narrivals.rate = 3\n'
    (tmp_path / "two.toml").write_text(text)
    out = str(tmp_path / "bodies.ndjson")
    done = CliRunner().invoke(commands, ["generate", str(tmp_path / "two.toml"), "--sessions", "2", "--out", out])
    assert done.exit_code == 0
    assert "note: generate uses the scenario's first app monitor, loadgen, and not its neighbours: blog" in done.stderr
