"""Output files: one way to write them, for every verb.

Rule: a regular file appears whole or not at all, by a temporary file beside it; a symbolic link keeps pointing where it
points. What is no regular file (`-` for standard output, a pipe, a device, `/dev/stdout`, a process substitution) is
written through and never replaced.
"""

from __future__ import annotations

import codecs
import io
import json
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EACCES, ELOOP
from pathlib import Path
from typing import BinaryIO

import msgspec

from loadgen.errors import LoadgenError

STANDARD_OUTPUT = Path("-")

HANDLER = "loadgen-replace"

SPELLED = dict(
    zip(
        "–—−→←…“”’µ·±×█✓✗≤≥",
        ["-", "-", "-", "->", "<-", "...", '"', '"', "'", "u", ".", "+-", "x", "#", "+", "x", "<=", ">="],
        strict=True,
    )
)
"""How characters that we write ourselves look where the encoding lacks them."""


def prepare_streams() -> None:
    """Write what an output's encoding lacks in another way, in place of a UnicodeEncodeError."""
    codecs.register_error(HANDLER, spell)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=HANDLER)


def spell(error: UnicodeError) -> tuple[str, int]:
    """Another spelling of characters that cannot be encoded, and where to go on; a codec's error handler."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(SPELLED.get(each, "?") for each in error.object[error.start : error.end]), error.end


def format_json(value: object) -> bytes:
    """JSON for people and programs: indented, with a final line end; half a surrogate pair becomes a question mark."""
    try:
        encoded = msgspec.json.encode(value, enc_hook=format_path)
    except UnicodeEncodeError:  # a file name that is not UTF-8
        encoded = json.dumps(msgspec.to_builtins(value, enc_hook=format_path), ensure_ascii=False).encode(
            "utf-8", "replace"
        )
    return msgspec.json.format(encoded, indent=2) + b"\n"


def format_path(value: object) -> str:
    """A path as JSON has it; TypeError of anything else that JSON has no form for."""
    if not isinstance(value, Path):
        raise TypeError(f"no JSON for a {type(value).__name__}")
    return str(value)


def write_output(path: Path, data: bytes | str) -> None:
    """Write a whole output file; text as UTF-8."""
    with open_output(path) as file:
        file.write(data.encode() if isinstance(data, str) else data)


def check_output(path: Path) -> None:
    """Refuse a file that cannot be written, before the work that it would show; leave everything as it is."""
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
        raise refuse(path, error) from error


@contextmanager
def open_output(path: Path) -> Iterator[BinaryIO]:
    """Open an output file for bytes; a regular one takes its name when the block ends, and vanishes when it fails.

    LoadgenError: it cannot be opened or written. BrokenPipeError: the reader of a pipe went away.
    """
    try:
        descriptor, unfinished = open_descriptor(path)
    except OSError as error:
        raise refuse(path, error) from error
    try:
        with io.BufferedWriter(OutputFile(descriptor, path)) as file:
            yield file
        if unfinished is not None:
            unfinished.replace(os.path.realpath(path))
    except BaseException as error:
        if unfinished is not None:
            unfinished.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename == str(unfinished):
            raise refuse(path, error) from error
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
            raise refuse(self._path, error) from error


def open_descriptor(path: Path) -> tuple[int, Path | None]:
    """A descriptor to write to, and the temporary file that is to take the path's name, if it is one."""
    descriptor = find_descriptor(path)
    if descriptor is not None:
        sys.stdout.flush()
        return os.dup(descriptor), None
    if is_written_in_place(path):
        return os.open(path, os.O_WRONLY | os.O_TRUNC), None
    return create_beside(path)


def find_descriptor(path: Path) -> int | None:
    """The number of an open file that a path names, such as /dev/stdout, /dev/fd/63, or `-`; None of other paths."""
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
    """Whether bytes for a path go to standard output."""
    return path == STANDARD_OUTPUT or find_descriptor(path) == 1


def is_stream(path: Path) -> bool:
    """Whether bytes for a path go to standard output, a pipe or a device, so that no file of its name appears."""
    return path == STANDARD_OUTPUT or find_descriptor(path) is not None or (path.exists() and not path.is_file())


def is_written_in_place(path: Path) -> bool:
    """Whether a path exists and cannot or must not be replaced: a device, a pipe, a mount, a folder closed to us."""
    if not path.exists():
        return False
    real = Path(os.path.realpath(path))
    return not real.is_file() or real.is_mount() or not os.access(real.parent, os.W_OK)


def create_beside(path: Path) -> tuple[int, Path]:
    """Make a temporary file beside the file that a path leads to, with that file's mode if it exists."""
    real = Path(os.path.realpath(path))
    if real.is_symlink():  # it leads to itself, or through too many others
        raise OSError(ELOOP, os.strerror(ELOOP))
    unfinished = real.with_name(f".{real.name[:40]}.{secrets.token_hex(4)}.part")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    if real.exists():
        os.fchmod(descriptor, stat.S_IMODE(real.stat().st_mode))
    return descriptor, unfinished


def refuse(path: Path, error: OSError) -> LoadgenError:
    """What stands in the way of a file, and what to do."""
    if isinstance(error, IsADirectoryError):
        return LoadgenError(f"{path}: is a folder; name a file in it")
    reason = "no such folder" if isinstance(error, FileNotFoundError) else (error.strerror or str(error)).lower()
    return LoadgenError(f"{path}: cannot be written ({reason}); name a file that can")
