"""Planted secrets: nothing of one person gets into a scenario."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

import loadgen
from loadgen.errors import LoadgenError
from loadgen.jobs.fit import describe_fit, format_fitted
from loadgen.jobs.fit.page import build_fit_page
from loadgen.jobs.fit.support import holds_secret
from loadgen.output import format_json
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


FORMS = ("zq{0}wordzq", "{0}.zq@example.org", "zq{0}7f3a9b2c4d5e6f7a8b9c", "zq {0} title zq", "/zq{0}/path?token=zq{0}",
         "https://zq{0}.example.net/zq{0}?session=zq{0}#zq{0}", "zq{0}\x1b[31m")  # fmt: skip
KEPT = ("event_id", "event_version", "event_timestamp", "interaction", "userId")
"""What is no free text, or would only make other sessions of the events."""


def plant(value: Any, stream: random.Random, secret: str) -> Any:
    """The same with a secret in most of its texts, and one more member in each object."""
    if isinstance(value, dict):
        held = {name: inner if name in KEPT else plant(inner, stream, secret) for name, inner in value.items()}
        return held | {f"zq{secret}attribute": stream.choice(FORMS).format(secret)}
    if isinstance(value, list):
        return [plant(inner, stream, secret) for inner in value]
    return stream.choice(FORMS).format(secret) if isinstance(value, str) and stream.random() < 0.6 else value


@pytest.mark.parametrize(("seed", "often", "user"), [(1, 4, ""), (2, 9, "5a3b0a52-5b0f-4d1b-9e43-0d8a4c4c0f11")])
def test_a_secret_in_any_text_of_too_few_visitors_is_told_nowhere(
    seed: int, often: int, user: str, tmp_path: Path
) -> None:
    """Four visitors, one fewer than must have a text, or one who comes nine times, have a secret in all texts."""
    stream = random.Random(seed)
    events = log_events(loadgen.generate("saas-dashboard", sessions=40, seed=seed, start="2026-01-01"))
    whose = list(dict.fromkeys(event["user_details"]["sessionId"] for event in events))
    spoiled, secret = set(whose[3 : 3 + often]), "xylo"
    changed = []
    for event in events:
        session = event["user_details"]["sessionId"]
        held = plant(event, stream, secret) if session in spoiled else event
        if session in spoiled:
            held["user_details"] |= {"sessionId": f"{session} zq{secret}"} | ({"userId": user} if user else {})
            if stream.random() < 0.5:
                held["event_type"] = event["event_type"]
        changed.append(held)
    write_lines(tmp_path / "events", changed)
    said: list[str] = []
    found = loadgen.fit(tmp_path / "events", on_progress=lambda told: said.append(str(told)))
    assert found.sessions == len(whose)
    shown = [found.text, *format_fitted(found), format_json(describe_fit(found)), build_fit_page(found), *said]
    for text in map(str, shown):
        place = text.lower().find(secret)
        assert place < 0, text[max(place - 200, 0) : place + 100]
        assert "\x1b" not in text


def test_browsers_of_few_visitors_are_told_without_their_names(tmp_path: Path) -> None:
    """Opera is a browser that scenarios have, so few visitors with it are left out and not told as another."""
    events = log_events(loadgen.generate("quickstart", sessions=40, seed=4, start="2026-01-01"))
    whose = list(dict.fromkeys(event["user_details"]["sessionId"] for event in events))
    names = dict(zip(whose, ["Opera"] * 2 + ["AnnsBrowser"] * 3 + ["Vivaldi"] * 6, strict=False))
    for event in events:
        name = names.get(event["user_details"]["sessionId"], "Chrome")
        event["metadata"] |= {"browserName": name, "browserVersion": "120"}
    write_lines(tmp_path / "events", events)
    found = loadgen.fit(tmp_path / "events")
    assert "9 sessions of browsers that scenarios do not have: Vivaldi (6)" in found.notes
    assert found.scenario.population.browsers == {"Chrome": 100}


def test_what_one_user_alone_visits_is_fitted_if_one_visitor_is_enough(tmp_path: Path) -> None:
    events = log_events(loadgen.generate("quickstart", sessions=40, seed=4, start="2026-01-01"))
    for event in events:
        event["user_details"]["userId"] = "5a3b0a52-5b0f-4d1b-9e43-0d8a4c4c0f11"
    write_lines(tmp_path / "events", events)
    with pytest.raises(LoadgenError, match=r"40 sessions without a page that 5 visitors saw; .* lower --at-least"):
        loadgen.fit(tmp_path / "events")
    assert loadgen.fit(tmp_path / "events", at_least=1).scenario.pages["home"].path == "/"


@pytest.mark.parametrize(
    "text", ["at 192.168.17.23", "0171 234 567 89", "12-34-56", "5500 0000 0000 0004", "ann@example.org"]
)
def test_texts_of_everybody_that_hold_addresses_or_numbers_are_secrets(text: str) -> None:
    assert holds_secret(f"Hello {text}!")


@pytest.mark.parametrize("text", ["3.2.1", "Top 10", "5 of 12", "24/7", "Chapter 12.1"])
def test_short_numbers_are_no_secrets(text: str) -> None:
    assert not holds_secret(text)


def test_no_session_user_or_event_id_is_in_the_scenario(tmp_path: Path) -> None:
    bodies = list(loadgen.generate("quickstart", sessions=60, seed=4, start="2026-01-01"))
    path = tmp_path / "bodies"
    path.write_bytes(b"\n".join(bodies))
    found = loadgen.fit(path)
    for body in map(json.loads, bodies):
        assert body["UserDetails"]["sessionId"] not in found.text
        assert body["UserDetails"]["userId"] not in found.text


def test_what_few_visitors_saw_is_written_when_fewer_are_asked_for(tmp_path: Path) -> None:
    events = log_events(loadgen.generate("quickstart", sessions=60, seed=4, start="2026-01-01"))
    homes = list(dict.fromkeys(e["user_details"]["sessionId"] for e in events if e["metadata"]["pageId"] == "/"))
    for event in events:
        if event["metadata"]["pageId"] == "/" and event["user_details"]["sessionId"] in homes[:3]:
            rename(event, "/sale")
    write_lines(tmp_path / "events", events)
    assert "/sale" not in loadgen.fit(tmp_path / "events").text
    assert 'path = "/sale"' in loadgen.fit(tmp_path / "events", at_least=2).text
