"""An example suite: a small page with the real web client, in Chromium, as its developer would test what it reports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loadgen.testing.rum_endpoint import RumEndpoint
from tests.endpoint.browser.test_web_client import site, visit, whole_browser

__all__ = ["site", "whole_browser"]

pytestmark = pytest.mark.browser


@pytest.fixture
def endpoint(rum_endpoint: RumEndpoint, site: str, tmp_path: Path) -> RumEndpoint:
    """The endpoint after a visit: two pages, a click on each, a request that fails, an exception."""
    setup: dict[str, Any] = {
        "monitorId": rum_endpoint.create_monitor("shop", public=True),
        "config": {"signing": False},
    }
    visit(site, rum_endpoint, setup, tmp_path)
    return rum_endpoint


def test_the_page_reports_what_its_visitor_does(endpoint: RumEndpoint) -> None:
    views = endpoint.events(type="page_view_event", wait=10, count=2)
    assert [view["event_details"]["pageId"] for view in views] == ["/second", "/"]
    (error,) = endpoint.events(type="js_error_event", page="/", wait=10)
    assert "boom" in error["event_details"]["message"]
    (failed,) = endpoint.events(type="http_event", wait=10)
    assert failed["event_details"]["response"]["status"] == 404
    orders = endpoint.events(type="my.checkout", wait=10, count=2)
    assert [order["event_details"] for order in orders] == [{"items": 3}] * 2
    assert {order["metadata"]["plan"] for order in orders} == {"gold"}
    endpoint.assert_no_refusals()
