"""Signals while modules are imported, and messages whatever the names in them."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

import loadgen
from loadgen.errors import OUT_OF_MEMORY, LoadgenError, ScenarioError, describe_error, escape_line
from loadgen.results import RunFolder

SCRIPT = """
import signal, time
from loadgen.errors import MOST_LOOKS, interrupt_by_signal
signal.signal(signal.SIGTERM, interrupt_by_signal)
try:
    import stopped
    time.sleep(60)
except KeyboardInterrupt as error:
    print(type(error).__name__, end="")
"""

MODULES = {
    "a schema of pydantic's": """
import os, signal
from pydantic import BaseModel
class Kind:
    @classmethod
    def __get_pydantic_core_schema__(cls, *_):
        os.kill(os.getpid(), signal.SIGTERM)
        return {"type": "any"}
class Model(BaseModel):
    kind: Kind
print("imported, ", end="")
""",
    "one that never ends": """
import os, signal, time
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(60)
""",
}


@pytest.mark.parametrize(("module", "told"), [*zip(MODULES, ["imported, Interrupted", "Interrupted"], strict=True)])
def test_a_signal_while_a_module_is_imported_interrupts_once_that_is_over(
    module: str, told: str, tmp_path: Path
) -> None:
    """In the middle of an import pydantic made an error of its own of it: a traceback, and exit code 1."""
    (tmp_path / "stopped.py").write_text(MODULES[module])
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=tmp_path, capture_output=True, text=True, timeout=50)
    assert (done.returncode, done.stdout, done.stderr) == (0, told, "")


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\nb\x1b[31m", "a\\nb\\x1b[31m"), ("a\r\u2028b\x85", "a\\r\\u2028b\\x85"), ("a\tb – ü", "a\tb – ü")],
)
def test_a_name_from_outside_stays_on_its_line(text: str, shown: str) -> None:
    assert escape_line(text) == shown
    assert str(LoadgenError(f"{text}: no such file")) == f"{shown}: no such file"
    assert ScenarioError(text, text).args == (shown, shown)
    assert str(ScenarioError(text, "b")).splitlines() == [shown, "b"]


def test_a_name_with_a_null_byte_is_one_line_in_python_too(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"^a\\x00b: cannot be read: embedded null byte$"):
        loadgen.check("a\0b")
    with pytest.raises(LoadgenError, match=r"a\\x00b: cannot be made \(embedded null byte\)"):
        RunFolder.create(tmp_path / "a\0b", "x", datetime.now(UTC))


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError("Unable to allocate 2 GiB"), OUT_OF_MEMORY),
        (ImportError("libarrow.so.2600: failed to map segment from shared object"), OUT_OF_MEMORY),
        (OSError(12, "Cannot allocate memory"), OUT_OF_MEMORY),
        (ImportError("No module named 'x'"), "ImportError: No module named 'x'"),
        (LoadgenError("a file is not there"), "a file is not there"),
    ],
)
def test_an_error_is_told_in_words(error: Exception, told: str) -> None:
    assert describe_error(error) == told


@pytest.mark.parametrize("place", ["import loadgen.cli", "loadgen.cli.main()"])
def test_a_command_that_finds_no_memory_ends_with_one_line_and_exit_code_3(place: str, tmp_path: Path) -> None:
    raised = "raise ImportError('libopenblas.so: failed to map segment from shared object')"
    (tmp_path / "cli.py").write_text(raised if place.startswith("import") else f"def main(): {raised}")
    script = f"import loadgen; loadgen.__path__.insert(0, {str(tmp_path)!r}); from loadgen.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=50)
    assert (done.returncode, done.stdout, done.stderr) == (3, "", f"loadgen: {OUT_OF_MEMORY}\n")
