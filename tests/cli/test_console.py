"""loadgen console: the page over a store."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

from loadgen.endpoint import Endpoint
from loadgen.endpoint.store import Store
from tests.cli.test_commands import refusal

INSTEAD = "name a file that `loadgen serve --store FILE` wrote; while one runs, its own console shows it"


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
    assert f"not an SQLite file; {INSTEAD}" in refusal("console", other, "--port", 0)
    assert "none.sqlite: there is no such file; give " in refusal("console", tmp_path / "none.sqlite")
    assert not (tmp_path / "none.sqlite").exists()


def test_a_store_in_use_and_a_port_in_use_are_told_with_what_console_takes(tmp_path: Path) -> None:
    path = tmp_path / "rum.sqlite"
    with Endpoint(store=path) as endpoint:
        used = refusal("console", path, "--port", 0)
        assert used == f"store {path}: in use by another endpoint; {INSTEAD}"
        taken = refusal("console", path, "--port", endpoint.url.rpartition(":")[2])
        assert taken.endswith("Address already in use; give another --port")
