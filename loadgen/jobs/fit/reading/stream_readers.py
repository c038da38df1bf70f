"""Read the events of a stream of text: JSON objects on lines, in a document, or one after another in any layout.

Rule: lines that are JSON objects are read one by one. In a document (one JSON value over many lines, or one very long
line) a search finds the texts that hold an event or, if there are none, the objects.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import IO

import msgspec

from loadgen.jobs.fit.reading.formats import EVENT_NAMES, SPACE, Feed, unquote
from loadgen.jobs.fit.reading.metadata import decode_json

LONGEST_LINE = 64_000_000
"""Longest line in bytes; a longer one is read as a document."""

CHUNK = 1 << 20
LONGEST_EVENT = 1 << 20
"""Longest text of one event in a document, in bytes."""

LONGEST_OBJECT = 8 << 20
"""Longest event or body in a document that holds them as objects, in bytes."""

QUOTED_EVENT = re.compile(rb'"(\{(?:[^"\\]|\\.)*\})\s*"')
"""A JSON string that holds a JSON object, as in the answers of `aws logs` and GetAppMonitorData."""

TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}"]', re.DOTALL)
"""A JSON string, a brace, or the quote that begins an incomplete string."""

EVENT_KEYS = tuple(f'"{name}"'.encode() for name in EVENT_NAMES)


def choose_readers(head: bytes) -> tuple[Callable[[IO[bytes], Feed, Callable[[], None]], None], ...]:
    """Return the readers of a file with this head; each is tried if the reader before it found no event.

    Lines of other forms are read a second time only if the head names a member of RUM events: they are slow to search.
    """
    if is_document(head):
        return read_document, read_objects
    if any(name.encode() in head for name in EVENT_NAMES):
        return read_lines, read_document, read_objects
    return (read_lines,) if b"\n" in head else (read_lines, read_objects)


def is_document(head: bytes) -> bool:
    """Whether a file with this head is one JSON value, rather than one JSON value on each line."""
    start = head.lstrip(SPACE)
    if not start.startswith((b"{", b"[")):
        return False
    *whole, rest = start.split(b"\n")
    if whole or start.startswith(b"["):
        return start.startswith(b"[") or not any(map(is_object, whole))
    return not any(key in rest for key in EVENT_KEYS)


def is_object(line: bytes) -> bool:
    """Whether a line is a JSON object."""
    return isinstance(decode_json(msgspec.json.decode, line), dict)


def read_lines(stream: IO[bytes], feed: Feed, tell: Callable[[], None]) -> None:
    """Add the events of each line: an event of CloudWatch Logs, perhaps after a time, or a PutRumEvents body."""
    counts = feed.recorder.counts
    while line := stream.readline(LONGEST_LINE):
        counts.lines += 1
        if not feed.add_line(cut_json(line)):
            counts.broken_lines += bool(line.strip())
        if not counts.lines & 0x3FF:
            tell()


def cut_json(line: bytes) -> bytes:
    """Return the JSON object in a line.

    A time or other columns may stand around the object; CSV doubles its quotes, and a JSON string escapes them.
    """
    text = line[max(line.find(b"{"), 0) : line.rfind(b"}") + 1]
    if text.startswith(b'{\\"'):
        return unquote(b'"%s"' % text)
    return text.replace(b'""', b'"') if text.startswith(b'{""') else text


def read_document(stream: IO[bytes], feed: Feed, tell: Callable[[], None]) -> None:
    """Add the event in each JSON string of a document that holds one."""
    counts, rest = feed.recorder.counts, b""
    while chunk := stream.read(CHUNK):
        data, end = rest + chunk, 0
        for match in QUOTED_EVENT.finditer(data):
            end = match.end()
            counts.lines += 1
            counts.broken_lines += not feed.add_line(unquote(match[0]))
        rest = data[max(end, len(data) - LONGEST_EVENT) :]
        tell()


def read_objects(stream: IO[bytes], feed: Feed, tell: Callable[[], None]) -> None:
    """Add each JSON object of a document in any layout: in a list, one after another, over several lines."""
    counts, rest = feed.recorder.counts, b""
    while len(rest) <= LONGEST_OBJECT and (chunk := stream.read(CHUNK)):
        data, begin, end, depth = rest + chunk, 0, 0, 0
        for match in TOKEN.finditer(data):
            token = match[0]
            if token == b'"':
                break
            if token == b"{":
                begin = begin if depth else match.start()
                depth += 1
            elif token == b"}" and depth:
                depth -= 1
                if not depth:
                    end = match.end()
                    counts.lines += 1
                    counts.broken_lines += not feed.add_line(data[begin:end])
        rest = data[end:]
        tell()
