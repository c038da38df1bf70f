"""What `find-limit` says of the app monitors that it leaves out."""

from __future__ import annotations

import click

from loadgen.jobs.inputs import take_first_monitor
from loadgen.scenario import Scenario


def first_alone(scenario: Scenario, command: str) -> Scenario:
    """The scenario of the first app monitor; writes on standard error which others are left out."""
    return take_first_monitor(scenario, command, lambda line: click.echo(line, err=True))
