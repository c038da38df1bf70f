"""A run's folder: what is written is read back, by us and by the field's own readers, finished or cut off."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from errno import EACCES, ENOSPC, EROFS
from pathlib import Path

import msgspec
import numpy as np
import pyarrow.parquet as parquet
import pytest
from hdrh.histogram import HdrHistogram
from rich.console import Console

from loadgen.errors import LoadgenError
from loadgen.model import Result, Volume
from loadgen.report import write_report
from loadgen.report.terminal import render_summary, show
from loadgen.results import (
    Aggregate,
    EventCounts,
    Follower,
    LedgerComparison,
    Meter,
    Recording,
    RunData,
    RunEnd,
    RunFolder,
    RunSpec,
    Summary,
    drop_spools,
    open_table,
    read_records,
    summarize_run,
    write_table,
)
from loadgen.results.outcomes import Outcomes
from loadgen.results.records import Spool
from loadgen.results.recovery import recover_summary
from loadgen.scenario import Scenario
from loadgen.verb_options import RunOptions

SHOP = """
name = "shop"
arrivals.stages = [{ duration = 4, target = 5 }, { duration = 4, target = 5 }]
[pages.home]
path = "/"
exit = 1
"""
ZERO = 1795288816.0


class Recorded:
    """A run of a few seconds, written as a conductor writes it."""

    def __init__(self, path: Path, seconds: int = 6) -> None:
        path.mkdir(parents=True)
        scenario = path.parent / "shop.toml"
        scenario.write_text(SHOP)
        self.folder = RunFolder.ensure(path / "run")
        self.folder.write_spec(RunSpec.resolve(RunOptions(seed=5), "shop.toml", SHOP))
        self.scenario = Scenario.load(scenario)
        self.measured = Aggregate((4.0, 8.0))
        self.recording = Recording(self.folder, self.measured, ZERO)
        self.events = 0
        for second in range(seconds):
            self._second(second)

    def _second(self, second: int) -> None:
        meter = Meter(0, (4.0, 8.0))
        for place in range(20):
            at = second + place / 20
            status = 429 if place % 5 == 0 else None if place == 7 else 200
            error = "reset" if status is None else None
            meter.record(Result(at, at + 0.001, at + 0.02, status, 3, 200, 900, error=error, session=place))
            meter.offer(at, Volume(1, 3, 200, 900), ["page_view_event"] * 3)
            self.events += 3
        taken = meter.take(second)
        tally = EventCounts(sessions=second + 1, generated=self.events)
        taken = msgspec.structs.replace(taken, tallies=(tally,), cpu_percent=12.5, rss_bytes=10**8)
        self.recording.keep(taken)
        self.measured.add(taken)

    def finish(self) -> Summary:
        self.recording.settle(100)
        self.recording.close()
        write_table(self.folder)
        drop_spools(self.folder)
        summary = summarize_run(self.measured, self.scenario, RunEnd(5, "realtime", "2026-11-21T12:00:00.000+00:00", 1))
        self.folder.write_summary(summary)
        return summary


@pytest.fixture
def recorded(tmp_path: Path) -> Recorded:
    return Recorded(tmp_path / "results")


def test_a_summary_is_read_back_as_it_was_written(recorded: Recorded) -> None:
    summary = recorded.finish()
    assert RunFolder.open(recorded.folder.path).read_summary() == summary


def test_the_parquet_file_holds_every_request(recorded: Recorded) -> None:
    summary = recorded.finish()
    table = parquet.read_table(recorded.folder.records)
    assert table.num_rows == summary.requests.sent
    assert table.column("status").null_count == summary.requests.failed
    accepted = [row["events"] for row in table.to_pylist() if row["status"] == 200]
    assert sum(accepted) == summary.events.accepted
    assert set(table.column("error").to_pylist()) == {None, "reset"}
    assert recorded.folder.spools == []


def test_a_run_whose_folder_was_given_a_name_that_is_no_text_is_read(recorded: Recorded, tmp_path: Path) -> None:
    summary = recorded.finish()
    moved = RunFolder.open(recorded.folder.path.rename(tmp_path / os.fsdecode(b"\xff")))
    assert sum(map(len, read_records(moved))) == open_table(moved).read().num_rows == summary.requests.sent


@pytest.mark.parametrize("inside", ["", "results"])
def test_a_folder_for_a_run_needs_a_name_that_workers_can_read(tmp_path: Path, inside: str) -> None:
    path = tmp_path / os.fsdecode(b"\xff") / inside
    with pytest.raises(LoadgenError, match="its name is not UTF-8; give --out another folder"):
        RunFolder.create(path, "shop", datetime.now(UTC))
    assert not path.exists()


def test_the_histogram_log_is_read_by_hdrhistograms_own_decoder(recorded: Recorded) -> None:
    summary = recorded.finish()
    lines = (recorded.folder.path / "histograms.hlog").read_text().splitlines()
    whole = HdrHistogram(1, 3_600_000_000, 3)
    for line in lines:
        if line.startswith("Tag=latency,"):
            _, _, length, top, payload = line.split(",")
            second = HdrHistogram.decode(payload)
            assert second.get_max_value() / 1000 == pytest.approx(float(top), rel=2e-3)
            assert float(length) == 1.0
            whole.add(second)
    assert whole.get_total_count() == summary.requests.sent
    assert whole.get_value_at_percentile(50) / 1000 == pytest.approx(summary.latency_ms.p50, rel=2e-3)


def test_a_run_that_was_cut_off_is_summed_up_from_what_was_written(tmp_path: Path) -> None:
    cut = Recorded(tmp_path / "cut")
    cut.recording.settle(100)
    summary = recover_summary(RunFolder.open(cut.folder.path))
    whole = Recorded(tmp_path / "whole").finish()
    assert summary.cut_off
    assert summary.verdict == "interrupted"
    assert summary.requests == whole.requests
    assert summary.latency_ms == whole.latency_ms
    assert summary.stages == whole.stages
    assert summary.events.balanced


def test_a_run_that_was_killed_in_its_first_second_is_summed_up_from_its_records(recorded: Recorded) -> None:
    """No line of the timeline had been written."""
    folder = recorded.folder
    assert (folder.path / "timeline.csv").read_text().count("\n") == 1
    summary = recover_summary(folder)
    assert (summary.cut_off, summary.verdict) == (True, "interrupted")
    assert summary.requests.sent == summary.requests.offered > 0
    assert summary.events.balanced
    assert summary.events.sent > 0
    assert "cut off" in write_report(RunData(folder)).read_text()


def test_a_run_that_was_killed_before_its_first_request_says_so(tmp_path: Path) -> None:
    with pytest.raises(LoadgenError, match="ended before it had sent a request"):
        recover_summary(Recorded(tmp_path / "results", seconds=0).folder)


def test_half_a_record_at_the_end_of_a_cut_off_run_is_left_out(recorded: Recorded) -> None:
    recorded.recording.settle(100)
    with recorded.folder.locate_spool(0).open("ab") as spool:
        spool.write(b"half a record")
    assert recover_summary(recorded.folder).requests.sent == 120


def test_a_run_that_was_cut_off_before_anything_was_written_says_so(tmp_path: Path) -> None:
    recorded = Recorded(tmp_path / "results", seconds=0)
    with pytest.raises(LoadgenError, match="nothing to report"):
        recover_summary(RunFolder.open(recorded.folder.path))


def test_the_folder_is_named_by_utc_time_and_scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    noon_in_tokyo = datetime(2026, 11, 21, 12, 0, 0, tzinfo=timezone(timedelta(hours=9)))
    assert RunFolder.create(None, "storefront", noon_in_tokyo).path == Path("results/20261121T030000Z-storefront")


def test_runs_of_one_second_get_a_folder_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    now = datetime.now(UTC)
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: RunFolder.create(None, "shop", now).path, range(8)))
    assert len(set(folders)) == 8
    assert all(each.is_dir() and each.parent == Path("results") for each in folders)


@pytest.mark.parametrize("code", [EROFS, EACCES, ENOSPC])
def test_a_folder_that_cannot_be_made_is_told_by_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code), str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    for path in (tmp_path / "out", None):
        with pytest.raises(LoadgenError, match=rf"cannot be made \({os.strerror(code).lower()}\); give --out"):
            RunFolder.create(path, "shop", datetime.now(UTC))


def test_a_file_is_no_folder_of_a_run(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LoadgenError, match=r"file: is a file; give --out a folder"):
        RunFolder.create(tmp_path / "file", "shop", datetime.now(UTC))


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(LoadgenError, match="holds files already"):
        RunFolder.create(tmp_path, "storefront", datetime.now(UTC))


@pytest.mark.parametrize("content", [b"", b"{}", b'{"verdict": 1}', b"\xff\xfe"])
def test_a_summary_that_is_broken_or_of_another_version_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "summary.json").write_bytes(content)
    with pytest.raises(LoadgenError, match=r"summary\.json: cannot be read"):
        RunFolder.open(tmp_path).read_summary()


def test_a_folder_that_is_none_of_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(LoadgenError, match="has neither"):
        RunFolder.open(tmp_path)
    with pytest.raises(LoadgenError, match="is no folder"):
        RunFolder.open(tmp_path / "nowhere")


def test_a_follower_sees_every_second_once_while_it_is_written(recorded: Recorded) -> None:
    follower = Follower(recorded.folder.path)
    assert list(follower.read_rows()) == []
    recorded.recording.settle(2)
    assert [row.second for row in follower.read_rows()] == [0, 1]
    recorded.recording.settle(3)
    assert [row.second for row in follower.read_rows()] == [2]
    assert list(follower.read_rows()) == []


def test_a_line_that_is_half_written_waits(recorded: Recorded) -> None:
    recorded.recording.settle(1)
    follower = Follower(recorded.folder.path)
    assert len(list(follower.read_rows())) == 1
    with (recorded.folder.path / "timeline.csv").open("ab") as file:
        file.write(b"1,3,3")
        file.flush()
        assert list(follower.read_rows()) == []


def test_the_rows_add_up_to_the_run(recorded: Recorded) -> None:
    summary = recorded.finish()
    rows = list(Follower(recorded.folder.path).read_rows())
    assert sum(row.accepted for row in rows) == summary.requests.accepted
    assert sum(row.offered for row in rows) == summary.requests.offered
    assert rows[-1].generated == summary.events.generated
    for outcome in Outcomes.__struct_fields__:
        amount = getattr(summary.outcomes, outcome)
        for unit in ("events", "wire_bytes", "raw_bytes"):
            assert sum(getattr(row, f"{outcome}_{unit}") for row in rows) == getattr(amount, unit), (outcome, unit)
    first, whole = rows[0].latency_p50_ms, summary.latency_ms.p50
    assert first is not None and whole is not None
    assert np.isclose(first, whole, rtol=1e-2)


def test_the_summary_fits_in_80_columns_and_tells_every_event(recorded: Recorded) -> None:
    summary = msgspec.structs.replace(recorded.finish(), verdict="failed", ledger=LedgerComparison(False, 181, 730))
    console = Console(width=80, record=True, highlight=False)
    with console.capture() as captured:
        console.print(render_summary(summary))
    lines = captured.get().splitlines()
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    assert "FAILED" in text
    assert "DOES NOT AGREE" in text
    for count in msgspec.structs.astuple(summary.events):
        assert f"{count:,}" in text


def test_of_a_lost_worker_exactly_the_records_that_it_had_not_reported_are_salvaged(recorded: Recorded) -> None:
    meter, spool = Meter(1), Spool(recorded.folder.locate_spool(1))
    for session in range(7):
        spool.start(session, 3, 1)
        spool.finish(meter.record(Result(5.0, 5.1, 5.2, 200, 3, 200, 900, session=session)))
        if session == 3:
            recorded.recording.keep(msgspec.structs.replace(meter.take(5), spooled=True))
    spool.start(7, 3, 1)
    assert recorded.recording.salvage(1)["session"].tolist() == [4, 5, 6]
    assert recorded.recording.salvage(2).tolist() == []


def test_no_line_that_is_shown_ends_in_blanks(recorded: Recorded, capsys: pytest.CaptureFixture[str]) -> None:
    show(render_summary(recorded.finish()))
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("requests  sent") for line in lines)
    assert "" in lines
    assert [line for line in lines if line != line.rstrip()] == []
