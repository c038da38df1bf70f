"""A run's folder: what is written is read back, and a follower sees each second once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from loadgen.errors import LoadgenError
from loadgen.results import Events, Follower, Ledger, Milliseconds, Requests, Row, RunFolder, Summary, Timeline
from loadgen.results.terminal import log_line, summary_view

CLOCK = Milliseconds(1.0, 2.0, 3.0, 4.0, 5.0, 2.5)
NOTHING = Milliseconds(None, None, None, None, None, None)
SUMMARY = Summary(
    verdict="failed",
    reasons=("lost_share is 0.1, above its threshold 0",),
    scenario="storefront",
    seed=7,
    pace="realtime",
    started_at="2026-11-21T12:00:00.000+00:00",
    seconds=30.5,
    sessions=75,
    requests=Requests(220, 180, 40, 20, 20, 0),
    events=Events(1000, 100, 50, 5, 45, 800, 720, 80),
    wire_bytes=100_000,
    raw_bytes=400_000,
    latency_ms=CLOCK,
    service_time_ms=CLOCK,
    lag_ms=NOTHING,
    errors={"500 InternalServerException": 3},
    workers=1,
    ledger=Ledger(False, 181, 730),
)


def row(second: int, latency: float | None = 1.5) -> Row:
    numbers = dict.fromkeys(Row.__struct_fields__, 3)
    clocks = {name: latency for name in Row.__struct_fields__ if name.endswith("_ms")}
    return Row(**{**numbers, **clocks, "second": second})


def test_a_summary_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    folder = RunFolder.new(tmp_path / "run", "storefront", datetime.now(UTC))
    folder.write_summary(SUMMARY)
    assert RunFolder.existing(folder.path).summary() == SUMMARY


def test_the_folder_is_named_by_utc_time_and_scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    noon_in_tokyo = datetime(2026, 11, 21, 12, 0, 0, tzinfo=timezone(timedelta(hours=9)))
    assert RunFolder.new(None, "storefront", noon_in_tokyo).path == Path("results/20261121T030000Z-storefront")


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(LoadgenError, match="holds files already"):
        RunFolder.new(tmp_path, "storefront", datetime.now(UTC))


@pytest.mark.parametrize("content", [b"", b"{}", b'{"verdict": 1}', b"\xff\xfe"])
def test_a_broken_summary_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "summary.json").write_bytes(content)
    with pytest.raises(LoadgenError, match=r"summary\.json: cannot be read"):
        RunFolder.existing(tmp_path).summary()


def test_a_follower_sees_every_second_once_while_it_is_written(tmp_path: Path) -> None:
    follower = Follower(tmp_path)
    assert list(follower.rows()) == []
    timeline = Timeline(tmp_path)
    assert list(follower.rows()) == []
    timeline.append(row(0))
    timeline.append(row(1, latency=None))
    assert list(follower.rows()) == [row(0), row(1, latency=None)]
    timeline.append(row(2))
    assert list(follower.rows()) == [row(2)]
    assert list(follower.rows()) == []


def test_a_line_that_is_half_written_waits(tmp_path: Path) -> None:
    timeline = Timeline(tmp_path)
    timeline.append(row(0))
    follower = Follower(tmp_path)
    assert list(follower.rows()) == [row(0)]
    with (tmp_path / "timeline.csv").open("ab") as file:
        file.write(b"1,3,3")
        file.flush()
        assert list(follower.rows()) == []


def test_the_summary_fits_in_80_columns_and_tells_every_event() -> None:
    console = Console(width=80, record=True, highlight=False)
    with console.capture() as captured:
        console.print(summary_view(SUMMARY))
    lines = captured.get().splitlines()
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    assert "FAILED" in text
    assert "DOES NOT AGREE" in text
    for count in msgspec.structs.astuple(SUMMARY.events):
        assert f"{count:,}" in text


def test_a_log_line_is_one_line() -> None:
    assert "\n" not in log_line(row(3), 4, 30)
