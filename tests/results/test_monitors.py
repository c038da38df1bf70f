"""A run of two app monitors: each has its own figures in every file and on every page, finished or cut off."""

from __future__ import annotations

import io
from pathlib import Path

import msgspec
import pyarrow.parquet as parquet
import pytest
from rich.console import Console

from loadgen.model import Result, Volume
from loadgen.report.comparison import compare_runs
from loadgen.report.page import build_report_page
from loadgen.report.terminal import render_summary
from loadgen.results import (
    Aggregate,
    Content,
    EventCounts,
    IntervalReport,
    LedgerComparison,
    Meter,
    Recording,
    RunEnd,
    RunFolder,
    RunMonitor,
    RunSpec,
    Summary,
    drop_spools,
    summarize_run,
    write_table,
)
from loadgen.results.records import Spool
from loadgen.results.recovery import recover_summary
from loadgen.results.run_data import RunData
from loadgen.results.timeline import read_monitor_rows
from loadgen.results.verdict import add_ledgers
from loadgen.scenario import Scenario
from loadgen.units import format_share
from loadgen.verb_options import RunOptions
from tests.report.runs import make
from tests.report.test_page import Page

SITES = """
name = "two"
duration = "10s"
monitor.name = "shop"
[pages.home]
path = "/"
exit = 1
[[neighbours]]
monitor.name = "campaign"
arrivals.rate = 9
"""
MONITORS = (RunMonitor("shop", "1" * 36), RunMonitor("campaign", "2" * 36))
SECONDS = 6


def recorded(path: Path, cut_off: bool = False) -> RunFolder:
    """Ten requests a second for the shop, of which two are throttled; thirty for the campaign, of which twelve are."""
    path.mkdir()
    (path / "two.toml").write_text(SITES)
    folder = RunFolder.ensure(path / "run")
    spec = RunSpec.resolve(RunOptions(seed=5), "two.toml", SITES)
    folder.write_spec(msgspec.structs.replace(spec, monitors=MONITORS))
    measured = Aggregate((), ("shop", "campaign"))
    recording = Recording(folder, measured, 1795288816.0)
    spool = Spool(folder.locate_spool(0))
    for second in range(SECONDS):
        measured.add(measured_second(second, spool))
        recording.settle(second + 1)
    spool.close()
    recording.settle(100)
    recording.close()
    if not cut_off:
        write_table(folder, ("shop", "campaign"))
        drop_spools(folder)
        run = RunEnd(5, "realtime", "2026-11-21T12:00:00.000+00:00", 1, monitors=MONITORS)
        folder.write_summary(summarize_run(measured, Scenario.load(path / "two.toml"), run))
    return folder


def measured_second(second: int, spool: Spool) -> IntervalReport:
    meter = Meter(0, (), 2)
    for monitor, count, throttled in ((0, 10, 2), (1, 30, 12)):
        for place in range(count):
            at = second + place / count
            status = 429 if place < throttled else 200
            result = Result(at, at + 0.001, at + 0.02, status, 3, 200, 900, session=place, monitor=monitor)
            meter.offer(at, Volume(1, 3, 200, 900), monitor=monitor)
            spool.start(place, 3, 1, at, monitor)
            spool.finish(meter.record(result))
    done = second + 1
    tallies = (EventCounts(sessions=done, generated=30 * done), EventCounts(sessions=3 * done, generated=90 * done))
    return msgspec.structs.replace(meter.take(second), tallies=tallies, spooled=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return recorded(tmp_path_factory.mktemp("two") / "whole")


def test_each_app_monitor_has_its_own_shares(folder: RunFolder) -> None:
    shop, campaign = folder.read_summary().monitors
    assert (shop.throttled_share, campaign.throttled_share) == (0.2, 0.4)
    assert (shop.lost_share, campaign.lost_share) == (0.2, 0.4)
    assert (shop.requests.offered, campaign.requests.offered) == (10 * SECONDS, 30 * SECONDS)
    assert (shop.requests.sent, shop.outcomes.sent, campaign.sessions) == (60, Content(180, 12_000, 54_000), 18)


def test_a_run_that_was_cut_off_has_the_same_figures_of_each(folder: RunFolder, tmp_path: Path) -> None:
    whole, cut = folder.read_summary(), recover_summary(recorded(tmp_path / "cut", cut_off=True))
    assert cut.cut_off
    length = {"rates": None, "in_doubt": None}
    for one, other in zip(whole.monitors, cut.monitors, strict=True):
        assert msgspec.structs.asdict(one) | length == msgspec.structs.asdict(other) | length


def test_a_cut_in_the_middle_of_a_second_counts_what_the_timeline_has(tmp_path: Path) -> None:
    cut = recorded(tmp_path / "cut", cut_off=True)
    timeline = (cut.path / "timeline.csv").read_bytes().splitlines(keepends=True)
    (cut.path / "timeline.csv").write_bytes(b"".join(timeline[:-2]))
    summary = recover_summary(cut)
    assert [each.sessions for each in summary.monitors] == [SECONDS - 2, 3 * (SECONDS - 2)]
    assert summary.sessions == sum(each.sessions for each in summary.monitors)
    assert summary.events.balanced
    assert all(each.events.balanced for each in summary.monitors)


def test_the_seconds_of_each_add_up_to_the_timeline(folder: RunFolder) -> None:
    rows, whole = read_monitor_rows(folder.path), RunData(folder).rows
    for name in (
        "offered",
        "sent",
        "throttled",
        "sent_events",
        "retried_events",
        "given_up_events",
        "offered_wire_bytes",
        "sessions",
    ):
        by_second = [sum(getattr(row, name) for row in rows if row.second == each.second) for each in whole]
        assert by_second == [getattr(each, name) for each in whole], name


def test_the_table_names_each_requests_app_monitor(folder: RunFolder) -> None:
    names = parquet.read_table(folder.records)["monitor"].to_pylist()
    assert {name: names.count(name) for name in set(names)} == {"shop": 60, "campaign": 180}


def shown(summary: Summary) -> list[str]:
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(render_summary(summary))
    return console.export_text().splitlines()


def test_the_terminal_shows_each_in_80_columns_whatever_its_name(folder: RunFolder) -> None:
    summary = folder.read_summary()
    long = msgspec.structs.replace(summary.monitors[1], name="campaign" * 30)
    lines = shown(msgspec.structs.replace(summary, monitors=(summary.monitors[0], long)))
    assert max(map(len, lines)) <= 80
    [row] = [line.split() for line in lines if line.startswith("shop ")]
    assert row == ["shop", "60", "60", "48", "20.0%", "20.0%"]


def test_the_page_shows_who_was_throttled_when(folder: RunFolder, tmp_path: Path) -> None:
    page = Page(build_report_page(RunData(folder)))
    assert {"Requests by app monitor over time", "Throttled share by app monitor over time"} <= set(page.words)
    row = page.words[page.words.index("App monitors, in shares of their own requests and events") :]
    assert row[row.index("campaign") + 5] == format_share(40, 100)
    alone = Page(build_report_page(RunData(make(tmp_path / "alone"))))
    assert "App monitors" not in alone.words


def test_a_ledger_that_disagrees_for_one_names_it_though_the_sums_agree(folder: RunFolder) -> None:
    passed = msgspec.structs.replace(folder.read_summary(), verdict="passed", reasons=())
    judged = add_ledgers(passed, [LedgerComparison(False, 49, 147), LedgerComparison(False, 107, 321)], None)
    assert (judged.verdict, judged.ledger) == ("failed", LedgerComparison(False, 156, 468))
    assert judged.reasons == ("the endpoint's ledger does not agree with ours for shop, campaign",)
    assert (
        add_ledgers(passed, [LedgerComparison(), LedgerComparison(True, 108, 324)], None).ledger == LedgerComparison()
    )


def test_runs_with_and_without_several_app_monitors_are_compared(folder: RunFolder, tmp_path: Path) -> None:
    old = recorded(tmp_path / "old")
    without = msgspec.structs.replace(old.read_summary(), monitors=())
    old.write_summary(without)
    (old.path / "monitors.csv").unlink()
    assert len(compare_runs([RunData(folder), RunData(old), RunData(make(tmp_path / "alone"))]).runs) == 3
    assert "App monitors" not in Page(build_report_page(RunData(old))).words
