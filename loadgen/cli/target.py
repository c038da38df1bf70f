"""Which RUM a command talks to: AWS when it is said, else an endpoint by its URL; never the internet by default."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

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
    return Account(region, endpoint_url=chosen.rstrip("/"))


def agreed(question: str) -> bool:
    """Whether somebody typed yes; the end of the input is no."""
    try:
        return str(click.prompt(f"{question} Type yes to go on", default="no", err=True)) == "yes"
    except click.Abort:
        return False
