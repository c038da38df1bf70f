"""What commands share that talk to a RUM: its target, the question before something is sent or changed, the output."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from loadgen.cli.terminal import echo, echo_error

if TYPE_CHECKING:
    from loadgen.jobs.targets import Confirm, ConsentQuestion

NAME = click.argument("name")
YES = click.option("--yes", is_flag=True, help="Do not ask.")


def target_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--target, --region, --proxy and --ca-bundle."""
    region = click.option("--region", help="Boto3's usual chain unless given.")
    target = click.option("--target", metavar="URL|aws", help="Which RUM; AWS_ENDPOINT_URL_RUM unless given.")
    return target(region(network_options(command)))


def network_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--proxy and --ca-bundle."""
    trust = click.option("--ca-bundle", metavar="FILE", help="PEM file to trust, in place of AWS_CA_BUNDLE.")
    proxy = click.option("--proxy", metavar="URL", help="HTTP proxy, in place of HTTPS_PROXY.")
    return proxy(trust(command))


def with_account(command: Callable[..., Any]) -> Callable[..., Any]:
    """The same; the command gets the Account that they mean, as `account`, and the call that it returns is shown."""

    @target_options
    @wraps(command)
    def open_and_call(
        *arguments: Any, target: str | None, region: str | None, proxy: str | None, ca_bundle: str | None, **more: Any
    ) -> None:
        from loadgen.jobs.monitors import describe_call
        from loadgen.jobs.targets import open_account, reach_target

        with reach_target(target, proxy, ca_bundle):
            account = open_account(target, region, on_wait=echo_error)
            made = command(*arguments, account=account, **more)
        if made is not None:
            show_result(made.answer, describe_call(made), more.get("as_json", False))

    return open_and_call


def add_options(*options: Callable[[Any], Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator that adds options in this order."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def ask_on_terminal(yes: bool) -> Confirm:
    """A `confirm` that shows the facts on standard error and waits for a typed yes; --yes answers in its place."""

    def confirm(question: ConsentQuestion) -> bool:
        echo(*question.facts, err=True)
        return yes or _is_yes_typed(question.text)

    return confirm


def _is_yes_typed(question: str) -> bool:
    """The end of the input is a no."""
    try:
        return str(click.prompt(f"{question} Type yes to go on", default="no", err=True)) == "yes"
    except click.Abort:
        return False


def show_result(value: Any, lines: Iterable[str], as_json: bool) -> None:
    """Print a result: as JSON for programs, or the lines that describe it."""
    from loadgen.output import format_json

    if as_json:
        click.echo(format_json(value), nl=False)
    else:
        echo(*lines)
