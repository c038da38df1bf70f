"""Each form of recorded data is told by looking, and what is wrong in it is counted."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest

import loadgen
from loadgen.errors import LoadgenError
from loadgen.jobs.fit.reading.recorded import Recorded, Recorder
from loadgen.jobs.fit.reading.sources import read_file, read_sources
from loadgen.verb_options import FitOptions
from tests.jobs.fit.forms import FORMS, log_events

START = "2026-01-01"


@pytest.fixture(scope="module")
def bodies() -> list[bytes]:
    return list(loadgen.generate("storefront", sessions=40, seed=3, start=START))


@pytest.fixture(scope="module")
def expected(bodies: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    path = tmp_path_factory.mktemp("bodies") / "bodies.ndjson"
    path.write_bytes(b"\n".join(bodies))
    return read(path)


def read(*paths: Path) -> Recorded:
    recorder = Recorder()
    for path in paths:
        read_file(path, recorder, lambda read, events: None)
    return recorder.finish()


def describe(recorded: Recorded) -> list[tuple[str, int]]:
    """Each type with the number of its events."""
    return sorted((name, len(recorded.find_rows(name))) for name in recorded.types)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_events(form: str, bodies: list[bytes], expected: Recorded, tmp_path: Path) -> None:
    FORMS[form](tmp_path / "file", log_events(bodies))
    found = read(tmp_path / "file")
    assert describe(found) == describe(expected)
    assert len(found.sessions.user) == len(expected.sessions.user)
    assert np.nansum(found.events.value) == pytest.approx(np.nansum(expected.events.value))
    assert found.counts.broken_events == found.counts.duplicates == 0
    assert found.versions == expected.versions == {"1.0.0": len(found.sessions.user)}
    by_view = [sorted(zip(r.events.at, r.events.number, strict=True)) for r in (found, expected)]
    assert by_view[0] == by_view[1]


def test_forms_mix_and_events_that_come_twice_count_once(
    bodies: list[bytes], expected: Recorded, tmp_path: Path
) -> None:
    FORMS["lines"](tmp_path / "a", log_events(bodies[:100]))
    with gzip.open(tmp_path / "b.gz", "wb") as file:
        file.write(b"\n".join(bodies[50:]))
    found = read(tmp_path / "a", tmp_path / "b.gz")
    assert describe(found) == describe(expected)
    assert found.counts.duplicates == sum(len(json.loads(body)["RumEvents"]) for body in bodies[50:100])


@pytest.mark.parametrize("form", ["s3 export", "GetAppMonitorData"])
def test_a_pipe_is_read_as_a_file_is(form: str, bodies: list[bytes], expected: Recorded, tmp_path: Path) -> None:
    """As a shell gives it: loadgen fit <(zcat rum/*.gz)."""
    FORMS[form](tmp_path / "file", log_events(bodies))
    assert describe(read_through_pipe(tmp_path / "pipe", (tmp_path / "file").read_bytes())) == describe(expected)


def test_a_store_from_a_pipe_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LoadgenError, match="an SQLite file from a pipe; name the file of the store"):
        read_through_pipe(tmp_path / "pipe", b"SQLite format 3\0" + bytes(100))


def read_through_pipe(path: Path, data: bytes) -> Recorded:
    os.mkfifo(path)
    writer = Thread(target=path.write_bytes, args=(data,))
    writer.start()
    try:
        return read(path)
    finally:
        writer.join()


def test_the_store_of_an_endpoint_is_a_source(expected: Recorded, tmp_path: Path) -> None:
    store = tmp_path / "store"
    with loadgen.Endpoint(quota=None, store=store) as endpoint:
        endpoint.client().create_app_monitor(Name="shop", Domain="shop.example.com")
        run = loadgen.run("quickstart", target=endpoint.url, monitor="shop", duration=40, pace="20x", seed=1)
    found = read(store)
    assert found.counts.events == run.summary.outcomes.accepted.events > 0


def test_what_is_broken_is_counted(bodies: list[bytes], expected: Recorded, tmp_path: Path) -> None:
    events = log_events(bodies)
    strange = dict(events[0], event_id="1", event_type="com.amazon.rum.new_event")
    late = dict(events[0], event_id="2", event_timestamp=-5)
    nobody = dict(events[0], event_id="3", user_details={})
    wrong = dict(events[0], event_id="4", event_type="com.amazon.rum.js_error_event", event_details=[])
    FORMS["lines"](tmp_path / "file", [*events, strange, late, nobody, wrong])
    with (tmp_path / "file").open("a") as file:
        file.write('{"event_type": \nnot json\n\n{"level": "info"}\n')
    counts = read(tmp_path / "file").counts
    assert counts.events == expected.counts.events + 1
    assert counts.unknown_types == {"com.amazon.rum.new_event": 1}
    assert (counts.bad_times, counts.broken_events, counts.broken_lines) == (1, 2, 3)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "an empty file"),
        (b"hello\nworld\n", "text"),
        (b'{"level": "info", "msg": "x"}\n', "JSON with the members level, msg"),
        ('{"a": "x"}\n'.encode("utf-16"), "JSON with the members a"),
        (b"PK\x03\x04...", "a zip archive; unpack it first"),
        (b"\x00\x01\x02" * 50, "binary data"),
        (gzip.compress(b"hello", mtime=0), "gzip of text"),
        (gzip.compress(b"", mtime=0), "gzip of an empty file"),
        ("{}".encode("utf-16-le"), "text in UTF-16 without a byte order mark; save it in UTF-8"),
        (b"<!DOCTYPE html><html>", "a web page or XML"),
        (b"\xef\xbb\xbf@timestamp,@message\n2026,x\n", "CSV; export JSON instead"),
        (b"START RequestId: 1 Version: 2\nREPORT RequestId: 1, Duration: 3 ms\n", "text"),
        (b'{"events": [{"message": "START RequestId: 1"}]}', "JSON with the members events"),
        (b'{"x": "' + b"y" * 200_000 + b'"}', "JSON with the members x"),
        (b'{\n  "events": [\n    {"message": "START"}\n  ]\n}\n', "JSON with the members events, message"),
        (b"[1,\n2]\n", "JSON without RUM events"),
        (b'{"event_type": "x", "event_id": "1"}\n' * 3, "none of its 3 RUM events has id, session, time and metadata"),
        (
            b'{"event_type": "x", "event_id": "1", "sessionId": "1", "event_timestamp": 1.7e15}\n',
            "its 1 RUM events have times before 2010 or after 2100; give times in milliseconds",
        ),
        (
            b'{"event_type": "x", "event_id": "1", "event_timestamp": "2026-01-01"}\n',
            "RUM events of another form: Expected `float | null`, got `str` - at `$.event_timestamp`",
        ),
        (gzip.compress(gzip.compress(b"", mtime=0), mtime=0), "gzip of gzip of an empty file"),
        (b"BZh91AY&SY", "bzip2; unpack it first"),
        (b'{\n    "events": [],\n    "searchedLogStreams": []\n}\n', "an answer without events; ask for a time with"),
        (b'{"Events": []}', "an answer without events; ask for a time with traffic"),
        (
            b'{"results": [], "status": "Running"}',
            "a query of Logs Insights that still runs; ask for its results again",
        ),
        (
            b'{\n "results": [[{"field": "event_id", "value": "1"}]],\n "status": "Complete"\n}\n',
            "rows of Logs Insights without @message; query: fields @message",
        ),
        (b"SQLite format 3\0" + b"x" * 100, "no store of a loadgen endpoint"),
    ],
)
def test_a_file_without_rum_events_is_described(data: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(LoadgenError) as raised:
        read(tmp_path / "file")
    assert told in str(raised.value)
    assert str(tmp_path / "file") in str(raised.value)


def test_a_session_has_as_many_bytes_in_logs_as_in_bodies(
    bodies: list[bytes], expected: Recorded, tmp_path: Path
) -> None:
    """Logs have the session's metadata in each event: what is compared is the same in every form."""
    FORMS["lines"](tmp_path / "file", log_events(bodies))
    assert read(tmp_path / "file").events.size.sum() == expected.events.size.sum()


@pytest.mark.parametrize("form", ["bodies", "logs"])
def test_app_monitors_that_are_mixed_are_counted(form: str, bodies: list[bytes], tmp_path: Path) -> None:
    other = [
        body.replace(b'"AppMonitorDetails":{"id":"0000', b'"AppMonitorDetails":{"id":"1111') for body in bodies[:5]
    ]
    if form == "logs":
        FORMS["lines"](tmp_path / "file", log_events([*bodies[5:], *other]))
    else:
        (tmp_path / "file").write_bytes(b"\n".join([*bodies[5:], *other]))
    assert len(read(tmp_path / "file").counts.monitors) == 2


def test_a_first_line_that_is_cut_hides_none_of_the_others(
    bodies: list[bytes], expected: Recorded, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(bodies[0][:300] + b"\n" + b"\n".join(bodies))
    found = read(tmp_path / "file")
    assert describe(found) == describe(expected)
    assert found.counts.broken_lines == 1


@pytest.mark.parametrize(("form", "order"), [("lines", "utf-16-le"), ("filter-log-events", "utf-16-be")])
def test_utf_16_with_a_byte_order_mark_is_read(
    form: str, order: str, bodies: list[bytes], expected: Recorded, tmp_path: Path
) -> None:
    """What PowerShell 5 writes behind `>`; plain, and packed."""
    FORMS[form](tmp_path / "utf-8", log_events(bodies))
    data = ("\ufeff" + (tmp_path / "utf-8").read_text("utf-8").replace("\n", "\r\n")).encode(order)
    (tmp_path / "file").write_bytes(data if form == "lines" else gzip.compress(data, 1))
    assert describe(read(tmp_path / "file")) == describe(expected)


def test_bodies_in_a_list_count_no_broken_lines(bodies: list[bytes], expected: Recorded, tmp_path: Path) -> None:
    """Their metadata are texts that hold JSON, as the events of other documents are."""
    (tmp_path / "file").write_bytes(b"[" + b",\n".join(bodies) + b"]")
    found = read(tmp_path / "file")
    assert describe(found) == describe(expected)
    assert (found.counts.broken_lines, found.counts.lines) == (0, len(bodies))


def test_another_sqlite_file_is_no_store(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE notes (text)")
    with pytest.raises(LoadgenError, match="an SQLite file that is no store of a loadgen endpoint"):
        read(path)


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(LoadgenError, match="no such file"):
        read(tmp_path / "none")
    with pytest.raises(LoadgenError, match="is a folder"):
        read(tmp_path)


def test_a_gzip_that_ends_early_gives_what_came_before(bodies: list[bytes], tmp_path: Path) -> None:
    whole = gzip.compress(b"\n".join(bodies))
    (tmp_path / "file").write_bytes(whole[: len(whole) // 2])
    found = read(tmp_path / "file")
    assert found.counts.events > 0
    assert (found.counts.damaged, found.counts.broken_lines) == (["file"], 0)


def test_a_store_without_events_is_told_from_binary_data(tmp_path: Path) -> None:
    store = tmp_path / "store"
    with loadgen.Endpoint(store=store):
        pass
    with pytest.raises(LoadgenError, match="the store of an endpoint that was sent no events; send it some"):
        read(store)


@pytest.mark.parametrize("option", ["after", "target", "region", "proxy"])
def test_an_option_of_the_live_reading_is_refused_for_files(option: str, tmp_path: Path) -> None:
    said = rf"^{option} \(--{option}\) does nothing without monitor \(--monitor\); give that too"
    with pytest.raises(LoadgenError, match=said):
        given: dict[str, Any] = {option: "2026-11-27"}
        loadgen.fit(tmp_path / "file", **given)


def test_a_time_that_ends_before_it_begins_is_refused_before_anything_is_asked() -> None:
    asked = FitOptions(monitor="shop", target="http://127.0.0.1:9", after="2026-11-27", before="2026-11-26")
    with pytest.raises(LoadgenError, match=r"--after 2026-11-27.* is not before --before 2026-11-26"):
        read_sources([], asked, print)
