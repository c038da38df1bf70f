"""loadgen console: the page over a store."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

from loadgen.endpoint.store import Store
from tests.cli.test_commands import refusal


def test_it_prints_the_address_of_the_page(tmp_path: Path) -> None:
    path = tmp_path / "rum.sqlite"
    Store(path).close()
    process = subprocess.Popen(
        [sys.executable, "-m", "loadgen", "console", str(path), "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said = process.stdout.readline()
    with urlopen(said.split(" on ")[1].strip()) as answer:
        assert b"<!doctype html>" in answer.read()
    process.send_signal(signal.SIGINT)
    process.stdout.close()
    assert process.wait(20) == 0


def test_what_is_no_store_is_one_line(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("no database")
    assert "not an SQLite file" in refusal("console", other, "--port", 0)
    assert "none.sqlite: there is no such file; give " in refusal("console", tmp_path / "none.sqlite")
    assert not (tmp_path / "none.sqlite").exists()
