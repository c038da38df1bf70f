"""Thresholds with their figures, kept and missed: on the terminal, on the page, as JUnit and as Markdown."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from functools import cache
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
from click.testing import CliRunner
from rich.console import Console

from loadgen.cli import commands
from loadgen.report import render_summary
from loadgen.report.ci import build_junit, build_markdown
from loadgen.report.page import build_report_page
from loadgen.results import RunData, Summary, ThresholdResult
from tests.report.runs import make

RESULTS = (
    ThresholdResult("latency_p99_ms", 500.0, 812.4, False),
    ThresholdResult("failed_share", 0.05, 0.0213, True),
    ThresholdResult("throttled_share", 0.0, 0.0, True, stage=2),
    ThresholdResult("achieved_rate", 0.99, 0.5, False, is_lowest=True),
    ThresholdResult("lost_share", 0.01, None, True),
)
HOSTILE = "an answer | <script>alert(1)</script> `x` \x1b[2J ]]> &amp; 5 > 3"


@cache
def ordinary(folder: Path) -> Summary:
    return RunData(make(folder / "run")).summary


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    return ordinary(tmp_path_factory.getbasetemp() / "thresholds-of-a-run")


def change(summary: Summary, **members: object) -> Summary:
    return msgspec.structs.replace(summary, **members)


def print_summary(summary: Summary) -> list[str]:
    console = Console(width=80, record=True, file=StringIO())
    console.print(render_summary(summary))
    return [line.rstrip() for line in console.export_text().splitlines()]


def test_the_terminal_shows_each_threshold_with_a_tick_or_a_cross(summary: Summary) -> None:
    lines = print_summary(change(summary, thresholds=RESULTS))
    start = next(place for place, line in enumerate(lines) if line.startswith("thresholds"))
    assert [line.split() for line in lines[start : start + 5]] == [
        ["thresholds", "✗", "latency_p99_ms", "812", "ms", ">", "500", "ms"],
        ["✓", "failed_share", "2.13%", "≤", "5%"],
        ["✓", "stage", "2", "throttled_share", "0%", "≤", "0%"],
        ["✗", "achieved_rate", "50%", "<", "99%"],
        ["–", "lost_share", "–", "≤", "1%"],
    ]
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("guarded", [True, False])
def test_a_run_that_passes_without_a_threshold_on_loss_says_what_it_lost(summary: Summary, guarded: bool) -> None:
    thresholds = RESULTS[1:3] if guarded else RESULTS[1:2]
    passed = change(summary, verdict="passed", reasons=(), thresholds=thresholds)
    throttled = f"{summary.requests.throttled / summary.requests.sent:.1%}"
    lost = f"{summary.events.lost / summary.events.sent:.1%}"
    said = f"no threshold on loss: {throttled} of requests throttled, {lost} of events lost"
    for text in (" ".join(" ".join(print_summary(passed)).split()), build_markdown(passed)):
        assert (said in text) is not guarded
    assert "no threshold on loss" not in "".join(print_summary(change(passed, verdict="failed")))


def test_the_page_has_a_row_for_each_threshold_in_words_too(tmp_path: Path, summary: Summary) -> None:
    folder = make(tmp_path / "run")
    page = build_report_page(RunData(folder, summary=change(summary, thresholds=RESULTS)))
    assert page.count('class="missed"') == 2
    assert page.count('class="kept"') == 2
    assert "stage 2 throttled_share" in page


def test_junit_has_a_case_for_each_threshold_and_its_failures(summary: Summary) -> None:
    breaches = tuple(each.describe_breach() for each in RESULTS if not each.kept)
    failed = change(summary, verdict="failed", thresholds=RESULTS, reasons=(*breaches, HOSTILE), scenario='a<b>"c"')
    suite = ElementTree.fromstring(build_junit(failed))[0]
    cases = {case.attrib["name"].partition(":")[0]: case for case in suite}
    assert suite.attrib["name"] == 'loadgen.a<b>"c"'
    assert (suite.attrib["tests"], suite.attrib["failures"], suite.attrib["errors"]) == (str(len(cases)), "3", "0")
    assert cases["failed_share"].find("failure") is None
    assert cases["lost_share"].find("skipped") is not None
    p99 = cases["latency_p99_ms"].find("failure")
    assert p99 is not None and p99.attrib["message"] == "latency_p99_ms is 812.4, above its threshold 500"
    other = cases["the run did not fail otherwise"].find("failure")
    assert other is not None and other.text is not None
    assert "<script>alert(1)</script>" in other.text and "\x1b" not in other.text


@pytest.mark.parametrize(("verdict", "failures", "errors"), [("passed", "0", "0"), ("invalid", "0", "1")])
def test_junit_tells_an_invalid_run_from_a_failed_one(
    summary: Summary, verdict: str, failures: str, errors: str
) -> None:
    suite = ElementTree.fromstring(build_junit(change(summary, verdict=verdict, reasons=("too slow",))))[0]
    assert (suite.attrib["failures"], suite.attrib["errors"]) == (failures, errors)


NASTY = "\u200f\u2028\x00\x1b[2J\ufffe\ud800\u202e]]><!--&\"'|`@user #1 **b** " + HOSTILE


@pytest.mark.parametrize("verdict", ["passed", "failed", "invalid", "interrupted"])
def test_junit_keeps_to_the_schema_whatever_the_names_are(summary: Summary, verdict: str) -> None:
    """Elements, attributes and their types as junit-10.xsd of Jenkins has them; counts agree with the cases."""
    told = change(summary, verdict=verdict, thresholds=RESULTS, reasons=(NASTY,), scenario=NASTY)
    whole = ElementTree.fromstring(build_junit(told).encode())
    (suite,) = whole
    assert (whole.tag, suite.tag) == ("testsuites", "testsuite")
    assert set(whole.keys()) <= {"name", "time", "tests", "failures", "errors"}
    assert {"name", "tests", "failures", "errors", "skipped", "time", "timestamp"} == set(suite.keys())
    datetime.fromisoformat(suite.attrib["timestamp"])
    found = Counter(each.tag for case in suite for each in case)
    assert found.keys() <= {"failure", "error", "skipped"}
    for each in (whole, suite):
        counts = [int(each.attrib[name]) for name in ("tests", "failures", "errors")]
        assert counts == [len(suite), found["failure"], found["error"]]
        assert re.fullmatch(r"[0-9]+\.[0-9]+", each.attrib["time"])
    assert int(suite.attrib["skipped"]) == found["skipped"]
    for case in suite:
        assert (case.tag, set(case.keys())) == ("testcase", {"classname", "name", "time"})
        assert len(case) <= 1 and all(set(inside.keys()) == {"message", "type"} for inside in case)
    assert (found["failure"] + found["error"] == 0) is (verdict == "passed" and all(each.kept for each in RESULTS))


class Tags(HTMLParser):
    """Collects the elements of a text that a renderer of Markdown would take for HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)


def test_markdown_has_tables_and_no_markup_of_strangers(summary: Summary) -> None:
    text = build_markdown(change(summary, verdict="failed", thresholds=RESULTS, reasons=(HOSTILE,), scenario="a|b"))
    tags = Tags()
    tags.feed(text)
    assert tags.found == []
    assert text.startswith("## ❌ failed: a&#124;b\n")
    assert not re.search(r"@user|\*\*b|\]\(|`@", build_markdown(change(summary, reasons=(NASTY,), scenario=NASTY)))
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in rows} == {5, 4}
    assert "| ✗ | `latency_p99_ms` | 812 ms | > 500 ms |" in rows


def test_a_kept_run_is_told_to_ci_again(tmp_path: Path) -> None:
    folder = make(tmp_path / "run")
    junit, markdown = tmp_path / "junit.xml", tmp_path / "summary.md"
    options = ["report", str(folder.path), "--junit", str(junit), "--summary-md", str(markdown)]
    assert CliRunner().invoke(commands, options).exit_code == 0
    assert ElementTree.parse(junit).getroot()[0].attrib["name"] == "loadgen.shop"
    assert "shop" in markdown.read_text()


def test_a_run_that_passed_without_a_request_says_so_beside_its_verdict_everywhere(
    summary: Summary, tmp_path: Path
) -> None:
    unsent = msgspec.structs.replace(summary.requests, sent=0, accepted=0)
    empty = change(summary, verdict="passed", reasons=("nothing was sent: too short",), requests=unsent, thresholds=())
    assert print_summary(empty)[0].startswith("PASSED, BUT NOTHING WAS SENT  ")
    assert "passed, but nothing was sent: " in build_markdown(empty).splitlines()[0]
    case = ElementTree.fromstring(build_junit(empty)).find(".//testcase[@name='the run is valid']/skipped")
    assert case is not None and case.get("message") == "nothing was sent: too short"
    page = build_report_page(RunData(make(tmp_path / "run"), summary=empty))
    assert "Passed, but nothing was sent" in page
    assert print_summary(change(empty, verdict="failed"))[0].startswith("FAILED  ")
