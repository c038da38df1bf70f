"""Why events do not show up: in each case the console says the reason, the offending member and what to change."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from loadgen.endpoint.faults import Faults
from loadgen.model import Request
from loadgen.wire.sigv4 import Credentials, Signer
from tests.endpoint.conftest import KEYS, NOW, Caller, batch, event
from tests.endpoint.console.looking import Looker

NOBODY = "00000000-0000-4000-8000-000000000000"
OTHER_KEY = Credentials("AKIDOTHER", KEYS.secret_access_key)
OTHER_SECRET = Credentials(KEYS.access_key_id, "x" * 40)
WITH_TOKEN = Credentials(KEYS.access_key_id, KEYS.secret_access_key, "a session token")
GZIP = ("content-encoding", "gzip")


class Sent:
    """One PutRumEvents call with something wrong; what is not said is right."""

    def __init__(
        self,
        body: Any = None,
        *,
        path: str = "/appmonitors/{id}",
        method: str = "POST",
        key: Credentials | None = KEYS,
        region: str = "us-east-1",
        skew: float = 0.0,
        headers: tuple[tuple[str, str], ...] = (),
        policy: dict[str, Any] | None = None,
        deleted: bool = False,
        **settings: Any,
    ) -> None:
        self.body = body if isinstance(body, bytes) else json.dumps(batch() if body is None else body).encode()
        self.path, self.method, self.headers = path, method, headers
        self.key, self.region, self.skew = key, region, skew
        self.policy, self.deleted, self.settings = policy, deleted, settings

    def send(self) -> tuple[Looker, str]:
        """A console over the endpoint that took the call, and the app monitor's id."""
        caller = Caller(**self.settings)
        monitor = caller.monitor()
        if self.policy is not None:
            statement = {"Effect": "Allow", "Principal": "*", "Action": "rum:PutRumEvents", "Condition": self.policy}
            statement["Resource"] = caller.settings.make_arn("shop")
            document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            caller.json("PUT", "/appmonitor/shop/policy", {"PolicyDocument": document})
        if self.deleted:
            caller.json("DELETE", "/appmonitor/shop")
        headers = (("host", "127.0.0.1:8080"), *self.headers)
        request = Request(self.method, self.path.format(id=monitor), headers, self.body)
        if self.key is not None:
            request = Signer(self.key, self.region).sign(request, NOW + self.skew)
        caller.handle(request)
        return Looker(caller), monitor


def without(member: str) -> dict[str, Any]:
    body = batch()
    del body[member]
    return body


def only(**members: Any) -> dict[str, Any]:
    return batch() | {"RumEvents": [event(), event(**members)]}


ALIAS = {"StringEquals": {"rum:alias": "shop-web"}}
REFUSED = [
    # what is wrong, code, words of the reason, offending members, words of what to change
    (Sent(path=f"/appmonitors/{NOBODY}"), "ResourceNotFoundException", f"found: {NOBODY}", {}, "shop has the id {id}"),
    (Sent(deleted=True), "ResourceNotFoundException", "not found: {id}", {}, "shop had this id, and was deleted"),
    (Sent(path="/appmonitors/shop"), "ValidationException", "'shop' at 'id'", {"id": "shop"}, "shop has the id {id}"),
    (Sent(path="/rum/{id}"), "UnknownOperationException", "/rum/{id}", {}, "POST /appmonitors/<id of a monitor>/"),
    (Sent(region="eu-west-1"), "InvalidSignatureException", "'us-east-1', not 'eu-west-1'", {}, "the Region us-east-1"),
    (Sent(key=None), "MissingAuthenticationTokenException", "Missing", {}, "serve --unsigned"),
    (
        Sent(key=None, path=f"/appmonitors/{NOBODY}"),
        "MissingAuthenticationTokenException", "Missing", {}, "shop has the id {id}",
    ),
    (Sent(key=OTHER_KEY), "UnrecognizedClientException", "invalid", {}, "AKIDOTHER; this endpoint knows AKIDEXAMPLE"),
    (Sent(key=WITH_TOKEN), "UnrecognizedClientException", "invalid", {}, "AKIDEXAMPLE without a session token"),
    (Sent(key=OTHER_SECRET), "InvalidSignatureException", "does not match", {}, "the secret is another one"),
    (Sent(skew=-3600), "RequestExpired", "60 min. after it was signed", {}, None),
    (
        Sent(method="OPTIONS", key=None, headers=(("origin", "http://localhost:3000"),), cors_origins=("http://a.b",)),
        "OriginNotAllowed", "http://a.b, not http://localhost:3000", {}, "The browser sends nothing after this",
    ),
    (Sent(key=None, policy=ALIAS), "AccessDeniedException", "of app monitor shop", {}, "without an Alias"),
    (Sent(batch(Alias="web"), key=None, policy=ALIAS), "AccessDeniedException", "shop", {}, 'with Alias "web"'),
    (Sent(without("UserDetails")), "ValidationException", "'userDetails'", {"userDetails": None}, None),
    (Sent(only(timestamp="now")), "ValidationException", "seconds", {"rumEvents.2.member.timestamp": "now"}, None),
    (
        Sent(only(timestamp=NOW * 1000)),
        "ValidationException", "in seconds", {"rumEvents.2.member.timestamp": NOW * 1000}, None,
    ),
    (Sent(only(details="[1]")), "ValidationException", "a JSON object", {"rumEvents.2.member.details": "[1]"}, None),
    (Sent(only(id="7")), "ValidationException", "length", {"rumEvents.2.member.id": "7"}, None),
    (Sent(batch(101)), "ValidationException", "at most 100 events", {"rumEvents": ...}, None),
    (Sent(b"{nope"), "ValidationException", "not valid JSON", {}, None),
    (Sent(b"garbage", headers=(GZIP,)), "MalformedHttpRequestException", "not gzip", {}, "by gzip"),
    (Sent(gzip.compress(b"{}")[:12], headers=(GZIP,)), "MalformedHttpRequestException", "too early", {}, "by gzip"),
    (Sent(b"", headers=(("content-encoding", "br"),)), "MalformedHttpRequestException", "must be gzip", {}, "by gzip"),
    (Sent(b" " * (2**20 + 1)), "RequestEntityTooLargeException", "1048576 bytes", {}, "fewer events in a batch"),
]  # fmt: skip


@pytest.mark.parametrize(("sent", "code", "reason", "members", "advice"), REFUSED, ids=range(len(REFUSED)))
def test_a_refused_call_says_why_and_what_to_change(
    sent: Sent, code: str, reason: str, members: dict[str, Any], advice: str | None
) -> None:
    looker, monitor = sent.send()
    (shown,) = looker.view("ingestion")["refusals"]
    whole = looker.view("refusal", number=shown["call"]["number"])
    looker.close()
    assert shown["call"]["code"] == code
    assert reason.format(id=monitor) in shown["call"]["message"]
    found = {each["path"]: each["value"] for each in whole["members"]}
    assert found.keys() == members.keys()
    assert {path: found[path] for path, value in members.items() if value is not ...} == {
        path: value for path, value in members.items() if value is not ...
    }
    if advice is None:
        assert shown["advice"] is None
    else:
        assert advice.format(id=monitor) in shown["advice"]
    assert KEYS.secret_access_key not in json.dumps(shown) + json.dumps(whole)


DROPPED = [
    (only(details=json.dumps({"text": "x" * 7000})), "more than 6,144"),
    (only(type="my.checkout"), "custom events are disabled for this app monitor"),
    (only(timestamp=NOW - 40 * 86_400), "older than 30 d"),
]


@pytest.mark.parametrize(("body", "reason"), DROPPED, ids=range(len(DROPPED)))
def test_an_accepted_call_names_each_dropped_event_and_the_rule(body: Any, reason: str) -> None:
    looker, _ = Sent(body).send()
    (call,) = looker.view("ingestion")["calls"]
    looker.close()
    assert (call["status"], call["events"], call["dropped"]) == (200, 1, 1)
    (dropped,) = call["dropped_events"]
    assert (dropped["position"], dropped["type"]) == (1, body["RumEvents"][1]["type"])
    assert reason in dropped["reason"]


@pytest.mark.parametrize(
    ("settings", "status", "words"),
    [
        ({"quota": 1.0, "burst": 1.0}, 429, "Rate exceeded"),
        ({"faults": Faults(errors=1.0)}, 500, "injected fault"),
    ],
)
def test_a_throttled_or_failed_call_says_so(
    callers: Callable[..., Caller], settings: dict[str, Any], status: int, words: str
) -> None:
    looker = Looker(callers(**settings))
    monitor = looker.caller.monitor()
    for _ in range(2):
        looker.caller.put(monitor, batch())
    newest = looker.view("ingestion")["calls"][0]
    looker.close()
    assert newest["status"] == status
    assert words in newest["message"]


def test_what_a_refused_call_sent_is_kept_without_its_signature() -> None:
    looker, _ = Sent(path=f"/appmonitors/{NOBODY}", headers=(("origin", "http://localhost:3000"),)).send()
    headers = looker.view("refusal", number=1)["headers"]
    looker.close()
    assert headers["origin"] == "http://localhost:3000"
    assert "Credential=AKIDEXAMPLE/" in headers["authorization"]
    assert "Signature=" not in headers["authorization"]
