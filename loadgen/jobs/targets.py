"""Which RUM a command talks to: AWS when it is said, else an endpoint by its URL; never the internet by default."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from loadgen.errors import LoadgenError

if TYPE_CHECKING:
    from loadgen.aws import Account

VARIABLE = "AWS_ENDPOINT_URL_RUM"


def target_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--target and --region."""
    region = click.option("--region", help="Boto3's usual chain unless given.")
    target = click.option("--target", metavar="URL|aws", help=f"Which RUM; {VARIABLE} unless given.")
    return target(region(command))


def account_of(target: str | None, region: str | None) -> Account:
    """The control plane that is meant."""
    from loadgen.aws import Account

    chosen = target or os.environ.get(VARIABLE)
    if chosen is None:
        raise LoadgenError(
            "no target: give --target http://127.0.0.1:8000 (start one with `loadgen serve`) or --target aws, "
            f"or set {VARIABLE}"
        )
    if chosen == "aws":
        return Account(region)
    if not chosen.startswith(("http://", "https://")):
        raise LoadgenError(f"--target {chosen!r} is no target; write aws, or a URL such as http://127.0.0.1:8000")
    return Account(region, endpoint_url=checked_url(chosen).rstrip("/"))


def checked_url(url: str) -> str:
    """A target's URL, if it names a host and nothing secret: it is kept in what a run writes."""
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
    return url


def agreed(question: str) -> bool:
    """Whether somebody typed yes; the end of the input is no."""
    try:
        return str(click.prompt(f"{question} Type yes to go on", default="no", err=True)) == "yes"
    except click.Abort:
        return False
