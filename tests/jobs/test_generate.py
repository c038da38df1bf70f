"""Bodies depend on what was asked alone; their file is written as any other output."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from loadgen.errors import LoadgenError
from loadgen.jobs import ground_truth
from loadgen.jobs.generate import generate, prepare_bodies, write_bodies
from loadgen.jobs.progress import Told, ignore_progress
from loadgen.rum.quotas import RETENTION_SECONDS
from loadgen.scenario import Arrivals, Day
from tests.jobs.plan.shop import SHOP
from tests.paths import QUICKSTART
from tests.traffic.look import SMALL

INCIDENT = '\n[[incidents]]\nkind = "error"\nname = "release"\nat = 0\nlength = 20\nmessage = "it broke"\n'
EARLIEST = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
FEW: dict[str, Any] = {"sessions": 20, "seed": 4}


def run_generate(*arguments: str, **given: object) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "loadgen", "generate", str(QUICKSTART), "--sessions", "20", "--seed", "4"]
    return subprocess.run([*command, *arguments], capture_output=True, timeout=60, check=False, **given)  # type: ignore[call-overload,no-any-return]  # further arguments


def test_an_iterator_gives_the_lines_of_the_file(tmp_path: Path) -> None:
    written = write_bodies(SHOP, tmp_path / "bodies.ndjson", **FEW)
    lines = (tmp_path / "bodies.ndjson").read_bytes().splitlines()
    assert list(generate(SHOP, **FEW)) == lines
    assert (written.batches, written.sessions, written.seed, written.ground_truth) == (len(lines), 20, 4, None)


def test_the_dialects_carry_the_same_events() -> None:
    web, sdk = (list(map(json.loads, generate(SHOP, **FEW, dialect=dialect))) for dialect in ("web", "sdk"))
    ids = [[event["id"] for body in bodies for event in body["RumEvents"]] for bodies in (web, sdk)]
    assert ids[0] == ids[1]
    assert all("SessionMetadata" in body for body in web)
    assert not any("SessionMetadata" in body for body in sdk)


def test_a_compressed_file_holds_the_same_lines_and_repeats_byte_for_byte(tmp_path: Path) -> None:
    plain, *packed = (tmp_path / name for name in ("plain", "one.gz", "two.gz"))
    write_bodies(SHOP, plain, **FEW)
    for path in packed:
        write_bodies(SHOP, path, gzip=True, **FEW)
    assert gzip.decompress(packed[0].read_bytes()) == plain.read_bytes()
    assert packed[0].read_bytes() == packed[1].read_bytes()


@pytest.mark.parametrize("start", ["2026-01-01", "2020-02-29T12:00:00+02:00"])
def test_dates_that_rum_no_longer_keeps_are_told_with_their_cure(start: str) -> None:
    said: list[Told] = []
    next(generate(SHOP, **FEW, start=start, on_progress=said.append))
    (note,) = [each for each in said if isinstance(each, str)]
    assert "RUM keeps events for 30 days" in note
    assert "--start now" in note
    assert start[:10] in note


def test_a_start_of_now_is_silent_and_dates_the_events_now() -> None:
    said: list[Told] = []
    before = datetime.now(UTC).timestamp()
    body = json.loads(next(generate(SHOP, **FEW, start="now", on_progress=said.append)))
    assert not [each for each in said if isinstance(each, str)]
    assert all(before - 1 <= event["timestamp"] <= before + RETENTION_SECONDS for event in body["RumEvents"])


@pytest.mark.parametrize(
    ("start", "zero", "rhythm"),
    [
        (None, "2026-01-07T07:30:00+00:00", "wed 07:30"),
        ("2026-11-22T23:10:00+02:00", "2026-11-22T21:10:00+00:00", "sun 21:10"),
        ("2026-11-23", "2026-11-23T00:00:00+00:00", "mon 00:00"),
    ],
)
def test_a_rhythm_of_the_week_stands_where_the_calendar_has_it(start: str | None, zero: str, rhythm: str) -> None:
    scenario = SHOP.model_copy(update={"arrivals": Arrivals(rate=1.0, day=Day(starts="wed 07:30"))})
    request = prepare_bodies(scenario, ignore_progress, {"sessions": 2, "start": start})
    assert datetime.fromtimestamp(request.epoch, UTC).isoformat() == zero
    assert request.scenario.arrivals.day is not None
    assert request.scenario.arrivals.day.starts == rhythm


@pytest.mark.parametrize("starts", ["thu 00:00", "wed 23:59", "fri 12:00"])
def test_the_dates_that_no_start_is_given_for_are_of_the_first_week(starts: str) -> None:
    found = datetime.fromtimestamp(Day(starts=starts).find_start(EARLIEST), UTC)
    assert f"{found:%a %H:%M}".lower() == starts
    assert 0 <= found.timestamp() - EARLIEST < 7 * 86_400


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sessions": 0}, "sessions (--sessions): 0 is out of range; write a number of at least 1"),
        ({"sessions": 1, "start": "soon"}, '"soon" is no point in time; write now, or a date such as 2026-03-01'),
        ({"sessions": 1, "dialect": "fax"}, "dialect (--dialect): 'fax' is no valid value; write web or sdk"),
        ({}, "sessions (--sessions) is missing"),
    ],
)
def test_options_are_refused_in_words(options: dict[str, Any], said: str) -> None:
    with pytest.raises(LoadgenError) as refused:
        generate(SHOP, **options)
    assert said in str(refused.value)


def test_standard_output_holds_bodies_and_nothing_else(tmp_path: Path) -> None:
    done = run_generate("--out", "-", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert all("RumEvents" in json.loads(line) for line in done.stdout.splitlines())
    assert b"batches of 20 sessions, seed 4" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_named_pipe_is_written_through(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with (tmp_path / "read").open("wb") as read, subprocess.Popen(["cat", str(pipe)], stdout=read):
        done = run_generate("--out", str(pipe))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "read").read_bytes() == run_generate("--out", "/dev/stdout").stdout
    assert pipe.is_fifo()


def test_a_pipe_gets_no_ground_truth_and_says_so(tmp_path: Path) -> None:
    file = tmp_path / "small.toml"
    file.write_text(SMALL + INCIDENT)
    said: list[Told] = []
    beside = write_bodies(file, tmp_path / "bodies.ndjson", sessions=60, on_progress=said.append).ground_truth
    assert beside == tmp_path / f"bodies.{ground_truth.FILE}"
    through = write_bodies(file, Path("/dev/null"), sessions=60, on_progress=said.append)
    assert through.ground_truth is None
    assert "give --out a file" in str(said[-1])
