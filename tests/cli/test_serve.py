"""loadgen serve: a key that stands on no command line, and stores that cannot be opened."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from loadgen.cli.serve import SHELL_LINES
from loadgen.endpoint.store import Store

SECRET = "a-secret-that-nobody-sees"


@contextmanager
def served(*options: str, stdin: str = "", **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A `loadgen serve` on a free port, and what it prints once it listens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "loadgen", "serve", "--port", "0", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(stdin)
    process.stdin.close()
    try:
        yield process, "".join(process.stdout.readline() for _ in range(2 + len(SHELL_LINES)))
    finally:
        process.send_signal(signal.SIGTERM)
        process.stdout.close()
        assert process.wait(20) == 0


GIVEN: dict[str, tuple[str, ...]] = {
    "file": ("--secret-file", "a secret's file"),
    "stdin": ("--secret-file", "-"),
    "environment": (),
    "command line": ("--secret-access-key", SECRET),
}


def paste(lines: str, typed: str = "", **environment: str) -> dict[str, str]:
    """The variables that bash has after the lines below the first two were pasted into it."""
    exports = "\n".join(lines.splitlines()[2:])
    script = f'{exports}\n"$0" -c "import json, os; print(json.dumps(dict(os.environ)))"'
    done = subprocess.run(
        ["bash", "-c", script, sys.executable],
        input=typed,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    assert done.stderr == ""
    return dict(json.loads(done.stdout))


OF_ANOTHER_ACCOUNT = dict.fromkeys(
    ("AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_CREDENTIAL_EXPIRATION"), "of another"
)


def test_no_line_is_longer_than_80_columns() -> None:
    with served("--region", "ap-southeast-2") as (_, said):
        assert [line for line in said.splitlines() if len(line) > 80] == []
        assert paste(said)["AWS_SECRET_ACCESS_KEY"]


@pytest.mark.parametrize("way", GIVEN)
def test_the_printed_lines_can_be_pasted_however_the_secret_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a secret's file").write_text(f"{SECRET}\nanother line\n")
    given = {"LOADGEN_SECRET_ACCESS_KEY": SECRET} if way == "environment" else {}
    options = ("--access-key-id", "AKID $(id)'\"", *GIVEN[way])
    with served(*options, stdin=f"{SECRET}\n", **given) as (process, said):
        assert SECRET not in said
        if Path("/proc").exists() and way != "command line":
            assert SECRET.encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
        is_typed = way in ("stdin", "command line")
        variables = paste(said, f"{SECRET}\n" if is_typed else "", **OF_ANOTHER_ACCOUNT, **given)
    assert variables["AWS_SECRET_ACCESS_KEY"] == SECRET
    assert variables["AWS_ACCESS_KEY_ID"] == "AKID $(id)'\""
    assert {variables[name] for name in OF_ANOTHER_ACCOUNT} == {""}
    assert variables["AWS_ENDPOINT_URL_RUM"] in said


def test_a_client_with_the_pasted_variables_reaches_the_endpoint(tmp_path: Path) -> None:
    token = {"LOADGEN_SESSION_TOKEN": "a token"}
    log = tmp_path / "access.log"
    with served("--log", str(log), **token) as (_, said):
        variables = paste(said, **token)
        script = "import boto3; print(boto3.client('rum').list_app_monitors()['AppMonitorSummaries'])"
        asked = subprocess.run([sys.executable, "-c", script], env=variables, capture_output=True, text=True)
    assert asked.stdout.strip() == "[]", asked.stderr
    (line,) = log.read_text().splitlines()
    assert line.split()[1:7] == ["POST", "/appmonitors", "200", "-", "-", "-"]


def refusal(*options: str) -> str:
    """What `loadgen serve` says on stderr when it ends with 2."""
    ended = subprocess.run(
        [sys.executable, "-m", "loadgen", "serve", "--port", "0", *options], capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 2, ended.stderr
    assert ended.stdout == ""
    return ended.stderr


def test_an_empty_secret_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("\n")
    assert "its first line is empty" in refusal("--secret-file", str(tmp_path / "secret"))


def garbled(path: Path) -> None:
    """A store with pages overwritten behind the head of the file."""
    Store(path).close()
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(data)


def truncated(path: Path) -> None:
    Store(path).close()
    path.write_bytes(path.read_bytes()[:9000])


def without_a_table(path: Path) -> None:
    Store(path).close()
    database = sqlite3.connect(path)
    database.execute("DROP TABLE monitors")
    database.close()


def with_a_garbled_monitor(path: Path) -> None:
    Store(path).close()
    database = sqlite3.connect(path)
    database.execute("INSERT INTO monitors VALUES (1, 'x', x'7b22')")
    database.commit()
    database.close()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "garbled": garbled,
    "truncated": truncated,
    "without a table": without_a_table,
    "with a garbled monitor": with_a_garbled_monitor,
    "text": lambda path: path.write_text("no database " * 1000),
    "one byte": lambda path: path.write_bytes(b"x"),
    "a folder": lambda path: path.mkdir(),
    "a pipe": os.mkfifo,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_store_that_cannot_be_used_is_one_line(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "rum.sqlite"
    DAMAGES[damage](path)
    said = refusal("--store", str(path))
    assert said.startswith(f"loadgen: store {path}: ")
    assert said.count("\n") == 1


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    path = tmp_path / "rum.sqlite"
    path.touch()
    with served("--store", str(path)) as (_, said):
        assert "RUM endpoint on" in said
        assert said.splitlines()[1].endswith("/_loadgen/")
    assert path.read_bytes().startswith(b"SQLite format 3")


def test_a_store_is_its_owner_s_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = Store(tmp_path / "rum.sqlite")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
        store.close()
    finally:
        os.umask(before)
    assert modes == {"rum.sqlite": 0o600, "rum.sqlite-wal": 0o600}
