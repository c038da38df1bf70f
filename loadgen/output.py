"""Output files: one way to write them, for every verb.

Rule: a regular file appears whole or not at all: its data goes to a temporary file beside it, which then takes its
name. A symbolic link stays, and the file that it points to is replaced. A path that is no regular file (`-` for
standard output, a pipe, a device, `/dev/stdout`, a process substitution) is written to and never replaced.
"""

from __future__ import annotations

import codecs
import io
import json
import os
import secrets
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from errno import EACCES, ELOOP
from pathlib import Path
from typing import BinaryIO

import msgspec

from loadgen.errors import LoadgenError

STANDARD_OUTPUT = Path("-")

HANDLER = "loadgen-replace"  # the name under which codecs knows `spell`

SPELLED = dict(
    zip(
        "–—−→←…“”’µ·±×█✓✗≤≥",
        ["-", "-", "-", "->", "<-", "...", '"', '"', "'", "u", ".", "+-", "x", "#", "+", "x", "<=", ">="],
        strict=True,
    )
)
"""What stands for a character of our own texts where the output's encoding lacks it."""


def prepare_streams() -> None:
    """Make standard output and standard error spell characters that their encoding lacks, and raise no error."""
    codecs.register_error(HANDLER, spell)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=HANDLER)


def spell(error: UnicodeError) -> tuple[str, int]:
    """Return a spelling of characters that cannot be encoded, and where to go on: an error handler for codecs."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(SPELLED.get(each, "?") for each in error.object[error.start : error.end]), error.end


def format_json(value: object) -> bytes:
    """Write a value as indented JSON with a final line end; half a surrogate pair becomes a question mark."""
    try:
        encoded = msgspec.json.encode(value, enc_hook=format_path)
    except UnicodeEncodeError:  # a file name that is not UTF-8
        encoded = json.dumps(msgspec.to_builtins(value, enc_hook=format_path), ensure_ascii=False).encode(
            "utf-8", "replace"
        )
    return msgspec.json.format(encoded, indent=2) + b"\n"


def format_path(value: object) -> str:
    """Write a path as text, for JSON; raise TypeError for a value of another type."""
    if not isinstance(value, Path):
        raise TypeError(f"no JSON for a {type(value).__name__}")
    return str(value)


def write_output(path: Path, data: bytes | str) -> None:
    """Write a whole output file, text as UTF-8 (half a surrogate pair as `?`); LoadgenError if that fails."""
    with open_output(path) as file:
        file.write(data.encode(errors="replace") if isinstance(data, str) else data)


def check_output(path: Path) -> None:
    """Raise LoadgenError if an output file cannot be written; change no file. For use before long work."""
    try:
        if path == STANDARD_OUTPUT or find_descriptor(path) is not None:
            return
        if path.is_dir():
            raise IsADirectoryError
        if not is_written_in_place(path):
            descriptor, unfinished = create_beside(path)
            os.close(descriptor)
            unfinished.unlink()
        elif not os.access(path, os.W_OK):
            raise PermissionError(EACCES, os.strerror(EACCES))
    except OSError as error:
        raise explain_failure(path, error) from error


def refuse_overwriting(outputs: Iterable[Path | None], sources: Iterable[Path]) -> None:
    """Raise LoadgenError if an output file is one of the files that are read, or another output; None is no output."""
    taken = {os.path.realpath(source): "is read by this command, and would be lost" for source in sources}
    for path in outputs:
        if path is None or "\0" in str(path) or is_stream(path):  # no file has such a name: who opens it says so
            continue
        real = os.path.realpath(path)
        if why := taken.get(real):
            raise LoadgenError(f"{path}: {why}; name another file for the output")
        taken[real] = "is named for another output too"


@contextmanager
def open_output(path: Path) -> Iterator[BinaryIO]:
    """Open an output file for bytes; a regular file appears under its name when the block ends without an error.

    LoadgenError: the file cannot be opened or written. BrokenPipeError: the reader of a pipe went away.
    """
    try:
        descriptor, unfinished = open_descriptor(path)
    except OSError as error:
        raise explain_failure(path, error) from error
    try:
        with io.BufferedWriter(OutputFile(descriptor, path)) as file:
            yield file
        if unfinished is not None:
            unfinished.replace(os.path.realpath(path))
    except BaseException as error:
        if unfinished is not None:
            unfinished.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename == str(unfinished):
            raise explain_failure(path, error) from error
        raise


class OutputFile(io.FileIO):
    """An open output file whose errors name the path that was asked for."""

    def __init__(self, descriptor: int, path: Path) -> None:
        super().__init__(descriptor, "wb")
        self._path = path

    def write(self, data: object, /) -> int:
        """Write bytes; LoadgenError when they cannot be written."""
        try:
            return super().write(data)  # type: ignore[arg-type]  # whatever FileIO takes
        except BrokenPipeError:
            raise
        except OSError as error:
            raise explain_failure(self._path, error) from error


def open_descriptor(path: Path) -> tuple[int, Path | None]:
    """Open a path to write to: a descriptor, and the temporary file that will take the path's name, or None."""
    descriptor = find_descriptor(path)
    if descriptor is not None:
        sys.stdout.flush()
        return os.dup(descriptor), None
    if is_written_in_place(path):
        return os.open(path, os.O_WRONLY | os.O_TRUNC), None
    return create_beside(path)


def find_descriptor(path: Path) -> int | None:
    """Find the number of the open file that a path, such as /dev/stdout, /dev/fd/63 or `-`, names; else None."""
    if path == STANDARD_OUTPUT:
        return sys.stdout.fileno()
    for _ in range(40):  # links to follow at most, as Linux has it (path_resolution(7))
        folder = os.path.realpath(path.parent)
        if folder in (f"/proc/{os.getpid()}/fd", "/dev/fd") and path.name.isdigit():
            return int(path.name)
        if not path.is_symlink():
            return None
        path = Path(folder, path.readlink())
    return None


def is_standard_output(path: Path) -> bool:
    """Whether bytes written to a path go to standard output."""
    return path == STANDARD_OUTPUT or find_descriptor(path) == 1


def is_stream(path: Path) -> bool:
    """Whether bytes written to a path go to standard output, a pipe or a device, and make no file of its name."""
    return path == STANDARD_OUTPUT or find_descriptor(path) is not None or (path.exists() and not path.is_file())


def is_written_in_place(path: Path) -> bool:
    """Whether a path exists and cannot or must not be replaced: a device, a pipe, a mount, in an unwritable folder."""
    if not path.exists():
        return False
    real = Path(os.path.realpath(path))
    return not real.is_file() or real.is_mount() or not os.access(real.parent, os.W_OK)


def create_beside(path: Path) -> tuple[int, Path]:
    """Make a temporary file beside the file that a path leads to, with that file's mode if the file exists."""
    real = Path(os.path.realpath(path))
    if real.is_symlink():  # the links form a circle, or are too many
        raise OSError(ELOOP, os.strerror(ELOOP))
    unfinished = real.with_name(f".{real.name[:40]}.{secrets.token_hex(4)}.part")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    if real.exists():
        os.fchmod(descriptor, stat.S_IMODE(real.stat().st_mode))
    return descriptor, unfinished


def explain_failure(path: Path, error: OSError) -> LoadgenError:
    """Make the error that says why a path cannot be written, and what to name instead."""
    if isinstance(error, IsADirectoryError):
        return LoadgenError(f"{path}: is a folder; name a file in it")
    reason = "no such folder" if isinstance(error, FileNotFoundError) else (error.strerror or str(error)).lower()
    return LoadgenError(f"{path}: cannot be written ({reason}); name a file that can")
