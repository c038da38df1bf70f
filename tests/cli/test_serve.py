"""loadgen serve: a key that stands on no command line, and stores that cannot be opened."""

from __future__ import annotations

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
        yield process, "".join(process.stdout.readline() for _ in range(4))
    finally:
        process.send_signal(signal.SIGTERM)
        process.stdout.close()
        assert process.wait(20) == 0


@pytest.mark.parametrize("way", ["file", "stdin", "environment"])
def test_a_secret_need_not_stand_on_the_command_line(tmp_path: Path, way: str) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\nanother line\n")
    options: dict[str, tuple[str, ...]] = {
        "file": ("--secret-file", str(tmp_path / "secret")),
        "stdin": ("--secret-file", "-"),
        "environment": (),
    }
    given = {"LOADGEN_SECRET_ACCESS_KEY": SECRET} if way == "environment" else {}
    with served("--access-key-id", "AKIDEXAMPLE", *options[way], stdin=f"{SECRET}\n", **given) as (process, said):
        assert "AWS_ACCESS_KEY_ID=AKIDEXAMPLE AWS_SECRET_ACCESS_KEY=(as given)" in said
        if Path("/proc").exists():
            assert SECRET.encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes()


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
