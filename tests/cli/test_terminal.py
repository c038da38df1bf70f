"""What is printed reaches any terminal: whatever its encoding, and without what would control it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from loadgen.cli.terminal import wrap_words
from loadgen.errors import escape_controls
from tests.paths import SCENARIOS
from tests.report.runs import make

QUICKSTART = SCENARIOS / "quickstart.toml"

OWNED = "\x1b]0;owned\x07\x1b[2J"
ENCODINGS: dict[str, dict[str, str]] = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}


def loadgen(folder: Path, encoding: str, *arguments: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "loadgen", *map(str, arguments)],
        cwd=folder,
        env={key: value for key, value in os.environ.items() if key != "PYTHONIOENCODING"} | ENCODINGS[encoding],
        capture_output=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("encodings")
    text = QUICKSTART.read_text(encoding="utf-8").replace('title = "', 'title = "Größe – 🎉 ')
    (path / "shop.toml").write_text(text.replace('description = "', 'description = "Übung – ≈ '), encoding="utf-8")
    for name in ("one", "two"):
        make(path / name)
    written = loadgen(path, "ascii", "generate", "shop.toml", "--sessions", 60, "--seed", 1, "--out", "bodies.ndjson")
    assert written.returncode == 0, written.stderr
    return path


VERBS: dict[str, tuple[object, ...]] = {
    "check": ("shop.toml",),
    "plan": ("shop.toml", "--seed", 1),
    "sampling": ("shop.toml", "--sessions", 100),
    "preview": ("shop.toml", "--out", "-"),
    "generate": ("shop.toml", "--sessions", 3, "--out", "-"),
    "report": ("one",),
    "compare": ("one", "two"),
}


@pytest.mark.parametrize(
    ("verb", "encoding"), [*((verb, "ascii") for verb in VERBS), *(("report", each) for each in ENCODINGS)]
)
def test_no_encoding_ends_a_verb(folder: Path, verb: str, encoding: str) -> None:
    done = loadgen(folder, encoding, verb, *VERBS[verb])
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    assert done.stdout
    assert b"Traceback" not in done.stderr


def test_a_run_on_an_ascii_terminal_is_a_run(folder: Path) -> None:
    arguments = ("run", "shop.toml", "--duration", "12s", "--pace", "4x", "--seed", 1, "--out", "läuft")
    done = loadgen(folder, "ascii", *arguments)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    assert b"quickstart -> http://127.0.0.1" in done.stdout
    assert max(len(line) for line in done.stdout.decode().splitlines()) <= 80
    assert (folder / "läuft" / "summary.json").is_file()


def test_a_message_with_a_name_that_is_not_utf8_is_one_line(folder: Path) -> None:
    name = os.fsdecode(b"no\xff.toml")
    done = loadgen(folder, "C", "check", name)
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert done.stderr.startswith(b"loadgen: no?.toml")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b31m", "\\x9b31m"),
        ("over\rwritten", "over\\rwritten"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("\u200fa\u061cb\u2028c", "\\u200fa\\u061cb\\u2028c"),
        ("a\tb\nc – ü 🎉", "a\tb\nc – ü 🎉"),
    ],
)
def test_text_cannot_control_a_terminal(text: str, shown: str) -> None:
    assert escape_controls(text) == shown


def test_escape_sequences_of_a_foreign_folder_are_shown_as_text(tmp_path: Path) -> None:
    evil = make(tmp_path / "evil").path
    summary = json.loads((evil / "summary.json").read_text())
    summary |= {"scenario": OWNED, "verdict": "failed", "reasons": [OWNED], "errors": {OWNED: 3}}
    (evil / "summary.json").write_text(json.dumps(summary))
    for arguments in (("report", "evil"), ("compare", "evil", "evil")):
        done = loadgen(tmp_path, "cp1252", *arguments)
        assert done.returncode == 0, done.stderr
        assert b"\\x1b]0;owned" in done.stdout
        assert b"\x1b" not in done.stdout + done.stderr


def test_a_name_is_never_cut_at_80_columns(tmp_path: Path) -> None:
    """Two causes, or two app monitors, whose names begin alike must be told apart."""
    folder = make(tmp_path / "long").path
    summary = json.loads((folder / "summary.json").read_text())
    causes = {f"403 {'Unrecognized' * 2}Exception{each}": 3 for each in "AB"}
    monitors = [summary["monitors"][0] | {"name": f"{'shop-of-the-year-' * 3}{each}"} for each in "AB"]
    (folder / "summary.json").write_text(json.dumps(summary | {"errors": causes, "monitors": monitors}))
    shown = loadgen(tmp_path, "C", "report", "long").stdout.decode()
    assert max(map(len, shown.splitlines())) <= 80
    joined = "".join(re.sub(r"( +[\d,.%]+)+$", "", line).strip() for line in shown.splitlines())
    for name in (*causes, *(each["name"] for each in monitors)):
        assert name in joined, shown


def test_escape_sequences_of_a_foreign_scenario_are_shown_as_text(tmp_path: Path) -> None:
    (tmp_path / "evil.toml").write_text('name = "x"\n"\\u001b[2J" = 1\n')
    done = loadgen(tmp_path, "cp1252", "check", "evil.toml")
    assert done.returncode == 2
    assert b"\\x1b[2J" in done.stderr
    assert b"\x1b" not in done.stderr


def test_cli_prints_by_echo_alone() -> None:
    """`click.echo` prints bytes of JSON, which holds no control characters, and nothing else."""
    for path in (Path(__file__).parents[2] / "loadgen" / "cli").glob("*.py"):
        for line in path.read_text().splitlines():
            if "click.echo(" in line and path.name != "terminal.py":
                assert "json" in line, f"{path.name}: {line.strip()}"


def test_lines_for_people_break_between_words_where_the_terminal_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    line = "loadgen: looking up app monitor 'shop': no answer from http://127.0.0.1:18765/appmonitor/shop-of-the-year"
    broken = wrap_words(f"{line}\n\n  indented  twice")
    assert [part for part in broken.splitlines() if len(part) > 40] == [
        "http://127.0.0.1:18765/appmonitor/shop-of-the-year"
    ]
    assert broken.replace("\n", " ").startswith(line)
    assert broken.endswith("\n\n  indented  twice")


def test_what_a_shell_takes_is_never_broken(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text("")
    done = loadgen(tmp_path, "ascii", "check", "x.toml")
    (line,) = done.stderr.decode().splitlines()  # no terminal: whatever its length
    assert line.startswith("loadgen: x.toml: empty; write at least name")


ENDED = """
import sys
from types import SimpleNamespace
import loadgen, loadgen.__main__ as program, loadgen.report as report
code = int(sys.argv.pop())
ended = SimpleNamespace(summary=None, folder="run", exit_code=code, write_ci_files=lambda *_: None)
loadgen.run = lambda *_, **__: ended
report.render_summary = lambda _: "PASSED"
program.main()
"""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux alone has a device that is always full")
@pytest.mark.parametrize(
    ("program", "code"),
    [
        ([sys.executable, "-c", ENDED, "run", "quickstart", "0"], 2),
        ([sys.executable, "-c", ENDED, "run", "quickstart", "130"], 130),
        ([sys.executable, "-m", "loadgen", "scenarios"], 2),
        ([sys.executable, "-m", "loadgen", "check", "no-such-file.toml"], 2),
    ],
    ids=["run", "run that its terminal has ended", "result", "error"],
)
def test_a_terminal_that_is_gone_changes_no_exit_code_into_a_missed_threshold(program: list[str], code: int) -> None:
    """Neither stream can be written: whoever closed the terminal has ended the run by SIGHUP."""
    with Path("/dev/full").open("wb") as gone:
        done = subprocess.run(program, stdout=gone, stderr=gone, timeout=60)
    assert done.returncode == code


CLOSED = """
import sys
import loadgen.__main__ as program, loadgen.cli
loadgen.cli.main = lambda: print("begun", flush=True) or sys.stdin.readline() and print("result", flush=True)
program.main()
"""


def test_a_command_whose_terminal_is_closed_was_interrupted() -> None:
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", CLOSED], stdin=subprocess.PIPE, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        assert os.read(ours, 100).startswith(b"begun")
        os.close(ours)
        process.communicate(b"\n", timeout=60)
    assert process.returncode == 130


ALONE: dict[str, tuple[object, ...]] = {
    "fit": ("bodies.ndjson", "--out", "-"),
    "fit with its page": ("bodies.ndjson", "--out", os.devnull, "--report", "/dev/stdout"),
    "plan": ("shop.toml", "--duration", "1s", "--html", "-"),
    "report": ("one", "--html", "-"),
    "compare": ("one", "two", "--html", "/dev/fd/1"),
    "preview": ("shop.toml", "--duration", "1s", "--out", "-"),
    "generate": ("shop.toml", "--sessions", 2, "--out", "/dev/stdout"),
}
READERS: dict[str, Callable[[str], object]] = {"fit": tomllib.loads, "generate": json.loads}


@pytest.mark.parametrize("name", ALONE)
def test_what_is_written_to_standard_output_is_alone_there(folder: Path, name: str) -> None:
    verb = name.split()[0]
    done = loadgen(folder, "ascii", verb, *ALONE[name])
    assert done.returncode == 0, done.stderr
    out = done.stdout.decode()
    if read := READERS.get(name):
        for part in [out] if verb == "fit" else out.splitlines():
            read(part)
    else:
        assert out.startswith("<!doctype html>")
        assert out.rstrip().endswith("</html>")
    assert b"standard output" in done.stderr
    assert not [line for line in done.stderr.splitlines() if line.startswith((b"-:", b"page      -"))]


@pytest.mark.parametrize(
    ("arguments", "both"),
    [
        (("plan", "shop.toml", "--html", "-", "--json"), "--html and --json"),
        (("fit", "bodies.ndjson", "--out", "-", "--report", "/dev/stdout"), "--out and --report"),
        (("report", "one", "--junit", "-", "--summary-md", "-"), "--junit and --summary-md"),
        (("run", "shop.toml", "--json", "--junit", "-"), "--json and --junit"),
    ],
)
def test_two_options_for_standard_output_are_refused(folder: Path, arguments: tuple[object, ...], both: str) -> None:
    before = sorted(folder.iterdir())
    done = loadgen(folder, "ascii", *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert f"{both} both write to standard output".encode() in done.stderr
    assert sorted(folder.iterdir()) == before
