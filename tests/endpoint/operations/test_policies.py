"""Resource policies: their documents, their revisions, and what they let in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from loadgen.endpoint.operations.policies import matches_wildcards
from tests.endpoint.conftest import Caller, batch
from tests.endpoint.operations.test_monitors import ARN, refused

POLICY = "/appmonitor/shop/policy"


def statement(**more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": "*", "Action": "rum:PutRumEvents", "Resource": ARN, **more}


def document(*statements: dict[str, Any], **more: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements) or [statement()], **more})


@pytest.fixture
def shop(caller: Caller) -> Caller:
    caller.monitor()
    return caller


def attach(shop: Caller, text: str, **more: Any) -> dict[str, Any]:
    answer = shop.json("PUT", POLICY, {"PolicyDocument": text, **more})
    assert isinstance(answer, dict)
    return answer


def monitor_of(shop: Caller) -> str:
    return str(shop.json("GET", "/appmonitor/shop")["AppMonitor"]["Id"])


def test_a_policy_is_put_shown_and_deleted(shop: Caller) -> None:
    put = attach(shop, document())
    assert put["PolicyDocument"] == document()
    assert shop.json("GET", POLICY) == put
    assert shop.json("DELETE", POLICY) == {"PolicyRevisionId": put["PolicyRevisionId"]}
    for method in ("GET", "DELETE"):
        assert refused(shop, method, POLICY)[:2] == (404, "PolicyNotFoundException")


def test_a_policy_needs_a_monitor(caller: Caller) -> None:
    for method, body in (("GET", None), ("DELETE", None), ("PUT", {"PolicyDocument": document()})):
        assert refused(caller, method, POLICY, body)[:2] == (404, "ResourceNotFoundException")


def test_every_change_makes_a_new_revision(shop: Caller) -> None:
    first = attach(shop, document())["PolicyRevisionId"]
    second = attach(shop, document(), PolicyRevisionId=first)["PolicyRevisionId"]
    assert first != second
    late = {"PolicyDocument": document(), "PolicyRevisionId": first}
    assert refused(shop, "PUT", POLICY, late)[:2] == (400, "InvalidPolicyRevisionIdException")
    assert refused(shop, "DELETE", f"{POLICY}?policyRevisionId={first}")[1] == "InvalidPolicyRevisionIdException"
    assert shop.json("DELETE", f"{POLICY}?policyRevisionId={second}") == {"PolicyRevisionId": second}


def test_a_revision_that_a_caller_chose_must_be_named_from_then_on(shop: Caller) -> None:
    assert attach(shop, document(), PolicyRevisionId="mine")["PolicyRevisionId"] == "mine"
    blind = {"PolicyDocument": document()}
    assert refused(shop, "PUT", POLICY, blind)[1] == "InvalidPolicyRevisionIdException"
    attach(shop, document(), PolicyRevisionId="mine")


def test_a_policy_has_4_kilobytes_at_most(shop: Caller) -> None:
    fits = document(Id="x" * (4096 - len(document(Id=""))))
    attach(shop, fits)
    over = {"PolicyDocument": fits + " "}
    assert refused(shop, "PUT", POLICY, over)[:2] == (400, "PolicySizeLimitExceededException")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json",
        "[]",
        "[" * 4000,
        document(Statement=[]),
        document(Version="2020-01-01"),
        document(Extra=1),
        document({"Effect": "Allow"}),
        document(statement(Effect="Maybe")),
        document(statement(Action="rum:*")),
        document(statement(Action=["rum:PutRumEvents", "rum:GetAppMonitor"])),
        document(statement(Resource="arn:aws:rum:us-east-1:123456789012:appmonitor/other")),
        document(statement(Resource=[])),
        document(statement(Principal={"AWS": "999999999999"})),
        document(statement(Principal={"Service": "s3.amazonaws.com"})),
        document(statement(Principal=None)),
        document(statement(NotAction="x")),
        document(statement(Condition=[])),
        document(statement(Condition={"StringEquals": {"aws:PrincipalTag": "x"}})),
        document(statement(Condition={"DateLessThan": {"rum:alias": "x"}})),
        document(statement(Condition={"StringEquals": {"rum:alias": 1}})),
        document(statement(Condition={"StringEquals": "x"})),
    ],
)
def test_a_malformed_policy_is_refused(shop: Caller, text: str) -> None:
    answer = refused(shop, "PUT", POLICY, {"PolicyDocument": text})
    assert answer[:2] == (400, "MalformedPolicyDocumentException")


def test_an_unsigned_request_needs_a_policy(shop: Caller) -> None:
    monitor_id = monitor_of(shop)
    unsigned = shop.put(monitor_id, batch(), sign=False)
    assert (unsigned.status, unsigned.get_header("x-amzn-errortype")) == (403, "MissingAuthenticationTokenException")
    attach(shop, document())
    assert shop.put(monitor_id, batch(), sign=False).status == 200
    assert shop.put(monitor_id, batch()).status == 200


def test_the_unsigned_setting_opens_put_rum_events_only(callers: Any) -> None:
    caller = callers(unsigned=True)
    monitor_id = caller.monitor()
    assert caller.put(monitor_id, batch(), sign=False).status == 200
    assert caller.send("GET", "/appmonitor/shop", sign=False).status == 403


def test_a_wrong_signature_is_wrong_even_where_none_is_needed(callers: Any) -> None:
    caller = callers(unsigned=True)
    headers = (("authorization", "AWS4-HMAC-SHA256 Credential=x"),)
    assert caller.put(caller.monitor(), batch(), sign=False, headers=headers).status == 403


HEADERS = (("user-agent", "Mozilla/5.0 (X11)"), ("referer", "https://shop.example.com/cart"))


@pytest.mark.parametrize(
    ("condition", "let_in"),
    [
        ({"StringEquals": {"rum:alias": "web"}}, True),
        ({"StringEquals": {"rum:alias": ["ios", "web"]}}, True),
        ({"StringEquals": {"rum:alias": "ios"}}, False),
        ({"StringEquals": {"rum:alias": "WEB"}}, False),
        ({"StringEqualsIgnoreCase": {"rum:alias": "WEB"}}, True),
        ({"StringNotEquals": {"rum:alias": "ios"}}, True),
        ({"StringNotEquals": {"rum:alias": "web"}}, False),
        ({"ForAnyValue:StringEquals": {"RUM:Alias": "web"}}, True),
        ({"StringLike": {"aws:UserAgent": "Mozilla/*"}}, True),
        ({"StringLike": {"aws:UserAgent": "curl/*"}}, False),
        ({"StringLike": {"aws:referer": "https://*.example.com/*"}}, True),
        ({"StringNotLike": {"aws:referer": "https://*.example.com/*"}}, False),
        ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, True),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, False),
        ({"NotIpAddress": {"aws:SourceIp": ["10.0.0.0/8", "192.168.0.0/16"]}}, True),
        ({"IpAddress": {"aws:SourceIp": "nonsense"}}, False),
        ({"StringEquals": {"rum:alias": "web"}, "IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, False),
    ],
)
def test_conditions_decide_who_gets_in(shop: Caller, condition: dict[str, Any], let_in: bool) -> None:
    monitor_id = monitor_of(shop)
    attach(shop, document(statement(Condition=condition)))
    for sign in (True, False):
        response = shop.put(monitor_id, batch(Alias="web"), sign=sign, headers=HEADERS)
        expected = (200, None) if let_in else (403, "AccessDeniedException")
        assert (response.status, response.get_header("x-amzn-errortype")) == expected


@pytest.mark.parametrize(
    ("operator", "let_in"), [("StringEquals", False), ("StringEqualsIfExists", True), ("StringNotEquals", True)]
)
def test_a_request_without_an_alias_fails_all_but_optional_and_negated_conditions(
    shop: Caller, operator: str, let_in: bool
) -> None:
    attach(shop, document(statement(Condition={operator: {"rum:alias": "web"}})))
    assert (shop.put(monitor_of(shop), batch()).status == 200) == let_in


def test_a_deny_wins(shop: Caller) -> None:
    deny = statement(Effect="Deny", Condition={"StringEquals": {"rum:alias": "bad"}})
    attach(shop, document(statement(), deny))
    monitor_id = monitor_of(shop)
    assert shop.put(monitor_id, batch(Alias="good")).status == 200
    assert shop.put(monitor_id, batch(Alias="bad")).status == 403


@pytest.mark.parametrize("principal", ["123456789012", "arn:aws:iam::123456789012:root"])
def test_a_principal_of_the_account_lets_signed_requests_in_alone(shop: Caller, principal: str) -> None:
    attach(shop, document(statement(Principal={"AWS": principal})))
    monitor_id = monitor_of(shop)
    assert shop.put(monitor_id, batch()).status == 200
    assert shop.put(monitor_id, batch(), sign=False).status == 403


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("*", "", True),
        ("a*b", "ab", True),
        ("a*b*c", "a-b-c", True),
        ("a*b*c", "a-c-b", False),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("[a]*", "[a]b", True),
        ("ab*", "ab\n", True),
    ],
)
def test_wildcards_are_iams(pattern: str, text: str, matches: bool) -> None:
    assert matches_wildcards(pattern, text) == matches


def test_no_wildcard_takes_long() -> None:
    assert not matches_wildcards("*a" * 2000 + "b", "a" * 60_000)
