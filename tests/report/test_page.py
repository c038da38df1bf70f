"""A run's page is whole, self-contained, and says no more than the run's files."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from loadgen.charts.html import VOID
from loadgen.errors import LoadgenError, escape_controls
from loadgen.report import write_report
from loadgen.report.accounting import list_nodes
from loadgen.report.page import build_report_page
from loadgen.report.plots import find_incidents
from loadgen.report.tables import flatten, format_leaf
from loadgen.results import RunFolder
from loadgen.results.quota import QuotaEstimate
from loadgen.results.run_data import RunData
from loadgen.units import format_count, format_milliseconds
from tests.report.runs import Plan, make

HOSTILE = (
    "</script><script>alert(1)</script><img src=//evil.example/x onerror='a'>&amp;\"`\u202e\u200f\x1b[31m\x9b"
    + "x" * 10_000
)


class Page(HTMLParser):
    """A page as its elements and its text; fails where an element is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.data: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["script"]:
            self.data.append(data)
        elif self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return "\n".join(self.words)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return make(tmp_path_factory.mktemp("report") / "run")


@pytest.fixture(scope="module")
def page(folder: RunFolder) -> Page:
    return Page(build_report_page(RunData(folder)))


def test_every_section_is_there(page: Page) -> None:
    headings = (
        *("Throughput and outcomes", "Latency", "Percentile curve", "Schedule lag", "Throttling and quota"),
        *("Where every event went", "Retries", "Sessions", "Event mix", "Generator", "Errors", "Environment"),
    )
    for heading in headings:
        assert heading in page.words


def test_every_figure_of_the_summary_appears_under_its_own_name(folder: RunFolder, page: Page) -> None:
    rows = page.words[page.words.index("Every figure of summary.json") :]
    for name, value in flatten("", json.loads((folder.path / "summary.json").read_bytes())):
        assert rows[rows.index(name) + 1] == value, name


def test_the_counts_of_the_summary_are_in_the_sections_too(folder: RunFolder, page: Page) -> None:
    summary = folder.read_summary()
    for figure in (*msgspec.structs.astuple(summary.requests)[:2], summary.events.generated, summary.events.lost):
        assert format_count(figure) in page.text
    for name, amount in {**summary.errors, **summary.event_mix}.items():
        assert name in page.text.replace("\n", "")
        assert format_count(amount) in page.words


def test_the_page_names_no_other_address_and_forbids_loading_any(folder: RunFolder, page: Page) -> None:
    text = build_report_page(RunData(folder))
    addresses = {
        attributes[name] for _, attributes in page.elements for name in ("src", "href", "action") if name in attributes
    }
    assert addresses == {"data:,"}
    assert not re.search(r"url\(|@import|https?://(?!127\.0\.0\.1)", text)
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "script-src 'sha256-" in policy


def test_every_drawing_has_a_title_and_a_description(page: Page) -> None:
    ids = {attributes["id"] for name, attributes in page.elements if name in ("title", "desc") and "id" in attributes}
    drawings = page.all("svg")
    assert len(drawings) >= 9
    for drawing in drawings:
        assert drawing["role"] == "img"
        assert set((drawing["aria-labelledby"] or "").split()) <= ids


def test_every_id_is_used_once(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_no_path_holds_a_number_that_is_none(page: Page) -> None:
    for path in page.all("path"):
        assert re.fullmatch(r"[MLHVCZh0-9. -]*", path["d"] or ""), path


def test_readouts_are_json_with_a_value_for_each_place(page: Page) -> None:
    readouts = [json.loads(text) for text in page.data if text.startswith("{")]
    assert len(readouts) >= 8
    for readout in readouts:
        assert {len(readout["x"]), len(readout["named"])} == {len(each["values"]) for each in readout["series"]} | {
            len(readout["x"])
        }


def test_hostile_names_and_errors_stay_text(tmp_path: Path) -> None:
    folder = make(tmp_path / "run", Plan(error="<script>alert(1)</script>"))
    summary = folder.read_summary()
    hostile = msgspec.structs.replace(
        summary, scenario=HOSTILE, reasons=(HOSTILE,), event_mix={HOSTILE: 3}, errors={HOSTILE: 1, "reset": 2}
    )
    folder.write_summary(hostile)
    spec = msgspec.structs.replace(
        folder.read_spec(), command=HOSTILE, monitor=HOSTILE, versions={"python": HOSTILE}, machine={HOSTILE: HOSTILE}
    )
    folder.write_spec(spec)
    text = build_report_page(RunData(folder))
    page = Page(text)
    assert not page.all("img")
    assert len([script for script in page.all("script") if script.get("type") is None]) == 1
    assert escape_controls(HOSTILE) in page.text.replace("\n", "")
    assert not re.search("[\u202e\u200f\x1b\x9b]", text)
    assert all("alert" not in text for text in page.data)


def test_a_run_that_was_cut_off_is_reported_and_marked(tmp_path: Path) -> None:
    page = Page(build_report_page(RunData(make(tmp_path / "run", Plan(cut_off=True)))))
    assert "Cut off" in page.words
    assert "Percentile curve" in page.words
    assert any("the run ended before" in words for words in page.words)


def test_without_its_records_a_run_is_reported_as_far_as_the_timeline_tells(tmp_path: Path) -> None:
    folder = make(tmp_path / "run")
    folder.records.unlink()
    page = Page(build_report_page(RunData(folder)))
    assert "requests.parquet is missing in its folder" in page.text
    assert any(drawing["aria-labelledby"] == "latency-title latency-desc" for drawing in page.all("svg"))


def test_a_run_in_which_nothing_was_sent_has_a_page(tmp_path: Path) -> None:
    page = Page(build_report_page(RunData(make(tmp_path / "run", Plan(rate=0, seconds=2)))))
    assert "Throughput and outcomes" in page.words


def test_a_day_of_rows_makes_a_page_of_bounded_size(tmp_path: Path) -> None:
    folder = make(tmp_path / "run", Plan(seconds=3, rate=2))
    timeline = folder.path / "timeline.csv"
    head, *rows = timeline.read_text().splitlines()
    long = [f"{second},{rows[second % 3].partition(',')[2]}" for second in range(86_400)]
    timeline.write_text("\n".join([head, *long]) + "\n")
    reading = RunData(folder)
    assert reading.timeline.size <= 240
    assert len(build_report_page(reading)) < 400_000


def test_each_percentile_is_exact_whatever_the_width_of_a_bin(folder: RunFolder) -> None:
    narrow, wide = RunData(folder), RunData(folder).rebin(10)
    assert narrow.requests is not None and wide.requests is not None
    for share, figure in ((0.5, folder.read_summary().latency_ms.p50), (0.99, folder.read_summary().latency_ms.p99)):
        for reading in (narrow, wide):
            assert reading.requests is not None
            assert reading.requests.latency.compute_run_quantiles((share,))[0] == pytest.approx(figure, abs=2e-3)


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("timeline.csv", None, "missing"),
        ("timeline.csv", "second,sent\n1,2\n", "another version"),
        ("timeline.csv", "second,sent\n1\n", "another version"),
        ("summary.json", "{", "another version"),
        ("summary.json", '{"verdict": "passed"}', "another version"),
        ("run.json", "[]", "another version"),
        ("requests.parquet", "PAR1", "whole"),
    ],
)
def test_a_broken_folder_is_refused_in_one_line_and_nothing_is_written(
    tmp_path: Path, file: str, text: str | None, told: str
) -> None:
    folder = make(tmp_path / "run", Plan(seconds=3))
    (folder.path / file).unlink()
    if text is not None:
        (folder.path / file).write_text(text)
    with pytest.raises(LoadgenError, match=told) as refused:
        write_report(RunData.open(folder.path))
    assert str(folder.path / file) in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1
    assert not list(folder.path.glob("*.html"))


def test_another_version_of_the_summary_is_refused_by_its_number(tmp_path: Path) -> None:
    folder = make(tmp_path / "run", Plan(seconds=3))
    folder.write_summary(msgspec.structs.replace(folder.read_summary(), version=2))
    with pytest.raises(LoadgenError, match="is of version 2, and this loadgen reads version 1"):
        RunData.open(folder.path)


def test_an_empty_folder_and_a_run_that_was_cut_off_at_once_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LoadgenError, match="neither"):
        RunData.open(tmp_path)
    with pytest.raises(LoadgenError, match="is no folder"):
        RunData.open(tmp_path / "nowhere")
    folder = make(tmp_path / "run", Plan(seconds=3, cut_off=True))
    (folder.path / "run.json").write_text("{}")
    with pytest.raises(LoadgenError, match=r"run\.json: cannot be read as a run's run\.json; is it of another version"):
        RunData.open(folder.path)


def test_plain_values_keep_their_json_form() -> None:
    values: tuple[object, ...] = (None, True, 1.5, "x", {})
    assert [format_leaf(value) for value in values] == ["null", "true", "1.5", "x", "{}"]


def test_the_percentile_curve_ends_at_the_slowest_request(folder: RunFolder, page: Page) -> None:
    curve = next(
        readout
        for text in page.data
        if "latency" in text and (readout := json.loads(text))["named"][1][-8:] == "requests"
    )
    last = [value for value in curve["series"][0]["values"] if value != "–"][-1]
    assert last == format_milliseconds(folder.read_summary().latency_ms.max)


def test_the_flow_ends_in_all_that_was_sent(folder: RunFolder) -> None:
    summary, ends = folder.read_summary(), [node for node in list_nodes(RunData(folder)) if node.column == 2]
    assert sum(node.amount for node in ends if node.key.startswith("lost")) == summary.events.lost
    assert sum(node.amount for node in ends) == summary.events.sent
    middle = [node.amount for node in list_nodes(RunData(folder)) if node.column == 1]
    assert sum(middle) == summary.events.generated


def test_the_quota_is_told_in_no_more_digits_than_are_known(tmp_path: Path) -> None:
    made = RunData(make(tmp_path / "run"))
    quota = QuotaEstimate(rate=49.9872, low=49.7123, high=50.2184, burst=52.3456)
    made.summary = msgspec.structs.replace(made.summary, quota=quota)
    text = build_report_page(made)
    assert "50/s" in text
    assert "49.7 to 50.2, burst 52" in text
    assert "of 50 requests a second (between 49.7 and 50.2) that holds 52." in text


INCIDENTS = """
[[incidents]]
kind = "slow_api"
name = "stock <API>"
at = 20
length = 20
[[incidents]]
kind = "spike"
name = "newsletter"
at = 10
length = 20
countries = ["GB"]
"""


def test_incidents_are_marked_on_the_clock_of_the_run(tmp_path: Path) -> None:
    reading = RunData(make(tmp_path / "run", Plan(incidents=INCIDENTS, pace="2x", seconds=30)))
    assert [(each.incident.name, each.start, each.end) for each in find_incidents(reading)] == [
        ("newsletter", 5.0, 15.0),
        ("stock <API>", 10.0, 20.0),
    ]
    page = Page(build_report_page(reading))
    over_time = len([each for each in page.all("path") if each.get("class") == "span" and each["d"]])
    labels = [each["title"] for each in page.all("span") if each.get("class") == "span"]
    assert over_time == len(labels) == 2 * labels.count("newsletter") == 2 * labels.count("stock <API>") > 0
    assert "GB" in page.text and "slow_api" in page.text


def test_incidents_as_fast_as_possible_have_no_place_in_time(tmp_path: Path) -> None:
    reading = RunData(make(tmp_path / "run", Plan(incidents=INCIDENTS, pace="max", seconds=30)))
    assert find_incidents(reading) == []
