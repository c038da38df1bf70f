"""Say in words what could not be read: files without RUM events, by their heads, and events without use, by numbers."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from loadgen.jobs.fit.reading.formats import BYTE_ORDERS, EVENT_NAMES, GZIP, HEAD, SPACE, explain_object
from loadgen.jobs.fit.reading.metadata import decode_json
from loadgen.jobs.fit.reading.recorded import ReadCounts

MARKUP = re.compile(rb"<(?:!|\?xml|html|head|body)", re.IGNORECASE)
PACKED = (
    (b"\x28\xb5\x2f\xfd", "zstd"), (b"PAR1", "Parquet"), (b"PK\x03\x04", "a zip archive"), (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
)  # fmt: skip
"""The first bytes of packed files that are not read, each with the name of its kind."""

UTF_16 = re.compile(rb"[ -~\t\r\n]\0[ -~\t\r\n]\0|\0[ -~\t\r\n]\0[ -~\t\r\n]")
"""Two ASCII characters in UTF-16."""

MEMBER = re.compile(rb'"([A-Za-z_@.-]{1,30})"\s*:')
"""A member's name in JSON."""

LISTS = ("events", "logEvents", "Events", "results")
"""The members of the answers of `aws logs` and GetAppMonitorData that hold events."""


def count_things(number: int, one: str, several: str) -> str:
    """Write a number with its noun in the singular or the plural."""
    return f"{number:,} {one if number == 1 else several}"


def list_unread(counts: ReadCounts) -> Iterator[str]:
    """Yield what of the data could not be used, each as a phrase without a full stop."""
    for name in counts.damaged:
        yield f"{name} is damaged or cut off: only what stands before the damage was read"
    for number, one, several in (
        (counts.broken_lines, "line without RUM events", "lines without RUM events"),
        (counts.broken_events, "event without id, session or time, or with details or values that cannot be right",
         "events without id, session or time, or with details or values that cannot be right"),
        (counts.duplicates, "event that came twice; it counts once", "events that came twice; each counts once"),
        (counts.bad_times, "event with a time before 2010 or after 2100",
         "events with a time before 2010 or after 2100"),
    ):  # fmt: skip
        if number:
            yield count_things(number, one, several)


def add_unread(message: str, counts: ReadCounts) -> str:
    """Return an error message followed by what of the data could not be used, as it may be the reason."""
    unread = "; ".join(list_unread(counts))
    return f"{message} (read besides: {unread})" if unread else message


def describe_head(head: bytes) -> str:
    """Describe a file without RUM events by its head, for an error message."""
    for magic, name in PACKED:
        if head.startswith(magic):
            return f"{name}; unpack it first"
    if head.startswith(GZIP):
        try:
            inside = zlib.decompressobj(wbits=31).decompress(head, HEAD)
        except zlib.error:
            inside = b""
        return f"gzip of {describe_head(inside)}"
    return describe_text(head)


def describe_text(head: bytes) -> str:
    """Describe the head of a text file, for an error message."""
    if head.startswith(BYTE_ORDERS):
        head = head.decode("utf-16", "replace").encode()
    start = head.lstrip(SPACE)
    if not start:
        return "an empty file"
    if UTF_16.match(head):
        return "text in UTF-16 without a byte order mark; save it in UTF-8"
    if b"\0" in head[:1024]:
        return "binary data"
    if MARKUP.match(start):
        return "a web page or XML"
    lines = start.splitlines()
    found: Any = decode_json(msgspec.json.decode, lines[0])
    if isinstance(found, dict):
        return describe_object(found, lines[0], found)
    if isinstance(found, list):
        return "a list, not RUM events"
    if start[:1] in b"{[":
        whole, names = (
            decode_json(msgspec.json.decode, start),
            dict.fromkeys(name.decode() for name in MEMBER.findall(start)),
        )
        return describe_object(whole if isinstance(whole, dict) else {}, start, names)
    commas = [0 if b"{" in line else line.count(b",") for line in lines[:3]]
    return "CSV; export JSON instead" if found is None and min(commas) >= max(commas[0], 1) else "text"


def describe_object(found: dict[str, Any], text: bytes, names: Iterable[str]) -> str:
    """Describe a JSON object without RUM events by its text and the names of its members."""
    if found.get("status") in ("Scheduled", "Running") and "results" in found:
        return "a query of Logs Insights that still runs; ask for its results again"
    if any(found.get(name) == [] for name in LISTS):
        return "an answer without events; ask for a time with traffic"
    if EVENT_NAMES & found.keys() and (reason := explain_object(text)):
        return f"RUM events of another form: {reason}"
    members = [name for name in names if re.fullmatch("[A-Za-z_@.-]{1,30}", name)]
    if {"results", "field"} <= set(members):
        return "rows of Logs Insights without @message; query: fields @message"
    return f"JSON with the members {', '.join(members[:6])}" if members else "JSON without RUM events"
