"""Reading → one HTML file, of a run or of several; it opens offline and loads nothing. Writing it is the only I/O."""

from __future__ import annotations

import os
from pathlib import Path

from loadgen.errors import LoadgenError
from loadgen.report.html.overlay import comparison_page
from loadgen.report.html.report import report
from loadgen.results import RunData

REPORT = "report.html"

__all__ = ["REPORT", "comparison_page", "report", "room_for_page", "write_page", "write_report"]


def write_report(reading: RunData, file: Path | None = None) -> Path:
    """Write a run's page, into its folder unless told otherwise."""
    return write_page(report(reading), file or reading.folder.path / REPORT)


def room_for_page(file: Path | None) -> None:
    """Refuse a page that cannot be written, before the work that it would show."""
    if file is None:
        return
    if file.is_dir():
        raise LoadgenError(f"{file}: is a folder; name a file in it, such as {file / REPORT}")
    if not os.access(file.parent, os.W_OK):
        reason = "no permission" if file.parent.is_dir() else "no such folder"
        raise LoadgenError(f"{file}: cannot be written ({reason}); name a file in a folder that exists")


def write_page(text: str, file: Path) -> Path:
    """Write a page whole or not at all."""
    unfinished = file.with_name(f".{file.name}.part")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(file)
    except OSError as error:
        raise LoadgenError(
            f"{file}: cannot be written ({error.strerror}); name a file in a folder that exists"
        ) from error
    return file
