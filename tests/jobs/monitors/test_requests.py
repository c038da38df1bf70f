"""What a person gives in options, as parameters of the RUM API."""

from __future__ import annotations

from typing import Any

import pytest

from loadgen.errors import LoadgenError
from loadgen.jobs.monitors.requests import DestinationOptions, MonitorOptions, parse_tags


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {}),
        ({"domains": ("a.example.com",)}, {"Domain": "a.example.com"}),
        ({"domains": ("a.example.com", "*.b.com")}, {"DomainList": ["a.example.com", "*.b.com"]}),
        ({"cookies": False}, {"AppMonitorConfiguration": {"AllowCookies": False}}),
        ({"logs": False, "custom_events": False}, {"CwLogEnabled": False, "CustomEvents": {"Status": "DISABLED"}}),
        ({"sample_rate": 0.0}, {"AppMonitorConfiguration": {"SessionSampleRate": 0.0}}),
        (
            {"source_maps": "s3://maps"},
            {"DeobfuscationConfiguration": {"JavaScriptSourceMaps": {"Status": "ENABLED", "S3Uri": "s3://maps"}}},
        ),
    ],
)
def test_what_is_given_is_sent_and_nothing_else(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert MonitorOptions(**given).parameters == expected


@pytest.mark.parametrize("words", [("a",), ("=b",), ("a=b", ""), ("a=b", "c")])
def test_words_that_are_no_pairs_are_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(LoadgenError, match="write each as KEY=VALUE"):
        parse_tags(words)


def test_a_value_may_hold_an_equals_sign_or_be_empty() -> None:
    assert parse_tags(["stage=demo=1", "empty="]) == {"stage": "demo=1", "empty": ""}


def test_a_destination_has_an_arn_only_where_one_is_given() -> None:
    assert DestinationOptions().locate("demo") == {"AppMonitorName": "demo", "Destination": "CloudWatch"}
    assert (
        DestinationOptions(destination="Evidently", destination_arn="arn:x").locate("demo")["DestinationArn"] == "arn:x"
    )
