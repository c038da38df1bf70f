"""Make up for the custom events, clicks and JavaScript errors that the client's batch limit keeps from being sent.

Rule: as a page closes, the client sends one batch. With a small limit the events beyond it are lost, so views seem to
have fewer events than they had. Recorded and generated traffic are counted alike, and the shares move by the ratio.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from loadgen.jobs.fit.drafting.draft import Draft
from loadgen.jobs.fit.estimates.actions import find_clicks, find_js_errors
from loadgen.jobs.fit.estimates.custom_data import find_custom_events
from loadgen.jobs.fit.estimates.estimate import Seen, choose_complete
from loadgen.jobs.fit.estimates.inputs import bound
from loadgen.jobs.fit.support import round_share
from loadgen.scenario import Click

ELEMENT = Click.model_fields["element"].default
"""The element of a click whose draft states none."""

Shares = dict[tuple[str, ...], float]
"""[page's name, what happens]: how often in a view. With no page: of errors, by session."""


def loses_events(draft: Draft) -> bool:
    """Whether the data show a batch limit of the client: then events are lost as pages close."""
    return "batchLimit" in draft.sections["client"]


def read_shares(draft: Draft) -> Shares:
    """Return how often the draft has each custom event, click and error."""
    errors = draft.sections["telemetry"]["errors"]
    found: Shares = {("", name): errors[name] for name in ("sessions", "per_session") if name in errors}
    return found | {key: member.get("per_view", 1.0) for key, member in _list_members(draft.pages)}


def correct_shares(draft: Draft, wanted: Shares, seen: Seen, shown: Seen) -> None:
    """Correct the shares by comparing those of the recorded traffic (`wanted`) and of the generated (`shown`)."""
    found = measure_shares(shown)
    views = dict(zip(seen.site.names, seen.walked.tolist(), strict=True))
    for key, member in _list_members(draft.pages):
        if found.get(key):
            share = min(member.get("per_view", 1.0) * bound(wanted[key] / found[key]), 1.0)
            member["per_view"] = round_share(share, max(views[key[0]], 1.0))
            if member["per_view"] == 1.0 and "type" in member:
                del member["per_view"]  # a custom event's default
    errors = draft.sections["telemetry"]["errors"]
    if found["", "sessions"]:
        ratio = bound(wanted["", "sessions"] / found["", "sessions"])
        errors["sessions"] = round_share(min(errors["sessions"] * ratio, 1.0), 1000)
    if ("", "per_session") in wanted and found["", "per_session"] > 1:
        ratio = bound((wanted["", "per_session"] - 1) / (found["", "per_session"] - 1))
        errors["per_session"] = round(1 + (errors["per_session"] - 1) * ratio, 2)


def measure_shares(seen: Seen) -> Shares:
    """Measure how often traffic has each custom event, click and error, as the estimates do."""
    recorded, names, (whole, walked) = seen.recorded, seen.site.names, choose_complete(seen)
    errors = find_js_errors(recorded, seen.cuts.full, whole, walked, 1)
    events = find_custom_events(recorded, seen.site, whole, walked, 1)
    clicks = find_clicks(recorded, whole, walked, 1)
    pages = {name: {"events": events.get(page, []), "clicks": clicks.get(page, [])} for page, name in enumerate(names)}
    found: Shares = {("", "sessions"): errors.sessions, ("", "per_session"): errors.per_session}
    return found | {key: member.get("per_view", 1.0) for key, member in _list_members(pages)}


def _list_members(pages: dict[str, dict[str, Any]]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Yield the custom events and clicks of pages, each with its key."""
    for name, page in pages.items():
        for event in page.get("events", ()):
            yield (name, event["type"]), event
        for click in page.get("clicks", ()):
            yield (name, click.get("element", ELEMENT), click.get("id", ""), click.get("css", "")), click
