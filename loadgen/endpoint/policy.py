"""Resource policies: whether a policy lets a PutRumEvents request in. Pure.

Rule (CloudWatch user guide, "Use resource-based policies with CloudWatch RUM"): only rum:PutRumEvents can be granted;
Principal "*" lets unsigned requests in; the usable condition keys are aws:SourceIp, aws:referer, aws:UserAgent and
rum:alias, which is compared with the request's Alias. A Deny wins over any Allow; a key that the request does not have
fails every condition but the negated and ...IfExists ones, as in IAM.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any

import msgspec

from loadgen.model import Noun, Request

ACTION = "rum:PutRumEvents"


class RequestContext(Noun):
    """What a policy can know of a request."""

    key: str | None  # access key id; None: unsigned
    peer: str  # source IP address
    request: Request
    alias: str | None
    account: str

    def read_condition(self, key: str) -> str | None:
        """The value of a condition key, None when the request has none."""
        match key.lower():
            case "aws:sourceip":
                return self.peer
            case "aws:referer":
                return self.request.header("referer")
            case "aws:useragent":
                return self.request.header("user-agent")
            case "rum:alias":
                return self.alias
        return None


CONTEXT_KEYS = frozenset({"aws:sourceip", "aws:referer", "aws:useragent", "rum:alias"})


def as_list(value: Any) -> list[Any]:
    """A list of what IAM writes as one value or as an array."""
    return value if isinstance(value, list) else [value]


def is_allowed(document: str, arn: str, request: RequestContext) -> bool:
    """Whether an Allow applies to the request on the monitor of that ARN, and no Deny does."""
    statements = as_list(msgspec.json.decode(document)["Statement"])
    effects = {statement["Effect"] for statement in statements if _applies(statement, arn, request)}
    return effects == {"Allow"}


def _applies(statement: dict[str, Any], arn: str, request: RequestContext) -> bool:
    return (
        any(matches_wildcards(pattern, ACTION, fold=True) for pattern in as_list(statement["Action"]))
        and any(matches_wildcards(pattern, arn) for pattern in as_list(statement.get("Resource", "*")))
        and _names_caller(statement["Principal"], request)
        and all(
            _meets_condition(operator, key, as_list(values), request)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _names_caller(principal: Any, request: RequestContext) -> bool:
    names = ["*"] if principal == "*" else as_list(principal.get("AWS", []))
    if "*" in names:
        return True
    return request.key is not None and any(name == request.account or f"::{request.account}:" in name for name in names)


def matches_wildcards(pattern: str, text: str, fold: bool = False) -> bool:
    """Match IAM's wildcards: * for any run of characters, ? for one.

    Each piece between stars is searched once and never again (an atomic group), so that no pattern takes long.
    """
    head, *pieces = (re.escape(piece).replace(r"\?", ".") for piece in pattern.split("*"))
    if pieces:
        *middle, last = pieces
        head += "".join(f"(?>.*?{piece})" for piece in middle) + f".*{last}"
    return re.fullmatch(head, text, re.DOTALL | (re.IGNORECASE if fold else 0)) is not None


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
"""test(the policy's value, the request's value); each has a negated form."""

NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "NotIpAddress": "IpAddress",
}

QUANTIFIERS = ("ForAnyValue:", "ForAllValues:")
"""For keys with several values; ours have one."""


def read_operator(name: str) -> tuple[str, bool, bool]:
    """Split an operator: its plain form, whether it is negated, and whether a missing key passes."""
    for quantifier in QUANTIFIERS:
        name = name.removeprefix(quantifier)
    plain = name.removesuffix("IfExists")
    return NEGATED.get(plain, plain), plain in NEGATED, plain != name


def _meets_condition(operator: str, key: str, wanted: list[str], request: RequestContext) -> bool:
    plain, negated, optional = read_operator(operator)
    value = request.read_condition(key)
    if value is None:
        return negated or optional
    return any(OPERATORS[plain](one, value) for one in wanted) != negated
