"""What an answer says."""

from __future__ import annotations

import pytest

from loadgen.model import Response
from loadgen.transport import name_refusal, parse_retry_after

NOW = 1_767_225_600.0  # Thu, 01 Jan 2026 00:00:00 GMT


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("3", 3.0),
        (" 0 ", 0.0),
        ("1.5", 1.5),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30.0),
        ("Thursday, 01-Jan-26 00:00:30 GMT", 30.0),
        ("Thu Jan  1 00:00:30 2026", 30.0),
        ("Thu, 01 Jan 2026 00:00:30 -0000", 30.0),
        ("Wed, 31 Dec 2025 23:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("inf", None),
        ("nan", None),
        ("٣", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_any_form_of_an_http_date(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, NOW) == seconds


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ((), "403"),
        ((("x-amzn-errortype", "AccessDeniedException"),), "403 AccessDeniedException"),
        ((("x-amzn-errortype", "AccessDeniedException:http://internal.amazon.com/"),), "403 AccessDeniedException"),
    ],
)
def test_a_refusal_is_named_by_its_status_and_the_services_error(
    headers: tuple[tuple[str, str], ...], name: str
) -> None:
    assert name_refusal(Response(403, headers)) == name
