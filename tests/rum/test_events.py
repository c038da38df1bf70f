"""Every event that is generated has the members of its type, by our table and by the web client's own schemas.

The schemas are in no package. They are looked for in LOADGEN_SHARED/rum-event-schemas, beside the repository unless
given; where they are not, the table alone decides.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from click.testing import CliRunner

from loadgen.cli import commands
from loadgen.rum.events import EVENT_PREFIX
from loadgen.scenario import PageSpec, Population, Resources, Scenario
from loadgen.scenario.monitor import Telemetry as Family
from loadgen.scenario.pages import ApiCall, Click, CustomEvent, Link
from loadgen.scenario.problems import Section
from loadgen.scenario.scenario import Client
from loadgen.scenario.telemetry import Api, Cache, Errors, Telemetry
from tests.paths import FIXTURES, ROOT, SCENARIOS
from tests.rum.event_members import DETAILS, FLAG, METADATA, NUMBER, TEXT, Shape, misfits

SCHEMAS = Path(os.environ.get("LOADGEN_SHARED", ROOT.parent / "shared")) / "rum-event-schemas"
EVERYTHING = FIXTURES / "everything.toml"
SOURCES = {SCENARIOS / "storefront.toml": 60, SCENARIOS / "saas-dashboard.toml": 60, EVERYTHING: 40}
"""Scenarios and sessions of each; the last one alone has every type."""

TRAFFIC = (Client, Population, PageSpec, Resources, Link, ApiCall, Click, CustomEvent, Telemetry, Cache, Api, Errors)
"""The sections that say what is in events."""

OFF: tuple[Any, ...] = (None, 0, False, "", (), {})
NEEDLESS = {
    "Client": {"sessionEventLimit", "enableW3CTraceId"},  # W3C's ids of 32 digits do not fit the schema of http events
    "Population": {"devices", "browsers", "systems", "languages"},  # each country's own mix has all of them
    "PageSpec": {"think_time"},
    "Resources": {"kilobytes"},  # says how large files are
    "Telemetry": {"protocol"},  # left out, visits have all of them
    "Cache": {"first_page_new"},
}
"""Options that add nothing to events."""

ATTRIBUTES: dict[str, Shape] = {
    "tier?": TEXT, "seats?": NUMBER, "trial?": FLAG, "team?": TEXT,
    "kind?": TEXT, "rank?": NUMBER, "shown?": FLAG, "place?": TEXT,
}  # fmt: skip
"""Members of the metadata that EVERYTHING's site adds."""

Judge = Callable[[str, dict[str, Any]], list[str]]


def by_our_table(name: str, value: dict[str, Any]) -> list[str]:
    return misfits(value, {**METADATA, **ATTRIBUTES} if name == "meta_data" else DETAILS[name])


def without_ids(schema: Any) -> Any:
    """The schema without `$id`s: inside xray-trace-event.json they are not valid ones and break its references."""
    if isinstance(schema, dict):
        return {key: without_ids(value) for key, value in schema.items() if key != "$id"}
    return [without_ids(item) for item in schema] if isinstance(schema, list) else schema


def by_the_schemas() -> Judge:
    validators = {}
    for path in SCHEMAS.glob("*.json"):
        schema = json.loads(path.read_text())
        validators[schema["$id"].rpartition(".")[2]] = jsonschema.Draft202012Validator(without_ids(schema))

    def judge(name: str, value: dict[str, Any]) -> list[str]:
        return [str(error) for error in validators[name].iter_errors(value)]

    return judge


JUDGES = {"table": by_our_table} | ({"schemas": by_the_schemas()} if SCHEMAS.is_dir() else {})


@pytest.fixture(scope="module")
def bodies(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The bodies of the first sessions of several scenarios."""
    file, found = tmp_path_factory.mktemp("bodies") / "bodies.ndjson", []
    for seed, (path, sessions) in enumerate(SOURCES.items()):
        arguments = ["generate", str(path), "--sessions", str(sessions), "--seed", str(seed), "--out", str(file)]
        result = CliRunner().invoke(commands, arguments)
        assert result.exit_code == 0, result.output
        found += [json.loads(line) for line in file.read_text().splitlines()]
    return found


def sections(value: Any) -> Iterator[Section]:
    """All sections of a scenario."""
    if isinstance(value, Section):
        yield value
        value = [getattr(value, name) for name in type(value).model_fields]
    if isinstance(value, dict | list | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            yield from sections(each)


def test_everything_is_switched_on() -> None:
    """Each option of traffic and client has a value in the scenario that is not off, so that a new one is tried too."""
    scenario = Scenario.load(EVERYTHING)
    off: dict[str, set[str]] = {}
    for section in sections(scenario):
        if isinstance(section, TRAFFIC):
            fields = {name for name in type(section).model_fields if getattr(section, name) in OFF}
            name = type(section).__name__
            off[name] = off.get(name, fields) & fields
    assert {name: left for name, fields in off.items() if (left := fields - NEEDLESS.get(name, set()))} == {}
    assert set(scenario.monitor.telemetries) == set(get_args(Family))
    assert {call.via for page in scenario.pages.values() for call in page.api} == {"fetch", "xhr"}
    assert {each.kind for each in scenario.incidents} == {"error", "slow_api", "cdn_outage", "layout_shift"}


def test_event_ids_are_unique(bodies: list[dict[str, Any]]) -> None:
    ids = [event["id"] for body in bodies for event in body["RumEvents"]]
    assert len(set(ids)) == len(ids)


def events(bodies: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Type, details and metadata of each event, the session's metadata among them, as the service sees them."""
    for body in bodies:
        session = json.loads(body["SessionMetadata"])
        for event in body["RumEvents"]:
            yield event["type"], json.loads(event["details"]), session | json.loads(event["metadata"])


@pytest.mark.parametrize("judge", JUDGES.values(), ids=JUDGES)
def test_every_events_details_have_the_members_of_its_type(bodies: list[dict[str, Any]], judge: Judge) -> None:
    seen = set()
    for kind, details, _ in events(bodies):
        if kind.startswith(EVENT_PREFIX):
            name = kind.removeprefix(EVENT_PREFIX)
            seen.add(name)
            assert judge(name, details) == [], details
    assert seen == set(DETAILS)


@pytest.mark.parametrize("judge", JUDGES.values(), ids=JUDGES)
def test_every_events_metadata_has_the_members_of_the_web_client(bodies: list[dict[str, Any]], judge: Judge) -> None:
    distinct = {json.dumps(metadata): metadata for _, _, metadata in events(bodies)}
    for metadata in distinct.values():
        assert judge("meta_data", metadata) == [], metadata


@pytest.mark.parametrize("name", DETAILS)
def test_our_table_finds_a_spoiled_event(bodies: list[dict[str, Any]], name: str) -> None:
    good = next(details for kind, details, _ in events(bodies) if kind == EVENT_PREFIX + name)
    assert by_our_table(name, good | {"unheardOf": 1}) == ["details.unheardOf is unknown"]
    for key in [key for key in DETAILS[name] if not key.endswith("?")]:
        rest = {other: value for other, value in good.items() if other != key}
        assert by_our_table(name, rest) == [f"details.{key} is missing"]
        assert by_our_table(name, good | {key: [None]})
