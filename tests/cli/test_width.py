"""At 80 columns nothing wraps: no line of any verb's output is longer, and those for people break between words."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from loadgen.causes import CURES, OWN
from loadgen.cli import commands
from loadgen.cli.terminal import wrap_words
from loadgen.errors import LoadgenError
from loadgen.jobs.find_limit.view import BROKEN, build_limit_view, format_step
from loadgen.limit import Cause, Limit, RateWindow, SearchStep
from loadgen.report import show
from tests.report.runs import make

WIDTH = 80
SHOP = """
name = "shop"
[monitor]
name = "demo"
custom_events = true
tags = { team = "web", owner = "the team that looks after everything that the shop shows and sells" }
metrics = [{ name = "JsErrorCount" }]
policy = [{}]
[arrivals]
rate = 0.001
[pages.home]
path = "/"
exit = 1
"""

ALONE = [
    ("scenarios",),
    ("check", "storefront"),
    ("check", "noisy-neighbour"),
    ("init", "my-site"),
    ("generate", "quickstart", "--sessions", 50, "--out", "bodies.ndjson"),
    ("fit", "bodies.ndjson", "--out", "fitted.toml"),
    ("plan", "quickstart", "--duration", "5s", "--seed", 1),
    ("sampling", "quickstart", "--sessions", 100, "--seed", 1),
    ("preview", "quickstart", "--duration", "60s", "--out", "preview.html"),
    ("report", "one"),
    ("compare", "one", "two"),
    ("compare", "one", "two", "--fail-on", "latency_p99_ms > +10%"),
]
"""Verbs that need no endpoint, in the order in which one uses another's file."""

ON_ENDPOINT = [
    ("monitors", "create", "a-monitor-with-a-rather-long-name", "--domain", "shop.example.com"),
    ("monitors", "apply", "shop.toml", "--dry-run"),
    ("monitors", "apply", "shop.toml"),
    ("monitors", "list"),
    ("monitors", "show", "demo"),
    ("metrics", "list", "demo"),
    ("tags", "list", "demo"),
    ("seed", "shop.toml", "--days", 1, "--seed", 5, "--out", "seeded", "--no-probe"),
    ("verify", "seeded"),
    ("clean", "seeded", "--dry-run"),
    ("monitors", "delete", "demo", "--yes"),
]


def check_lines(arguments: tuple[object, ...], result: Result) -> None:
    """Results as they are but for JSON, and the lines for people as a terminal of 80 columns shows them."""
    assert result.exit_code in (0, 1), (arguments, result.output, result.exception)
    assert not isinstance(result.exception, LoadgenError), (arguments, result.exception)
    lines = [*result.stdout.splitlines(), *wrap_words(result.stderr).splitlines()]
    assert lines, arguments
    wide = [line for line in lines if len(line) > WIDTH and not line.lstrip().startswith('{"')]
    assert wide == [], arguments


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(commands, [str(argument) for argument in arguments], env={"COLUMNS": str(WIDTH)})


def test_no_line_of_a_verb_is_wider_than_the_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    for name in ("one", "two"):
        make(tmp_path / name)
    for arguments in ALONE:
        check_lines(arguments, invoke(*arguments))


@pytest.mark.usefixtures("endpoint")
def test_no_line_of_a_verb_of_the_control_plane_is_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    Path("shop.toml").write_text(SHOP)
    for arguments in ON_ENDPOINT:
        check_lines(arguments, invoke(*arguments))


def window(rate: float, shortage: str | None = None) -> RateWindow:
    return RateWindow(rate, rate, rate, 0.999, 0.001, 1.0, 12345.6, 23456.7, 3456.7, shortage=shortage)


@pytest.mark.parametrize("cause", BROKEN)
def test_a_search_for_a_limit_keeps_to_the_terminal(
    cause: Cause, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    steps = [SearchStep(window(rate), each) for rate, each in itertools.product((0.1, 12345.6), (None, cause))]
    assert max(len(format_step(step)) for step in steps) <= WIDTH
    show(build_limit_view(Limit(12345.6, 23456.7, cause, steps=tuple(steps), confirmed=True)))
    assert max(map(len, capsys.readouterr().out.splitlines())) <= WIDTH


@pytest.mark.parametrize("short", CURES)
def test_what_this_machine_ran_out_of_is_told_between_words(monkeypatch: pytest.MonkeyPatch, short: str) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    told = wrap_words(format_step(SearchStep(window(100.0, f"{OWN}{short}"), "generator")))
    assert max(map(len, told.splitlines())) <= WIDTH
