"""The target of a job: a local endpoint of its own, an endpoint by its URL, or AWS; never the internet by default.

Rule: nothing is sent to AWS, changed or deleted before the caller's `confirm` has said yes to a question that says what
would happen.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from loadgen.errors import LoadgenError
from loadgen.model import Noun
from loadgen.transport import OnWait, is_loopback, override_network
from loadgen.units import format_items

if TYPE_CHECKING:
    from loadgen.aws import Account, MonitorTarget
    from loadgen.endpoint import Endpoint, EndpointSettings
    from loadgen.scenario import Monitor

VARIABLE = "AWS_ENDPOINT_URL_RUM"
"""Environment variable of boto3 with an endpoint's URL: without --target, the target of control plane and `seed`."""


class ConsentQuestion(Noun):
    """A question to a person before something is sent, changed or deleted."""

    facts: tuple[str, ...]  # lines that say what would happen
    text: str  # such as "Send it?"


Confirm = Callable[[ConsentQuestion], bool]
"""Asks a person; True means yes. A job without a `confirm` (None) takes the answer to be no."""


class OpenTargets(Noun):
    """The open targets of a run: the app monitors that it sends to."""

    account: Account
    monitors: tuple[MonitorTarget, ...]
    endpoint: Endpoint | None  # an endpoint that this process runs: the run's own (`local`) or the caller's; None: none


class Sending(Noun):
    """The receiver and the amount of what a job is about to send to AWS."""

    account: Account
    receiver: str  # such as "app monitor demo (its id)"
    requests: int
    events: int
    exact: bool  # False: the amounts are extrapolated from a sample
    remark: str = ""  # follows the price


def require_yes(confirm: Confirm | None, question: ConsentQuestion, refusal: str) -> None:
    """Ask, and unless the answer is yes raise a LoadgenError that begins with `refusal`."""
    if confirm is None or not confirm(question):
        raise LoadgenError(f"{refusal}; type yes when asked, or give --yes (in Python a confirm that returns True)")


def confirm_sending(confirm: Confirm | None, sending: Sending) -> None:
    """Ask before requests go to AWS: region, account, app monitor, amount and price."""
    from loadgen.rum.quotas import DOLLARS_PER_EVENT

    account, about = sending.account, "" if sending.exact else "about "
    facts = (
        f"This sends to AWS: region {account.region}, account {account.fetch_number()}, {sending.receiver}",
        f"expected: {about}{format_items(sending.requests, 'request')}, "
        f"{about}{format_items(sending.events, 'event')}, "
        f"{about}${sending.events * DOLLARS_PER_EVENT:,.2f}{sending.remark}",
    )
    require_yes(confirm, ConsentQuestion(facts, "Send it?"), "nothing was sent")


@contextmanager
def open_targets(
    monitors: Sequence[Monitor],
    target: str,
    region: str | None,
    own: EndpointSettings,
    store: Path | None,
    on_wait: OnWait,
) -> Iterator[OpenTargets]:
    """Open the app monitors that a run sends to; use it as a context manager.

    `target` is `local` (a new endpoint with the settings `own`, which stops when the context ends; the app monitors are
    created in it), `aws`, or a URL. `store` is the file in which that endpoint keeps events; None: in memory.
    `on_wait` gets a line that says what is waited for when an answer takes long.
    """
    from loadgen.aws import Account
    from loadgen.endpoint import Endpoint, find_running

    if target != "local":
        account = open_account(target, region, on_wait)
        yield OpenTargets(account, tuple(account.find(each.name) for each in monitors), find_running(target))
        return

    with Endpoint(own, store) as endpoint:
        account = Account(endpoint.region, endpoint.credentials, endpoint.url)
        yield OpenTargets(account, tuple(account.find_or_create(each) for each in monitors), endpoint)


@contextmanager
def reach_target(target: str | None, proxy: str | None, ca_bundle: str | None) -> Iterator[None]:
    """Reach `target` through this proxy and trust the certificates in this file while the context is open.

    Without a target, AWS_ENDPOINT_URL_RUM is the target; None for proxy and file keeps the environment's. LoadgenError:
    one of them cannot be used, or would have no effect.
    """
    url = target or os.environ.get(VARIABLE) or ""
    for name, given in (("--proxy", proxy), ("--ca-bundle", ca_bundle)):
        if given is not None and url == "local":
            raise LoadgenError(f"{name}: works only with --target URL or aws; the local endpoint is reached directly")
    if proxy is not None and "://" in url and is_loopback(urlsplit(check_url(url)).hostname or ""):
        raise LoadgenError(f"--proxy: {url} is on this machine, which is reached directly; leave --proxy out")
    with override_network(proxy, ca_bundle):
        yield


def refuse_local_options(given: Mapping[str, object]) -> None:
    """Raise LoadgenError for a given option of the endpoint of `--target local` if the target is another one."""
    for name in ("quota", "faults", "store"):
        if name in given and given.get("target", "local") != "local":
            raise LoadgenError(f"--{name}: only for --target local; give it to the endpoint that you run against")


def open_account(target: str | None, region: str | None, on_wait: OnWait) -> Account:
    """Open the control plane of `aws` or of a URL; without a target, of AWS_ENDPOINT_URL_RUM.

    `on_wait` gets a line that says what is waited for when an answer takes long.
    """
    from loadgen.aws import Account

    chosen = target or os.environ.get(VARIABLE)
    if chosen is None:
        raise LoadgenError(
            "no target: give --target http://127.0.0.1:8000 (start one with `loadgen serve`) or --target aws, "
            f"or set {VARIABLE}"
        )
    if chosen == "aws":
        return Account(region, on_wait=on_wait)
    if not chosen.startswith(("http://", "https://")):
        raise LoadgenError(f"--target {chosen!r} is no target; write aws, or a URL such as http://127.0.0.1:8000")
    return open_account_at(check_url(chosen).rstrip("/"), region, on_wait)


def open_account_at(url: str, region: str | None, on_wait: OnWait) -> Account:
    """Open the control plane at a URL; an `Endpoint` of this process gives its own Region and credentials."""
    from loadgen.aws import Account
    from loadgen.endpoint import find_running

    if endpoint := find_running(url):
        return Account(endpoint.region, endpoint.credentials, endpoint.url, on_wait)
    return Account(region, endpoint_url=url, on_wait=on_wait)


def check_url(url: str) -> str:
    """Return the target's URL. LoadgenError: it names no host, or holds a secret, which a run's files would keep."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as wrong:
        raise LoadgenError(f"--target: {wrong}; write a URL such as http://127.0.0.1:8000") from None
    if "@" in parts.netloc:
        raise LoadgenError(
            "--target: leave user and password out of the URL, it is kept with the results; "
            "requests are signed with the credentials of boto3's usual chain"
        )
    if not host:
        raise LoadgenError(f"--target {url!r} names no host; write a URL such as http://127.0.0.1:8000")
    if not url.isascii() or not url.isprintable() or set(" ?#") & set(url):
        raise LoadgenError(
            f"--target {url!r}: a target is scheme, host, port and path, in ASCII and without blanks, query and "
            "fragment; write a URL such as http://127.0.0.1:8000"
        )
    return url
