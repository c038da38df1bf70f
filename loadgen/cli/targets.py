"""What commands share that talk to a RUM: --target, --region, and the question before something is sent or changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from loadgen.jobs.targets import Confirm, Question

YES = click.option("--yes", is_flag=True, help="Do not ask.")


def target_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--target and --region."""
    region = click.option("--region", help="Boto3's usual chain unless given.")
    target = click.option("--target", metavar="URL|aws", help="Which RUM; AWS_ENDPOINT_URL_RUM unless given.")
    return target(region(command))


def ask_on_terminal(yes: bool) -> Confirm:
    """A `confirm` that shows the facts on standard error and waits for a typed yes; --yes answers in its place."""

    def confirm(question: Question) -> bool:
        for line in question.facts:
            click.echo(line, err=True)
        return yes or _is_yes_typed(question.text)

    return confirm


def _is_yes_typed(question: str) -> bool:
    """The end of the input is a no."""
    try:
        return str(click.prompt(f"{question} Type yes to go on", default="no", err=True)) == "yes"
    except click.Abort:
        return False
