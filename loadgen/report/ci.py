"""A run's result for continuous integration: JUnit XML for the list of tests, Markdown for the summary.

Rule: names and reasons come from a scenario or a target and may hold any character; both formats escape them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from xml.etree import ElementTree

from loadgen.errors import escape_controls
from loadgen.report.tables import ThresholdText
from loadgen.results import Summary, ThresholdResult, describe_unguarded, name_verdict
from loadgen.units import format_count, format_items, format_milliseconds, format_rate, format_share

SIGNS = {"passed": "✅", "failed": "❌", "invalid": "❔", "interrupted": "⏹️"}


NO_XML = re.compile("[\ud800-\udfff\ufffe\uffff]")


def build_junit(summary: Summary) -> str:
    """Build a test suite with a case for each threshold, for the run's validity, and for the endpoint's ledger.

    The format is Jenkins's schema (jenkinsci/xunit-plugin, junit-10.xsd), with the attributes that other readers need.
    """
    cases = list(build_cases(summary))
    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": str(sum(case.find("error") is not None for case in cases)),
        "time": f"{summary.seconds:.3f}",
    }
    name = escape_xml(f"loadgen.{summary.scenario}")
    skipped = str(sum(case.find("skipped") is not None for case in cases))
    more = {"skipped": skipped, "timestamp": summary.started_at[:19]}
    suite = ElementTree.Element("testsuite", {"name": name, **counts, **more})
    suite.extend(cases)
    whole = ElementTree.Element("testsuites", {"name": "loadgen", **counts})
    whole.append(suite)
    ElementTree.indent(whole)
    return ElementTree.tostring(whole, "unicode", xml_declaration=True) + "\n"


def build_cases(summary: Summary) -> Iterator[ElementTree.Element]:
    """Yield the cases; each reason for a failed or invalid run is in one of them."""
    is_broken = summary.verdict in ("invalid", "interrupted")
    is_empty = summary.verdict == "passed" and not summary.requests.sent
    yield build_case(summary, "the run is valid", "error" if is_broken else "skipped" if is_empty else "")
    breaches = set()
    for result in summary.thresholds:
        breaches |= set() if result.kept else {result.describe_breach()}
        yield build_threshold_case(summary, result)
    if summary.ledger.agrees is not None:
        yield build_case(summary, "the endpoint's ledger agrees", "" if summary.ledger.agrees else "failure")
    others = [reason for reason in summary.reasons if reason not in breaches]
    if summary.verdict == "failed" and (others or not breaches):
        yield build_case(summary, "the run did not fail otherwise", "failure", others)


def build_threshold_case(summary: Summary, result: ThresholdResult) -> ElementTree.Element:
    """Build the case of one threshold."""
    told = ThresholdText.of(result)
    wrong = [] if result.kept else [result.describe_breach()]
    name = f"{told.name}: {told.figure} {told.bound}"
    outcome = "failure" if wrong else "skipped" if result.value is None else ""
    return build_case(summary, name, outcome, wrong or ["nothing was measured"])


def build_case(summary: Summary, name: str, outcome: str, reasons: list[str] | None = None) -> ElementTree.Element:
    """Build a case: passed (outcome ""), or with a failure, error or skip and `reasons`, by default the run's."""
    named = {"classname": escape_xml(f"loadgen.{summary.scenario}"), "name": escape_xml(name)}
    case = ElementTree.Element("testcase", {**named, "time": "0"})
    if outcome:
        text = escape_xml("\n".join(reasons if reasons is not None else summary.reasons)) or summary.verdict
        ElementTree.SubElement(case, outcome, {"message": text.partition("\n")[0], "type": summary.verdict}).text = text
    return case


def escape_xml(text: str) -> str:
    """Replace the characters that XML 1.0 does not allow (2.2, "Characters")."""
    return NO_XML.sub("\ufffd", escape_controls(text))


def build_markdown(summary: Summary) -> str:
    """Build a summary in Markdown: verdict, reasons, thresholds and the main figures."""
    requests, events = summary.requests, summary.events
    lines = [
        f"## {SIGNS[summary.verdict]} {name_verdict(summary)}: {escape_markdown(summary.scenario)}",
        "",
        f"{format_items(summary.sessions, 'session')} in {summary.seconds:.1f} s, seed {summary.seed}, "
        f"pace {escape_markdown(summary.pace)}",
    ]
    notes = [*summary.reasons, *filter(None, [describe_unguarded(summary)])]
    lines += ["", *(f"- {escape_markdown(reason)}" for reason in notes)] if notes else []
    if summary.thresholds:
        told = map(ThresholdText.of, summary.thresholds)
        rows = [(each.sign, format_code(each.name), each.figure, each.bound) for each in told]
        lines += ["", *build_rows(("", "threshold", "figure", "bound"), rows)]
    figures = [
        ("requests sent", format_count(requests.sent), format_rate(summary.rates.requests)),
        ("accepted", format_count(requests.accepted), format_share(requests.accepted, requests.sent)),
        ("throttled", format_count(requests.throttled), format_share(requests.throttled, requests.sent)),
        ("failed", format_count(requests.failed), format_share(requests.failed, requests.sent)),
        ("events sent", format_count(events.sent), format_rate(summary.rates.events)),
        ("events lost", format_count(events.lost), format_share(events.lost, events.sent)),
        ("latency p50, p99", format_milliseconds(summary.latency_ms.p50), format_milliseconds(summary.latency_ms.p99)),
    ]
    return "\n".join([*lines, "", *build_rows(("figure", "", ""), figures)]) + "\n"


def build_rows(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Build a Markdown table of 3 or 4 columns; the last two are aligned to the right."""
    align = ["---", "---", "---:", "---:"] if len(head) == 4 else ["---", "---:", "---:"]
    return [f"| {' | '.join(cells)} |" for cells in (head, tuple(align), *rows)]


def format_code(text: str) -> str:
    """Format a name as Markdown code, or as escaped text if it could end the code or the table's cell."""
    return f"`{text}`" if re.fullmatch(r"[\w .,:%/-]+", text) else escape_markdown(text)


def escape_markdown(text: str) -> str:
    """Escape text for Markdown, on one line."""
    plain = " ".join(escape_controls(text).split())
    return re.sub(r"([\\`*_{}\[\]()#+!|~<>&@])", lambda found: f"&#{ord(found[1])};", plain)
