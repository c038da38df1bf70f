"""Output files appear whole or not at all; what is no regular file is written through."""

from __future__ import annotations

import os
import subprocess
import sys
from errno import EACCES, ENOSPC, EROFS
from pathlib import Path

import pytest

from loadgen.errors import LoadgenError
from loadgen.output import check_output, format_json, open_output, spell, write_output

WRITE = "import sys; from pathlib import Path; from loadgen.output import write_output; "
FULL = Path("/dev/full")  # every write fails with ENOSPC


def run_python(statement: str, command: str) -> bytes:
    """What a shell command prints in which $PY stands for a Python that runs the statement."""
    environment = os.environ | {"PY": sys.executable, "CODE": WRITE + statement}
    return subprocess.run(["bash", "-c", command], env=environment, check=True, capture_output=True).stdout


def test_a_file_is_written_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "out.txt"
    write_output(file, "ä")
    assert file.read_bytes() == b"\xc3\xa4"
    assert list(tmp_path.iterdir()) == [file]


def test_a_failure_keeps_the_old_file_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    file = tmp_path / "out.txt"
    file.write_text("old")
    with pytest.raises(RuntimeError), open_output(file) as out:
        out.write(b"half")
        raise RuntimeError
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_new_file_has_the_usual_mode_and_an_old_one_keeps_its_own(tmp_path: Path) -> None:
    usual, private = tmp_path / "usual", tmp_path / "private"
    private.touch(0o600)
    (tmp_path / "other").touch()
    for file in (usual, private):
        write_output(file, b"x")
    assert usual.stat().st_mode == (tmp_path / "other").stat().st_mode
    assert private.stat().st_mode & 0o777 == 0o600


def test_a_symbolic_link_keeps_pointing_where_it_points(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there/file", tmp_path / "link"
    link.symlink_to("there/file")
    for text in ("into nothing", "over a file"):
        write_output(link, text)
        assert link.is_symlink()
        assert target.read_text() == text
    assert list(target.parent.iterdir()) == [target]


def test_a_pipe_is_written_through(tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "pipe")
    assert (
        run_python("write_output(Path(sys.argv[1]), 'x' * 9)", f'cat {pipe} & $PY -c "$CODE" {pipe}; wait') == b"x" * 9
    )
    assert pipe.is_fifo()


@pytest.mark.parametrize("name", ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_standard_output_is_written_through_in_the_order_of_writing(tmp_path: Path, name: str) -> None:
    statement = f"print('before'); write_output(Path({name!r}), 'through\\n'); print('after')"
    wanted = b"before\nthrough\nafter\n"
    assert run_python(statement, '$PY -c "$CODE" | cat') == wanted
    run_python(statement, f'$PY -c "$CODE" > {tmp_path}/file')
    assert (tmp_path / "file").read_bytes() == wanted


def test_a_process_substitution_is_written_through() -> None:
    assert run_python("write_output(Path(sys.argv[1]), 'x')", '$PY -c "$CODE" >(cat) | cat') == b"x"


def test_a_device_stays_a_device() -> None:
    write_output(Path(os.devnull), b"x")
    assert Path(os.devnull).is_char_device()


def test_a_full_disk_is_told_in_one_line(tmp_path: Path) -> None:
    (link := tmp_path / "full").symlink_to(FULL)
    for path in (FULL, link):
        with pytest.raises(LoadgenError, match=rf"^{path}: cannot be written \(no space left on device\)"):
            write_output(path, b"x")


def test_a_reader_that_goes_away_is_no_error_of_the_file(tmp_path: Path) -> None:
    statement = "write_output(Path('-'), b'x' * 10**7)"
    said = run_python(statement, '{ $PY -c "$CODE" 2>&1 >&3 | tail -1; } 3> >(head -c 1 > /dev/null)')
    assert said.startswith(b"BrokenPipeError")


def test_a_file_in_a_closed_folder_is_written_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (file := tmp_path / "file").write_text("longer than before")
    before, allowed = file.stat().st_ino, os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path and allowed(path, mode))
    check_output(file)
    write_output(file, "short")
    assert file.read_text() == "short"
    assert file.stat().st_ino == before


def test_what_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    cases = {
        tmp_path: "is a folder; name a file in it",
        tmp_path / "no" / "x": r"cannot be written \(no such folder\); name a file that can",
        tmp_path / ("x" * 300): r"cannot be written \(file name too long\)",
    }
    for path, said in cases.items():
        for attempt in (check_output, lambda path: write_output(path, b"")):
            with pytest.raises(LoadgenError, match=f"^{path}: {said}"):
                attempt(path)


@pytest.mark.parametrize("code", [EROFS, EACCES, ENOSPC])
def test_the_reason_is_called_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def refuse(path: Path, *_: int) -> int:
        raise OSError(code, os.strerror(code), str(path))

    monkeypatch.setattr(os, "open", refuse)
    for attempt in (check_output, lambda path: write_output(path, b"")):
        with pytest.raises(LoadgenError, match=rf"cannot be written \({os.strerror(code).lower()}\)"):
            attempt(tmp_path / "x")


def test_a_check_leaves_everything_as_it_is(tmp_path: Path) -> None:
    (old := tmp_path / "old").write_text("old")
    for path in (old, tmp_path / "new", Path("-"), Path("/dev/stdout"), FULL):
        check_output(path)
    assert list(tmp_path.iterdir()) == [old]
    assert old.read_text() == "old"


def test_a_page_may_name_a_file_whose_name_is_no_text(tmp_path: Path) -> None:
    write_output(tmp_path / "page.html", f"<p>{os.fsdecode(b'no' + bytes([255]))}</p>")
    assert (tmp_path / "page.html").read_bytes() == b"<p>no?</p>"


def test_json_ends_with_a_line_end() -> None:
    assert format_json({"a": [1]}) == b'{\n  "a": [\n    1\n  ]\n}\n'
    assert format_json([Path("a/b")]) == b'[\n  "a/b"\n]\n'
    assert format_json([Path(os.fsdecode(b"\xff"))]) == b'[\n  "?"\n]\n'
    with pytest.raises(TypeError, match="no JSON for a type"):
        format_json(Path)


def test_what_an_encoding_lacks_is_spelled() -> None:
    error = UnicodeEncodeError("ascii", "5 µ→€ s", 2, 5, "not ASCII")
    assert spell(error) == ("u->?", 5)
