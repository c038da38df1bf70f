"""`loadgen check` tells a scenario's author what was written."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from loadgen.cli import commands
from tests.paths import SCENARIOS

SHIPPED = sorted(SCENARIOS.glob("*.toml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_check_prints_the_implied_traffic_within_80_columns(path: Path) -> None:
    result = CliRunner().invoke(commands, ["check", str(path)])
    assert result.exit_code == 0, result.output
    told = result.output.splitlines()[1:]
    assert all(len(line) <= 80 for line in told)
    labels = {line.split("  ")[0] for line in told}
    assert labels >= {"visits", "bounce", "pages", "length", "returning", "devices", "page views"}


def test_check_names_incidents_in_the_order_of_their_time() -> None:
    output = CliRunner().invoke(commands, ["check", str(SHIPPED[0])]).output.partition("\nincidents ")[2]
    assert SHIPPED[0].stem == "bad-release"
    places = [output.index(name) for name in ("checkout error", "stock API", "CDN in Germany", "newsletter")]
    assert places == sorted(places)
