"""Details as text: what traffic writes by the piece is what the noun would be, written whole."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from loadgen.model import Event, Page
from loadgen.rum.events import DOM, TTFB, Http, HttpRequest, PageView, Ttfb, TtfbAttribution
from loadgen.scenario import Scenario
from loadgen.traffic import draw_sessions
from loadgen.wire.json_templates import (
    PLACEHOLDER,
    TEXT_PLACEHOLDER,
    Template,
    date_details,
    escape,
    mark_time,
    mark_trace_id,
    read_details,
    read_vital,
    write_details,
)
from tests.paths import SCENARIOS
from tests.traffic.conftest import SEED
from tests.traffic.look import KINDS, events, small

ODD_TEXT = st.text() | st.sampled_from(["\0", '","', "\n", "\\", '"', '\\"', "a.0,", "\u2028", "é", "😀", "\x7f"])


def parsed(text: str) -> Any:
    """Details as a service reads them from a request's body."""
    return json.loads(json.loads(f'"{text}"'))


@pytest.mark.parametrize("client", [{}, {"allowCookies": False}, {"recordResourceUrl": False}])
def test_what_is_written_by_the_piece_is_what_the_noun_says(client: dict[str, Any]) -> None:
    storefront = Scenario.load(SCENARIOS / "storefront.toml").adjust(duration=20)
    shop = storefront.model_copy(update={"client": storefront.client.model_copy(update=client)})
    checked = set()
    for event in events([*draw_sessions(shop, SEED), *draw_sessions(small(**client), SEED)]):
        checked.add(event.type)
        assert write_details(read_details(event.details, KINDS.get(event.type, dict))) == event.details
    assert len(checked) == 14


@given(st.dictionaries(ODD_TEXT, ODD_TEXT))
def test_any_text_survives_both_levels_of_json(details: dict[str, str]) -> None:
    assert parsed(write_details(details)) == details


@given(ODD_TEXT, st.floats(0, 1e9))
def test_a_template_is_its_model_with_the_placeholders_filled(text: str, value: float) -> None:
    template = Template(Ttfb(PLACEHOLDER, TtfbAttribution(0, 0, 0, 0, PLACEHOLDER)))
    number = msgspec.json.encode(value).decode()
    (written,) = template.write_all([number], ["2"])
    assert read_details(written, Ttfb) == Ttfb(value, TtfbAttribution(0, 0, 0, 0, 2))
    request = Template(Http(HttpRequest(TEXT_PLACEHOLDER, TEXT_PLACEHOLDER)))
    assert read_details(request.write_all([escape(text)], ["GET"])[0], Http) == Http(HttpRequest(text, "GET"))


def test_many_rows_are_written_at_once() -> None:
    template = Template(PageView(TEXT_PLACEHOLDER, PLACEHOLDER))
    rows = [("/a", 0), ("/b", 1), ("/c", 2)]
    texts = template.write_all([path for path, _ in rows], (str(number) for _, number in rows))
    assert [read_details(text, PageView) for text in texts] == [PageView(path, number) for path, number in rows]


@pytest.mark.parametrize(
    ("details", "vital"),
    [
        (Ttfb(83.5, TtfbAttribution(0, 0, 0, 0, 83.5)), ("TTFB", 83.5)),
        ({"value": 7}, None),  # a custom event that has the type of a vital
    ],
)
def test_the_vital_of_an_event_is_read_from_its_details(details: Any, vital: tuple[str, float] | None) -> None:
    assert read_vital(Event("id", 0.0, TTFB, write_details(details), Page("/", ""))) == vital
    assert read_vital(Event("id", 0.0, DOM, write_details(details), Page("/", ""))) is None


def test_a_time_is_dated_when_the_session_is() -> None:
    template = {"start_time": mark_time(1.25), "trace_id": mark_trace_id(1.25, "a" * 24)}
    text = write_details(template)
    assert parsed(date_details(text, 1795288000.75)) == {
        "start_time": 1795288002,
        "trace_id": f"1-{1795288002:08x}-{'a' * 24}",
    }
    assert read_details(text, dict) == {"start_time": 1.25, "trace_id": f"1-00000001-{'a' * 24}"}
    assert '"start_time\\":1795288002,' in date_details(text, 1795288000.75)


def test_a_template_of_a_kind_has_a_placeholder_for_each_member_that_is_not_fixed() -> None:
    template = Template.for_type(Http, segment_id=UNSET, error=UNSET, method="GET", response=UNSET)
    assert template.pieces == Template(Http(HttpRequest(TEXT_PLACEHOLDER, "GET"), TEXT_PLACEHOLDER)).pieces
    assert Template.for_type(Ttfb).pieces == Template(Ttfb(PLACEHOLDER, TtfbAttribution(*[PLACEHOLDER] * 5))).pieces
