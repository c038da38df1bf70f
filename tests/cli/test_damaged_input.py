"""Damaged input: whatever a file or folder holds that a verb reads, the verb says one line and ends with 2.

The readers are found from the command line, so that a new one cannot be forgotten: an option or argument that takes a
path is in `READERS` or in `WRITERS`.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from loadgen.cli import commands, main
from loadgen.jobs.seed.ledger import BatchLedger
from tests.paths import QUICKSTART
from tests.report.runs import Plan, make

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m"
CONTROLS = set("\x1b\x07\x9b")
DEEP = 5_000

CONTENTS: dict[str, bytes] = {
    "empty": b"",
    "garbled": bytes(range(256)) * 64,
    "zeros": bytes(5_000),
    "not UTF-8": b'name = "\xff\xfe\xc3"\n{"seed": "\xed\xa0\x80"}\n',
    "JSON arrays 5,000 deep": b"[" * DEEP + b"]" * DEEP,
    "JSON objects 5,000 deep": b'{"options":' * DEEP + b"1" + b"}" * DEEP,
    "TOML arrays 5,000 deep": b"name = " + b"[" * DEEP + b"]" * DEEP,
    "20,000 dotted keys": b".".join([b"a"] * 20_000) + b" = 1\n",
    "an integer of 5,000 digits": b'{"seed": ' + b"9" * 5_000 + b"}",
    "a TOML integer of 5,000 digits": b"seed = " + b"9" * 5_000 + b"\n",
    "numbers that are none": b'{"seed": NaN, "rate": 1e999, "processes": -1}',
    "escape sequences": f'{EVIL}\n"{EVIL}" = "{EVIL}"\n'.encode(),
    "a member named by escape sequences": b'{"\\u001b[2J": "\\u001b]0;owned\\u0007", "seed": "\\u001b[31m"}',
    "another program's SQLite": b"",  # see `damage`
    "SQLite's first page alone": b"SQLite format 3\0" + b"\x10\0\1\1\0\x40\x20\x20" + bytes(4_000),
    "gzip that ends early": b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xab",
}
OTHERS = ("a folder", "missing")
DAMAGES = (*CONTENTS, *OTHERS)


def damage(path: Path, how: str) -> None:
    """Put something there that no verb can use, in place of what was there."""
    shutil.rmtree(path, ignore_errors=True)
    path.unlink(missing_ok=True)
    if how == "a folder":
        path.mkdir()
    elif how == "another program's SQLite":
        database = sqlite3.connect(path)
        database.execute("CREATE TABLE facts (a, b, c)")
        database.close()
    elif how != "missing":
        path.write_bytes(CONTENTS[how])


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with two runs, one of them cut off, and a seeding's."""
    folder = tmp_path_factory.mktemp("runs")
    make(folder / "whole", Plan(seconds=3))
    make(folder / "cut-off", Plan(seconds=3, cut_off=True))
    (folder / "seeding").mkdir()
    with BatchLedger(folder / "seeding", write=True):
        pass
    yield folder


Arguments = Callable[[str], tuple[str, ...]]

TARGET = ("--target", "http://127.0.0.1:9", "--region", "us-east-1")
HTTPS = ("--target", "https://rum.example.com", "--region", "us-east-1")
SHOP = str(QUICKSTART)

FILES: dict[tuple[str, str], Arguments] = {
    ("run", "scenario"): lambda path: ("run", path, "--duration", "2s"),
    ("run", "store"): lambda path: ("run", SHOP, "--duration", "1s", "--store", path),
    ("plan", "scenario"): lambda path: ("plan", path, "--duration", "2s"),
    ("plan", "others"): lambda path: ("plan", SHOP, "--duration", "2s", "--with", path),
    ("find-limit", "scenario"): lambda path: ("find-limit", path),
    ("check", "scenario"): lambda path: ("check", path),
    ("preview", "scenario"): lambda path: ("preview", path, "--out", os.devnull),
    ("sampling", "scenario"): lambda path: ("sampling", path),
    ("generate", "scenario"): lambda path: ("generate", path, "--sessions", "1", "--out", os.devnull),
    ("fit", "sources"): lambda path: ("fit", path, "--out", os.devnull),
    ("serve", "store"): lambda path: ("serve", "--port", "0", "--store", path),
    ("serve", "secret_file"): lambda path: ("serve", "--port", "0", "--secret-file", path),
    ("console", "store"): lambda path: ("console", path, "--port", "0"),
    ("seed", "scenario"): lambda path: ("seed", path, *TARGET),
    ("monitors apply", "scenario"): lambda path: ("monitors", "apply", path, *TARGET),
    ("policy put", "file"): lambda path: ("policy", "put", "shop", path, *TARGET),
    ("*", "ca_bundle"): lambda path: ("monitors", "list", "--ca-bundle", path, *HTTPS),
}
"""Verb and parameter that reads a file → a command line that reads the file at a path. `*`: one for all verbs."""

FOLDERS: dict[tuple[str, str], tuple[Arguments, str, str]] = {
    ("report", "run_dir"): (lambda path: ("report", path, "--html", os.devnull), "whole", "cut-off"),
    ("compare", "run_dirs"): (lambda path: ("compare", path, path), "whole", "cut-off"),
    ("verify", "run_dir"): (lambda path: ("verify", path), "seeding", "seeding"),
    ("clean", "run_dir"): (lambda path: ("clean", path), "seeding", "seeding"),
    ("seed", "out"): (lambda path: ("seed", SHOP, *TARGET, "--out", path), "seeding", "seeding"),
}
"""The same for folders, and which folders of `runs` it reads."""

WRITERS = {
    ("run", "out"), ("find-limit", "out"), ("*", "junit"), ("*", "summary_md"), ("*", "html"), ("*", "report"),
    ("preview", "out"), ("generate", "out"), ("fit", "out"), ("serve", "log"),
}  # fmt: skip
"""Verb and parameter that writes a file or folder, and reads nothing of what is there."""

READ = {
    "whole": ("summary.json", "run.json", "scenario.toml", "timeline.csv", "requests.parquet", "monitors.csv"),
    "cut-off": ("run.json", "scenario.toml", "timeline.csv", "requests-0.bin", "histograms.hlog"),
    "seeding": ("ledger.sqlite",),
}
NEEDED = {("whole", "summary.json"), ("cut-off", "run.json"), ("seeding", "ledger.sqlite")}
"""Files without which there is nothing to show; without another one a report may do."""

CUT_OFF = ("missing", "a folder")
"""Without its summary a run is one that was cut off, and the summary is made from its records."""

SOME = ("empty", "not UTF-8", "TOML arrays 5,000 deep", "a folder")

FEWER: dict[tuple[str, str], tuple[str, ...]] = {
    **dict.fromkeys([reader for reader in FILES if reader[1] in ("scenario", "others")], SOME),
    ("check", "scenario"): DAMAGES,
    ("run", "store"): ("garbled", "a folder"),  # as `serve --store`, in a process of its own
}
"""Readers that share their function with another one: some damages show that they do."""

FINE: dict[tuple[str, str], tuple[str, ...]] = {
    ("run", "store"): ("empty", "missing"),
    ("serve", "store"): ("empty", "missing"),
    ("serve", "secret_file"): tuple(name for name in CONTENTS if name != "empty"),
    ("policy put", "file"): ("a member named by escape sequences",),  # RUM's to refuse
    ("seed", "out"): ("empty", "missing"),  # a seeding that begins
}
"""What is no damage to a reader."""


def list_paths() -> Iterator[tuple[str, str]]:
    """Verb and name of each parameter of the command line that takes a path."""

    def walk(command: click.Command, verb: str) -> Iterator[tuple[str, str]]:
        if isinstance(command, click.Group):
            for name, inner in command.commands.items():
                yield from walk(inner, f"{verb} {name}".strip())
        for each in command.params:
            if isinstance(each.type, click.Path | click.File) or (each.metavar or "").strip("[]") == "FILE":
                yield verb, str(each.name)

    return walk(commands, "")


MOST_SECONDS = 60


def give_up(*_: object) -> None:
    raise AssertionError("it goes on, as if nothing were wrong")


def call(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `loadgen`."""
    monkeypatch.setattr(sys, "argv", ["loadgen", *arguments])
    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(MOST_SECONDS)
    try:
        with pytest.raises(SystemExit) as ended:
            main()
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def test_every_parameter_that_takes_a_path_is_in_one_of_the_tables() -> None:
    known = {*FILES, *FOLDERS, *WRITERS}
    found = set(list_paths())
    assert [each for each in found if each not in known and ("*", each[1]) not in known] == []
    assert [each for each in known if each[0] != "*" and each not in found] == []


@pytest.mark.parametrize(
    ("reader", "how"),
    [(reader, how) for reader in FILES for how in FEWER.get(reader, DAMAGES) if how not in FINE.get(reader, ())],
)
def test_a_damaged_file_is_refused_in_one_line(
    reader: tuple[str, str],
    how: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "given"
    damage(path, how)
    code, shown, said = call(FILES[reader](str(path)), monkeypatch, capsys)
    assert (code, shown) == (2, ""), said
    check_words(said, path)


@pytest.mark.parametrize(
    ("reader", "folder", "name", "how"),
    [
        (reader, folder, name, how)
        for reader, (_, *folders) in FOLDERS.items()
        for folder in sorted(set(folders))
        for name in READ[folder]
        for how in DAMAGES
        if how not in FINE.get(reader, ())
    ],
)
def test_a_folder_with_a_damaged_file_is_shown_without_it_or_refused_in_one_line(
    runs: Path,
    reader: tuple[str, str],
    folder: str,
    name: str,
    how: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "given"
    shutil.copytree(runs / folder, path)
    damage(path / name, how)
    code, shown, said = call(FOLDERS[reader][0](str(path)), monkeypatch, capsys)
    if code == 2:
        assert shown == ""
        check_words(said, path)
    else:
        assert (folder, name) not in NEEDED or how in CUT_OFF
        assert code in (0, 1)
        assert not CONTROLS & set(shown)


READERS = [*((verb, FILES[verb]) for verb in FILES), *((verb, FOLDERS[verb][0]) for verb in FOLDERS)]
OUTPUTS: dict[str, Arguments] = {
    "run --out": lambda path: ("run", SHOP, "--duration", "1s", "--out", path),
    "generate --out": lambda path: ("generate", SHOP, "--sessions", "1", "--start", "now", "--out", path),
    "preview --out": lambda path: ("preview", SHOP, "--duration", "1s", "--out", path),
    "plan --html": lambda path: ("plan", SHOP, "--duration", "1s", "--html", path),
}
NO_PLACES: dict[str, Callable[[Path], str]] = {
    "a name that is too long": lambda folder: str(folder / ("given" * 60)),
    "a link that leads to itself": lambda folder: str(make_loop(folder / "given")),
    "a file in place of its folder": lambda folder: str(make_file(folder / "given") / "given"),
}


def make_loop(path: Path) -> Path:
    path.symlink_to(path.name)
    return path


def make_file(path: Path) -> Path:
    path.touch()
    return path


PLACES = {" ".join(verb): arguments for verb, arguments in READERS} | OUTPUTS


@pytest.mark.parametrize(
    ("verb", "place"),
    [
        (verb, place)
        for verb in PLACES
        for place in NO_PLACES
        if (verb, place) != ("seed out", "a file in place of its folder")  # it is seen when the folder is to be made
    ],
)
def test_a_path_where_nothing_can_be_is_refused_in_one_line(
    verb: str,
    place: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = NO_PLACES[place](tmp_path)
    code, shown, said = call(PLACES[verb](path), monkeypatch, capsys)
    assert (code, shown) == (2, ""), said
    check_words(said, Path("given"))
    assert [each.name for each in tmp_path.rglob("*") if each.name != "given"] == []


def check_words(said: str, path: Path) -> None:
    """One line that names the file, is short, and cannot control a terminal; click's own is longer."""
    lines = said.splitlines()
    assert len(lines) == 1 or lines[:-1] == [lines[0], "Try 'loadgen serve --help' for help.", ""], said
    assert lines[-1].startswith("loadgen: " if len(lines) == 1 else "Error: Invalid value for '--secret-file'")
    assert not CONTROLS & set(said)
    assert path.name in said
    assert len(said) < 1000
