"""`loadgen check` tells a scenario's author what was written."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from loadgen.cli import commands
from tests.paths import SCENARIOS
from tests.traffic.look import SMALL

SHIPPED = sorted(SCENARIOS.glob("*.toml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_check_prints_the_implied_traffic_within_80_columns(path: Path) -> None:
    result = CliRunner().invoke(commands, ["check", str(path)])
    assert result.exit_code == 0, result.output
    told = result.output.splitlines()[1:]
    assert all(len(line) <= 80 for line in told)
    labels = {line.split("  ")[0] for line in told}
    assert labels >= {"visits", "bounce", "pages", "length", "returning", "devices", "page views"}


def test_a_shipped_name_is_not_said_twice() -> None:
    output = CliRunner().invoke(commands, ["check", "bad-release"]).output
    assert output.splitlines()[0] == "bad-release: fine. 720 s, 5 pages"
    output = CliRunner().invoke(commands, ["check", str(SHIPPED[0])]).output
    assert output.splitlines()[0] == f"{SHIPPED[0]}: fine. bad-release, 720 s, 5 pages"


def test_check_names_incidents_in_the_order_of_their_time() -> None:
    output = CliRunner().invoke(commands, ["check", str(SHIPPED[0])]).output.partition("\nincidents ")[2]
    assert SHIPPED[0].stem == "bad-release"
    places = [output.index(name) for name in ("checkout error", "stock API", "CDN in Germany", "newsletter")]
    assert places == sorted(places)


def check(tmp_path: Path, more: str) -> str:
    """What `check` prints of a small scenario with this in it, its lines joined."""
    file = tmp_path / "small.toml"
    file.write_text(SMALL + more)
    result = CliRunner().invoke(commands, ["check", str(file)])
    assert all(len(line) <= 80 for line in result.output.splitlines()[1:])
    return " ".join(result.output.split())


@pytest.mark.parametrize(
    ("mixes", "said"),
    [
        (
            "browsers = { Firefox = 1, Chrome = 1 }\ndevices = { mobile = 1 }",
            "population.browsers: Firefox is stated as 50% and gets no visit: it exists only with devices desktop and "
            "systems Windows, macOS, Linux; give these more weight, or Firefox less",
        ),
        (
            "browsers = { Firefox = 50, Safari = 50 }\nsystems = { Windows = 80, iOS = 20 }",
            "population.browsers: Safari is stated as 50% and gets 21% of the visits: it exists only with devices "
            "mobile, ",
        ),
    ],
)
def test_check_tells_shares_that_no_visitor_can_have(tmp_path: Path, mixes: str, said: str) -> None:
    output = check(tmp_path, f"[population]\n{mixes}\n")
    assert f"note {said}" in output
    assert output.count("note ") == 1


def test_check_is_silent_on_shares_that_are_reached(tmp_path: Path) -> None:
    assert "note" not in check(tmp_path, "[population]\nbrowsers = { Firefox = 9, Chrome = 1 }\n")


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ('kind = "cdn_outage"\nbrowsers = ["Firefox"]\ndevices = ["mobile"]', "no visitor has Firefox on mobile"),
        ('kind = "slow_api"\npath = "/v9"', "no page that it hits calls /v9 ("),
    ],
)
def test_check_tells_an_incident_that_hits_nobody(tmp_path: Path, target: str, why: str) -> None:
    assert f"note incident “x” hits nobody: {why}" in check(tmp_path, f'[[incidents]]\nname = "x"\nat = 1\n{target}\n')
