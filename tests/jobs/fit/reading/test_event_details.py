"""What is kept of a URL: nothing of one person, and of a call the host that it goes to."""

from __future__ import annotations

import pytest

from loadgen.jobs.fit.reading.event_details import cut_call, cut_url


@pytest.mark.parametrize(
    ("url", "page", "call"),
    [
        ("/api/cart?user=7#top", "/api/cart", "/api/cart"),
        ("https://find.example.com/v2/q?text=hat", "/v2/q", "https://find.example.com/v2/q"),
        ("https://ann:secret@find.example.com:8443/v2", "/v2", "https://find.example.com:8443/v2"),
        ("https://find.example.com", "/", "https://find.example.com/"),
        ("wss://find.example.com?x=1", "/", "wss://find.example.com/"),
    ],
)
def test_query_fragment_and_user_are_cut_off(url: str, page: str, call: str) -> None:
    assert cut_url(url) == page
    assert cut_call(url) == call
