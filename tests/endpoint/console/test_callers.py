"""Only this machine's programs and the console's own page reach it, and the page can do nothing but ask it."""

from __future__ import annotations

import json

import pytest

from loadgen.endpoint import Endpoint, EndpointSettings
from loadgen.endpoint.console import POLICY, read_files
from tests.endpoint.conftest import KEYS, Caller
from tests.endpoint.console.looking import HOST, Looker
from tests.endpoint.sockets import ask

OWN = ("origin", "http://127.0.0.1:8080")
SAME = ("sec-fetch-site", "same-origin")
PAGE = "/_loadgen/"
STATUS = "/_loadgen/api/status"
SETTINGS = "/_loadgen/api/settings"


@pytest.mark.parametrize("target", [PAGE, STATUS, "/_loadgen/web/console.js"])
@pytest.mark.parametrize(
    ("headers", "peer"),
    [
        ((HOST,), "10.0.0.7"),
        ((HOST,), "2001:db8::1"),
        ((), "127.0.0.1"),
        ((("host", "rebound.example:8080"),), "127.0.0.1"),
        ((HOST, ("host", "rebound.example")), "127.0.0.1"),
        ((HOST, ("origin", "http://localhost:3000")), "127.0.0.1"),
        ((HOST, ("origin", "null")), "127.0.0.1"),
        ((HOST, ("sec-fetch-site", "cross-site")), "127.0.0.1"),
        ((HOST, ("sec-fetch-site", "same-site"), ("sec-fetch-mode", "no-cors")), "127.0.0.1"),
    ],
)
def test_strangers_are_denied(looker: Looker, target: str, headers: tuple[tuple[str, str], ...], peer: str) -> None:
    response = looker.ask(target, headers=headers, peer=peer)
    assert response.status == 403
    assert response.get_header("access-control-allow-origin") is None


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1"])
@pytest.mark.parametrize(
    "headers", [(HOST,), (HOST, SAME), (HOST, OWN, SAME), (("host", "localhost:8080"),), (("host", "[::1]:8080"), SAME)]
)
def test_this_machine_and_the_own_page_are_let_in(
    looker: Looker, headers: tuple[tuple[str, str], ...], peer: str
) -> None:
    assert looker.ask(STATUS, headers=headers, peer=peer).status == 200


def test_a_link_elsewhere_opens_the_page_and_nothing_else(looker: Looker) -> None:
    link = (HOST, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"))
    frame = (*link[:3], ("sec-fetch-dest", "iframe"))
    assert looker.ask(PAGE, headers=link).status == 200
    assert looker.ask(PAGE, headers=frame).status == 403
    assert looker.ask(STATUS, headers=link).status == 403


@pytest.mark.parametrize("target", [PAGE, STATUS, "/_loadgen/web/none.js", "/_loadgen/api/none"])
def test_every_answer_carries_the_policy(looker: Looker, target: str) -> None:
    response = looker.ask(target)
    assert response.get_header("content-security-policy") == POLICY
    assert response.get_header("x-content-type-options") == "nosniff"
    assert "unsafe" not in POLICY and "*" not in POLICY and "http" not in POLICY


def test_the_page_and_its_files_are_served(looker: Looker) -> None:
    assert looker.ask("/_loadgen").get_header("location") == PAGE
    assert looker.ask(PAGE).get_header("content-type") == "text/html; charset=utf-8"
    for name in read_files():
        response = looker.ask(f"/_loadgen/web/{name}")
        assert response.status == 200
        assert b"http://" not in response.body.replace(b"http://www.w3.org/", b"")
        assert b"https://" not in response.body
    for bad in ("../views.py", "..%2fviews.py", "", "none.js"):
        assert looker.ask(f"/_loadgen/web/{bad}").status == 404


def test_settings_change_by_the_own_page_alone(looker: Looker) -> None:
    body = b'{"quota": 5, "faults": {"errors": 0.5}}'
    assert looker.ask(SETTINGS, "PUT", (HOST, ("origin", "http://evil.example"), SAME), body=body).status == 403
    assert looker.caller.endpoint.state.settings.quota is None
    changed = looker.ask(SETTINGS, "PUT", (HOST, OWN, SAME), body=body)
    assert json.loads(changed.body)["quota"] == 5
    assert looker.caller.endpoint.state.settings.faults.errors == 0.5
    assert looker.ask(SETTINGS, "PUT", (HOST, OWN), body=b'{"quota": -1}').status == 400


def test_a_store_of_another_time_has_no_settings_to_change(caller: Caller) -> None:
    looker = Looker(caller, is_live=False)
    assert looker.ask(SETTINGS, "PUT", (HOST, OWN), body=b"{}").status == 404
    looker.close()


@pytest.mark.parametrize(
    "query",
    [
        "",
        "from=1",
        "from=5&to=5",
        "from=x&to=9",
        "from=-1&to=9",
        "from=1&to=99999999999999999999999",
        "from=1&to=9&before=1.2",
    ],
)
def test_a_bad_query_is_refused_with_its_reason(looker: Looker, query: str) -> None:
    monitor = looker.caller.monitor()
    response = looker.ask(f"/_loadgen/api/events?monitor={monitor}&{query}")
    assert response.status == 400
    assert json.loads(response.body)["message"]


def test_an_unknown_monitor_is_not_found(looker: Looker) -> None:
    assert looker.ask("/_loadgen/api/pages?monitor=none&from=1&to=2").status == 404


def test_a_running_endpoint_serves_its_console() -> None:
    with Endpoint(EndpointSettings(credentials=(KEYS,))) as endpoint:
        status, body = ask(endpoint, "GET", PAGE)
        assert (status, b"<!doctype html>" in body) == (200, True)
        status, body = ask(endpoint, "GET", STATUS)
        assert json.loads(body)["live"] is True
