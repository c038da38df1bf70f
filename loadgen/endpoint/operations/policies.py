"""Resource policies: PutResourcePolicy, GetResourcePolicy, DeleteResourcePolicy, and whether a policy allows a request.

Rule: a new policy gets a revision id, the caller's or a new one, and every change gives the policy a new id. A writer
that names a revision must name the current one; once a caller has chosen a revision id, every later writer must name
the current one.

Rule (CloudWatch user guide, "Use resource-based policies with CloudWatch RUM"): only rum:PutRumEvents can be granted;
Principal "*" allows unsigned requests; the usable condition keys are aws:SourceIp, aws:referer, aws:UserAgent and
rum:alias, which is compared with the request's Alias. A Deny wins over any Allow. If the request does not have a key,
every condition on that key fails except the negated ones and ...IfExists, as in IAM.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any

import msgspec

from loadgen.endpoint.operations.context import Members, OperationContext, make_id
from loadgen.endpoint.service_error import ServiceError
from loadgen.endpoint.store import AppMonitor
from loadgen.model import Noun, Request
from loadgen.rum.quotas import POLICY_BYTES
from loadgen.rum.service_model import POLICY_VERSIONS, PUT_ACTION

ELEMENTS = frozenset({"Sid", "Effect", "Principal", "Action", "Resource", "Condition"})

_ACCOUNT_PRINCIPAL = re.compile(r"(?:arn:[^:]*:(?:iam|sts)::)?(\d{12})(?::.*)?")


def put(context: OperationContext, given: Members) -> Members:
    """PutResourcePolicy: check and store a monitor's policy."""
    monitor = context.find_active_monitor(given["Name"])
    document = given["PolicyDocument"]
    if (size := len(document.encode())) > POLICY_BYTES:
        raise ServiceError(
            "PolicySizeLimitExceededException", f"The policy document has {size} bytes; the limit is {POLICY_BYTES}"
        )
    check_document(document, context.settings.make_arn(monitor.name), context.settings.account)
    revision = given.get("PolicyRevisionId")
    if monitor.policy is None:
        changed = msgspec.structs.replace(
            monitor, policy=document, policy_revision=revision or make_id(), policy_pinned=revision is not None
        )
    else:
        _check_revision(monitor, revision, required=monitor.policy_pinned)
        changed = msgspec.structs.replace(monitor, policy=document, policy_revision=make_id())
    context.store.put(changed)
    return _describe_policy(changed)


def get(context: OperationContext, given: Members) -> Members:
    """GetResourcePolicy: a monitor's policy and its revision id."""
    return _describe_policy(_find_with_policy(context, given))


def delete(context: OperationContext, given: Members) -> Members:
    """DeleteResourcePolicy: delete a monitor's policy; a revision id, if given, must be the current one."""
    monitor = _find_with_policy(context, given)
    _check_revision(monitor, given.get("PolicyRevisionId"), required=False)
    context.store.put(msgspec.structs.replace(monitor, policy=None, policy_revision=None, policy_pinned=False))
    return {"PolicyRevisionId": monitor.policy_revision}


def _describe_policy(monitor: AppMonitor) -> Members:
    return {"PolicyDocument": monitor.policy, "PolicyRevisionId": monitor.policy_revision}


def _find_with_policy(context: OperationContext, given: Members) -> AppMonitor:
    monitor = context.find_active_monitor(given["Name"])
    if monitor.policy is None:
        raise ServiceError("PolicyNotFoundException", f"The app monitor {monitor.name} has no resource policy")
    return monitor


def _check_revision(monitor: AppMonitor, revision: str | None, required: bool) -> None:
    if revision is None and not required:
        return
    if revision != monitor.policy_revision:
        raise ServiceError(
            "InvalidPolicyRevisionIdException",
            f"The policy of app monitor {monitor.name} has another revision than '{revision}'"
            if revision
            else f"The policy of app monitor {monitor.name} has a revision id: policyRevisionId must be given",
        )


# The document


class MalformedPolicy(ServiceError):
    """400: a document that is no policy for PutRumEvents on one app monitor."""

    def __init__(self, message: str) -> None:
        super().__init__("MalformedPolicyDocumentException", f"The policy document is malformed: {message}")


def check_document(document: str, arn: str, account: str) -> None:
    """Raise MalformedPolicy for a document that is no policy for PutRumEvents on the monitor with this ARN."""
    try:
        policy = msgspec.json.decode(document)
    except (msgspec.DecodeError, RecursionError) as wrong:
        raise MalformedPolicy(f"it is not JSON: {wrong}") from wrong
    if not isinstance(policy, dict) or not policy.keys() <= {"Version", "Id", "Statement"}:
        raise MalformedPolicy("it must be an object of Version, Id and Statement")
    if policy.get("Version", POLICY_VERSIONS[0]) not in POLICY_VERSIONS:
        raise MalformedPolicy(f"Version must be one of {', '.join(POLICY_VERSIONS)}")
    statements = as_list(policy.get("Statement", []))
    if not statements:
        raise MalformedPolicy("it has no Statement")
    for number, statement in enumerate(statements, 1):
        _check_statement(statement, f"Statement {number}", arn, account)


def _check_statement(statement: Any, where: str, arn: str, account: str) -> None:
    if not isinstance(statement, dict) or not statement.keys() <= ELEMENTS:
        raise MalformedPolicy(f"{where} must be an object of {', '.join(sorted(ELEMENTS))}")
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise MalformedPolicy(f"{where}: Effect must be Allow or Deny")
    actions = as_list(statement.get("Action", []))
    if not actions or any(not isinstance(action, str) or action.lower() != PUT_ACTION.lower() for action in actions):
        raise MalformedPolicy(f"{where}: Action must be {PUT_ACTION}, no other action is supported")
    resources = as_list(statement.get("Resource", []))
    if not resources or any(
        not isinstance(resource, str) or not matches_wildcards(resource, arn) for resource in resources
    ):
        raise MalformedPolicy(f"{where}: Resource must be the app monitor's ARN {arn}")
    _check_principal(statement.get("Principal"), where, account)
    _check_condition(statement.get("Condition", {}), where)


def _check_principal(principal: Any, where: str, account: str) -> None:
    if principal == "*":
        return
    names = as_list(principal.get("AWS", [])) if isinstance(principal, dict) and principal.keys() == {"AWS"} else []
    if not names:
        raise MalformedPolicy(f'{where}: Principal must be "*" or an object with AWS')
    for name in names:
        match = _ACCOUNT_PRINCIPAL.fullmatch(name) if isinstance(name, str) else None
        if name != "*" and (match is None or match[1] != account):
            raise MalformedPolicy(f"{where}: Principal must belong to the account {account}")


def _check_condition(condition: Any, where: str) -> None:
    if not isinstance(condition, dict):
        raise MalformedPolicy(f"{where}: Condition must be an object")
    for operator, keys in condition.items():
        if read_operator(operator)[0] not in OPERATORS or not isinstance(keys, dict):
            raise MalformedPolicy(f"{where}: the condition operator {operator} is not supported")
        for key, values in keys.items():
            if key.lower() not in CONDITION_KEYS:
                raise MalformedPolicy(f"{where}: the condition key {key} is not supported")
            if not as_list(values) or any(not isinstance(value, str) for value in as_list(values)):
                raise MalformedPolicy(f"{where}: the values of {key} must be strings")


# Whether a policy allows a request


class RequestContext(Noun):
    """The facts of a request that a policy can compare."""

    key: str | None  # id of the access key that signed; None: unsigned
    peer: str  # source IP address
    request: Request
    alias: str | None
    account: str


CONDITION_KEYS: dict[str, Callable[[RequestContext], str | None]] = {
    "aws:sourceip": lambda asked: asked.peer,
    "aws:referer": lambda asked: asked.request.get_header("referer"),
    "aws:useragent": lambda asked: asked.request.get_header("user-agent"),
    "rum:alias": lambda asked: asked.alias,
}
"""The request's value for each condition key in lower case; None if the request has no such value."""


def as_list(value: Any) -> list[Any]:
    """Return a list of values: IAM writes one value alone or several in an array."""
    return value if isinstance(value, list) else [value]


def is_allowed(document: str, arn: str, request: RequestContext) -> bool:
    """Whether an Allow applies to the request on the monitor with this ARN, and no Deny does.

    `check_document` has checked the document before: each statement is about PutRumEvents.
    """
    statements = as_list(msgspec.json.decode(document)["Statement"])
    effects = {statement["Effect"] for statement in statements if _statement_applies(statement, arn, request)}
    return effects == {"Allow"}


def _statement_applies(statement: dict[str, Any], arn: str, request: RequestContext) -> bool:
    return (
        any(matches_wildcards(pattern, arn) for pattern in as_list(statement["Resource"]))
        and _names_caller(statement["Principal"], request)
        and all(
            _meets_condition(operator, key, as_list(values), request)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _names_caller(principal: Any, request: RequestContext) -> bool:
    names = ["*"] if principal == "*" else as_list(principal["AWS"])
    if "*" in names:
        return True
    return request.key is not None and any(name == request.account or f"::{request.account}:" in name for name in names)


def matches_wildcards(pattern: str, text: str) -> bool:
    """Match IAM's wildcards: * for any run of characters, ? for one.

    The match of each piece between stars is never tried again (an atomic group), so that no pattern takes long.
    """
    head, *pieces = (re.escape(piece).replace(r"\?", ".") for piece in pattern.split("*"))
    if pieces:
        *middle, last = pieces
        head += "".join(f"(?>.*?{piece})" for piece in middle) + f".*{last}"
    return re.fullmatch(head, text, re.DOTALL) is not None


def _is_within(network: str, address: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
    except (ValueError, TypeError):
        return False


OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, value: wanted == value,
    "StringEqualsIgnoreCase": lambda wanted, value: wanted.lower() == value.lower(),
    "StringLike": matches_wildcards,
    "IpAddress": _is_within,
}
"""Tests of (the policy's value, the request's value) by operator; each also has a negated form."""

NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "NotIpAddress": "IpAddress",
}

QUANTIFIERS = ("ForAnyValue:", "ForAllValues:")
"""Prefixes of operators for keys with several values; the keys of RUM have one value, so they change nothing."""


def read_operator(name: str) -> tuple[str, bool, bool]:
    """Split an operator into its plain form, whether it is negated, and whether a missing key passes (IfExists)."""
    for quantifier in QUANTIFIERS:
        name = name.removeprefix(quantifier)
    plain = name.removesuffix("IfExists")
    return NEGATED.get(plain, plain), plain in NEGATED, plain != name


def _meets_condition(operator: str, key: str, wanted: list[str], request: RequestContext) -> bool:
    plain, negated, optional = read_operator(operator)
    value = CONDITION_KEYS[key.lower()](request)
    if value is None:
        return negated or optional
    return any(OPERATORS[plain](one, value) for one in wanted) != negated
