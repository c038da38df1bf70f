"""Planted secrets: nothing of one person gets into a scenario."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import loadgen
from tests.jobs.fit.forms import log_events, write_lines

SECRETS = (
    "ann.smith@example.org", "ann.smith%40example.org", "4111111111111111", "eyJhbGciOiJIUzI1NiJ9abc123",
    "3f2e6882-1111-4222-8333-444455556666", "s3cr3tquery", "AnnSmithsTitle", "annsmithspage", "AnnsMessage",
    "annsattribute", "AnnsTag", "onlyann.type", "annsbutton", "AnnsAgent", "annsrelease",
)  # fmt: skip


@pytest.fixture(scope="module")
def scenario_text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A fit to traffic in which one visitor, and a path of every visitor, hold secrets."""
    events = log_events(loadgen.generate("storefront", sessions=120, seed=4, start="2026-01-01"))
    sessions = list(dict.fromkeys(event["user_details"]["sessionId"] for event in events))
    for event in events:
        if event["user_details"]["sessionId"] == sessions[3]:
            spoil(event)
        elif event["metadata"].get("pageId") == "/":
            number = sessions.index(event["user_details"]["sessionId"])
            rename(event, f"/account/person{number}@example.org/{10_000_000 + number}?q=s3cr3tquery")
    path = tmp_path_factory.mktemp("privacy") / "events.ndjson"
    write_lines(path, events)
    return loadgen.fit(path).text


def rename(event: dict[str, Any], path: str) -> None:
    event["metadata"]["pageId"] = path
    if "pageId" in event["event_details"]:
        event["event_details"]["pageId"] = path


def spoil(event: dict[str, Any]) -> None:
    """What one visitor brings along."""
    metadata, details = event["metadata"], event["event_details"]
    metadata |= {"title": "AnnSmithsTitle", "pageTags": ["AnnsTag"], "aws:userAgent": "AnnsAgent/1.0",
                 "aws:releaseId": "annsrelease", "annsattribute": "ann.smith@example.org"}  # fmt: skip
    rename(event, f"/annsmithspage/{SECRETS[3]}/ann.smith@example.org")
    kind = event["event_type"].rpartition(".")[2]
    if kind == "js_error_event":
        details["message"] = "AnnsMessage ann.smith@example.org 4111111111111111"
    elif kind == "dom_event":
        details["elementId"] = "annsbutton"
    elif kind == "performance_resource_event":
        event["event_type"] = "onlyann.type"
        event["event_details"] = {"annsattribute": SECRETS[4], "card": SECRETS[2]}
    elif kind == "http_event":
        details["request"]["url"] = f"https://api.example.com/annsmithspage/{SECRETS[4]}?token=s3cr3tquery"


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_of_one_visitor_is_not_in_the_scenario(secret: str, scenario_text: str) -> None:
    assert secret not in scenario_text
    assert secret.lower() not in scenario_text.lower()


def test_addresses_and_numbers_in_paths_of_everybody_are_folded(scenario_text: str) -> None:
    assert 'path = "/account/{account}/{account_2}"' in scenario_text
    assert "person" not in scenario_text
    assert "100000" not in scenario_text


def test_no_session_user_or_event_id_is_in_the_scenario(tmp_path: Path) -> None:
    bodies = list(loadgen.generate("quickstart", sessions=60, seed=4, start="2026-01-01"))
    path = tmp_path / "bodies"
    path.write_bytes(b"\n".join(bodies))
    found = loadgen.fit(path)
    for body in map(json.loads, bodies):
        assert body["UserDetails"]["sessionId"] not in found.text
        assert body["UserDetails"]["userId"] not in found.text


def test_what_few_sessions_saw_is_written_when_fewer_are_asked_for(tmp_path: Path) -> None:
    events = log_events(loadgen.generate("quickstart", sessions=60, seed=4, start="2026-01-01"))
    homes = list(dict.fromkeys(e["user_details"]["sessionId"] for e in events if e["metadata"]["pageId"] == "/"))
    for event in events:
        if event["metadata"]["pageId"] == "/" and event["user_details"]["sessionId"] in homes[:3]:
            rename(event, "/sale")
    write_lines(tmp_path / "events", events)
    assert "/sale" not in loadgen.fit(tmp_path / "events").text
    assert 'path = "/sale"' in loadgen.fit(tmp_path / "events", at_least=2).text
