"""What a command says that takes one app monitor of several: nobody is left out without a word."""

from __future__ import annotations

import click

from loadgen.scenario import Scenario


def first_alone(scenario: Scenario, command: str) -> Scenario:
    """The scenario of the first app monitor; on standard error, who is left out."""
    if scenario.neighbours:
        others = ", ".join(each.monitor.name for each in scenario.neighbours)
        click.echo(
            f"note: {command} takes the scenario's first app monitor, {scenario.monitor.name}; "
            f"not its neighbours: {others}",
            err=True,
        )
    return scenario.monitors[0]
