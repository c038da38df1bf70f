"""The same events in every form in which RUM data comes."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

Event = dict[str, Any]


def log_events(bodies: Iterable[bytes]) -> list[Event]:
    """The events of PutRumEvents bodies as CloudWatch Logs keep them."""
    return [event for body in bodies for event in unfold_body(json.loads(body))]


def unfold_body(body: Event) -> list[Event]:
    session = json.loads(body.get("SessionMetadata") or "{}")
    return [
        {
            "event_timestamp": event["timestamp"] * 1000,
            "event_type": event["type"],
            "event_id": event["id"],
            "event_version": "1.0.0",
            "application_id": body["AppMonitorDetails"]["id"],
            "application_version": body["AppMonitorDetails"]["version"],
            "batch_id": body["BatchId"],
            "metadata": session | json.loads(event["metadata"]),
            "user_details": body["UserDetails"],
            "event_details": json.loads(event["details"]),
        }
        for event in body["RumEvents"]
    ]


def write_lines(path: Path, events: list[Event]) -> None:
    """RUM writes JSON without spaces."""
    path.write_text("".join(json.dumps(event, separators=(",", ":")) + "\n" for event in events))


def write_s3_export(path: Path, events: list[Event]) -> None:
    with gzip.open(path, "wt") as file:
        file.writelines(f"2026-01-01T00:00:00.000Z {json.dumps(event)}\n" for event in events)


def write_filtered(path: Path, events: list[Event], indent: int | None = 4) -> None:
    found = [{"logStreamName": "2026-01-01T00", "message": json.dumps(event), "ingestionTime": 1} for event in events]
    path.write_text(json.dumps({"events": found, "searchedLogStreams": []}, indent=indent))


def write_insights(path: Path, events: list[Event]) -> None:
    rows = [[{"field": "@timestamp", "value": "2026"}, {"field": "@message", "value": json.dumps(e)}] for e in events]
    path.write_text(json.dumps({"results": rows, "statistics": {}, "status": "Complete"}, indent=4))


def write_read_back(path: Path, events: list[Event]) -> None:
    """GetAppMonitorData: the newest event first."""
    texts = [json.dumps(event) for event in sorted(events, key=lambda event: -event["event_timestamp"])]
    path.write_text(json.dumps({"Events": texts, "NextToken": "x"}, indent=4))


def write_proxy_log(path: Path, events: list[Event]) -> None:
    """A log that wraps each event, as an object or as a text."""
    lines = [{"at": 1, "body": event if place % 2 else json.dumps(event)} for place, event in enumerate(events)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def write_nginx_log(path: Path, events: list[Event]) -> None:
    """A log whose format names the body otherwise, as nginx's `$request_body` is named."""
    path.write_text("".join(json.dumps({"at": 1, "request_body": json.dumps(event)}) + "\n" for event in events))


def write_tail(path: Path, events: list[Event]) -> None:
    """What `aws logs tail --format json` prints: a time, then the event over several lines."""
    path.write_text("".join(f"2026-01-01T00:00:00+00:00 a\n{json.dumps(event, indent=4)}\n" for event in events))


def write_seconds(path: Path, events: list[Event]) -> None:
    """Times in seconds, as a program makes them that takes PutRumEvents for its model."""
    write_lines(path, [event | {"event_timestamp": event["event_timestamp"] / 1000} for event in events])


def write_list(path: Path, events: list[Event]) -> None:
    path.write_text(json.dumps(events, indent=1))


def write_console(path: Path, events: list[Event]) -> None:
    """What the console of Logs Insights exports: a message that is JSON is an object."""
    rows = [{"@timestamp": "2026", "@message": event} for event in events]
    path.write_text(json.dumps(rows, indent=2))


def write_subscription(path: Path, events: list[Event]) -> None:
    """Batches of a subscription filter as a delivery stream stores them: one behind the other, on one line."""
    batches = [
        {
            "messageType": "DATA_MESSAGE",
            "logEvents": [{"id": "1", "message": json.dumps(e)} for e in events[at : at + 7]],
        }
        for at in range(0, len(events), 7)
    ]
    path.write_bytes(b"".join(gzip.compress(json.dumps(batch).encode()) for batch in batches))


def write_one_line(path: Path, events: list[Event]) -> None:
    path.write_text("\ufeff" + "".join(map(json.dumps, events)))


def write_csv(path: Path, events: list[Event]) -> None:
    """The other export of that console."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["@timestamp", "@message"], *(["2026", json.dumps(event)] for event in events)])


def write_text(path: Path, events: list[Event]) -> None:
    """What `aws logs --output text` gives."""
    path.write_text("".join(f"EVENTS\t391\t1767225600000\t{json.dumps(event)}\t2026-01\n" for event in events))


def write_texts(path: Path, events: list[Event]) -> None:
    """What `jq -c '.Events[]'` makes of GetAppMonitorData's answer: a JSON text with an event a line."""
    path.write_text("".join(json.dumps(json.dumps(event)) + "\n" for event in events))


def write_inner_texts(path: Path, events: list[Event]) -> None:
    """Events whose objects are texts, as in PutRumEvents."""
    inner = [{name: json.dumps(event[name]) for name in ("metadata", "event_details")} for event in events]
    write_lines(path, [event | texts for event, texts in zip(events, inner, strict=True)])


FORMS: dict[str, Callable[[Path, list[Event]], None]] = {
    "lines": write_lines,
    "s3 export": write_s3_export,
    "filter-log-events": write_filtered,
    "filter-log-events, compact": lambda path, events: write_filtered(path, events, None),
    "insights": write_insights,
    "GetAppMonitorData": write_read_back,
    "proxy": write_proxy_log,
    "nginx": write_nginx_log,
    "aws logs tail": write_tail,
    "seconds": write_seconds,
    "a list": write_list,
    "console of Logs Insights": write_console,
    "subscription": write_subscription,
    "one line": write_one_line,
    "CSV": write_csv,
    "text": write_text,
    "texts": write_texts,
    "objects as texts": write_inner_texts,
}
