"""What a command says that takes one app monitor of several, so that nobody is left out without a word."""

from __future__ import annotations

import click

from loadgen.scenario import Scenario


def describe_skipped(scenario: Scenario, command: str) -> str | None:
    """Which app monitors a command leaves out; None when it takes all."""
    if not scenario.neighbours:
        return None
    others = ", ".join(each.monitor.name for each in scenario.neighbours)
    return (
        f"note: {command} takes the scenario's first app monitor, {scenario.monitor.name}; not its neighbours: {others}"
    )


def first_alone(scenario: Scenario, command: str) -> Scenario:
    """The scenario of the first app monitor; on standard error, who is left out."""
    if note := describe_skipped(scenario, command):
        click.echo(note, err=True)
    return scenario.monitors[0]
