"""Every event fits the web client's own schemas (their folder is not part of this repository)."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from loadgen.model import Event, Session, Visitor
from loadgen.rum.events import EVENT_PREFIX
from loadgen.wire.json_templates import written

SHARED = Path(os.environ.get("LOADGEN_SHARED", Path(__file__).parents[3] / "shared"))
FOLDER = SHARED / "rum-event-schemas"
VALIDATED = 300


def without_ids(schema: Any) -> Any:
    """The schema without `$id`s: inside xray-trace-event.json they are not valid ones and break its references."""
    if isinstance(schema, dict):
        return {key: without_ids(value) for key, value in schema.items() if key != "$id"}
    return [without_ids(item) for item in schema] if isinstance(schema, list) else schema


@pytest.fixture(scope="module")
def schemas() -> dict[str, jsonschema.Draft202012Validator]:
    if not FOLDER.is_dir():
        message = (
            f"NOT VALIDATED: no schemas in {FOLDER}; set LOADGEN_SHARED to the folder that holds rum-event-schemas"
        )
        warnings.warn(message, stacklevel=1)
        pytest.skip(message)
    found = {}
    for path in FOLDER.glob("*.json"):
        schema = json.loads(path.read_text())
        name = "com.amazon.rum.xray_trace_event" if path.stem == "xray-trace-event" else schema["$id"]
        found[name] = jsonschema.Draft202012Validator(without_ids(schema))
    return found


def metadata(event: Event, visitor: Visitor, domain: str) -> dict[str, Any]:
    """Session and event metadata merged, as the service sees them."""
    page = event.page
    merged: dict[str, Any] = {"version": "1.0.0", "domain": domain, "platformType": "web"}
    merged |= {
        "browserLanguage": visitor.language,
        "deviceType": visitor.device_type,
        "aws:userAgent": visitor.user_agent,
    }
    merged |= {
        "browserName": visitor.browser_name,
        "browserVersion": visitor.browser_version,
        "osName": visitor.os_name,
    }
    merged |= {"title": page.title, "pageId": page.id, "interaction": page.interaction, "pageTags": list(page.tags)}
    return merged | ({"parentPageId": page.parent_id} if page.parent_id is not None else {})


def as_sent(details: Any) -> Any:
    """Details as parsed from a request's body."""
    return json.loads(json.loads(f'"{details if isinstance(details, str) else written(details)}"'))


def test_every_event_fits_its_schema(
    written_shop: list[Session], schemas: dict[str, jsonschema.Draft202012Validator]
) -> None:
    checked = set()
    for session in written_shop[:VALIDATED]:
        for load in session.loads:
            for event in load.events:
                schema = schemas.get(event.type)
                if schema is not None:
                    checked.add(event.type)
                    schema.validate(as_sent(event.details))
                else:
                    assert not event.type.startswith(EVENT_PREFIX)
    assert len(checked) == 13


def test_every_events_metadata_fits(shop: list[Session], schemas: dict[str, jsonschema.Draft202012Validator]) -> None:
    schema = schemas["com.amazon.rum.meta_data"]
    for session in shop[:VALIDATED]:
        for load in session.loads:
            for event in load.events[:3]:
                schema.validate(metadata(event, session.visitor, "shop.example.com"))
