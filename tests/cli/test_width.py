"""At 80 columns nothing wraps: no line of any verb's output is longer, and those for people break between words."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import click
import msgspec
import pytest
from click.testing import CliRunner, Result

from loadgen.aws import Account
from loadgen.causes import CURES, OWN
from loadgen.cli import commands
from loadgen.cli.terminal import wrap_words
from loadgen.errors import LoadgenError
from loadgen.jobs.find_limit.view import BROKEN, build_limit_view, format_step
from loadgen.jobs.progress import WorkProgress
from loadgen.jobs.run import LiveView
from loadgen.limit import Cause, Limit, RateWindow, SearchStep
from loadgen.report import show
from loadgen.results import RunMonitor, RunSpec
from loadgen.verb_options import RunOptions
from tests import docs
from tests.paths import QUICKSTART
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

METRIC = "the id of demo's metric"

ON_ENDPOINT = [
    ("monitors", "create", "a-monitor-with-a-rather-long-name", "--domain", "shop.example.com"),
    ("monitors", "apply", "shop.toml", "--dry-run"),
    ("monitors", "apply", "shop.toml"),
    ("monitors", "list"),
    ("monitors", "show", "demo"),
    ("monitors", "update", "demo", "--sample-rate", 0.5),
    ("metrics", "enable", "demo"),
    ("metrics", "add", "demo", "--metric", "WebVitalsLargestContentfulPaint"),
    ("metrics", "list", "demo"),
    ("metrics", "change", "demo", METRIC, "--metric", "JsErrorCount", "--unit", "Count"),
    ("metrics", "remove", "demo", METRIC),
    ("metrics", "disable", "demo", "--yes"),
    ("tags", "add", "demo", "team=the team that looks after everything that the shop shows and sells", "b=c"),
    ("tags", "list", "demo"),
    ("tags", "remove", "demo", "team"),
    ("policy", "put", "demo", "--public"),
    ("policy", "show", "demo"),
    ("policy", "delete", "demo", "--yes"),
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
    wide = [line for line in lines if len(line) > WIDTH and not line.lstrip().startswith(('{"', '"PolicyDocument": "'))]
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
def test_no_line_of_a_verb_of_the_control_plane_is_wider_than_the_terminal(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    Path("shop.toml").write_text(SHOP)
    for arguments in ON_ENDPOINT:
        if METRIC in arguments:
            where = {"AppMonitorName": "demo", "Destination": "CloudWatch"}
            found = account.rum.batch_get_rum_metric_definitions(**where)["MetricDefinitions"]
            arguments = tuple(found[0]["MetricDefinitionId"] if each == METRIC else each for each in arguments)
        check_lines(arguments, invoke(*arguments))


def test_each_verb_s_output_is_looked_at_here_or_where_it_runs() -> None:
    """`serve` in test_serve.py, `run` in test_terminal.py; `console` says an address, the others what is held below."""
    top = click.Context(commands, info_name="loadgen")
    verbs = {each.command_path for each in docs.walk(top) if not isinstance(each.command, click.Group)}
    looked = {" ".join(["loadgen", *map(str, given)]) for given in [*ALONE, *ON_ENDPOINT]}
    missed = {verb for verb in verbs if not any(f"{each} ".startswith(f"{verb} ") for each in looked)}
    assert missed == {f"loadgen {verb}" for verb in ("serve", "run", "console", "worker", "find-limit")}


def test_what_a_run_and_a_worker_tell_breaks_between_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    told = "word-by-word " * 20
    spec = RunSpec.resolve(RunOptions(seed=7), str(QUICKSTART), QUICKSTART.read_text())
    monitors = (RunMonitor("shop", "1"), RunMonitor("an-app-monitor-of-another-team", "2"))
    with LiveView(on_stderr=True) as view:
        view(msgspec.structs.replace(spec, url="http://127.0.0.1:8000", monitors=monitors))
        view(told)
    with LiveView(on_stderr=True) as view:
        view(WorkProgress(told))
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().err).replace("\r", "\n").splitlines()
    assert max(map(len, shown)) <= WIDTH
    words = {word for line in shown for word in line.split() if "word" in word}
    assert words == {"word-by-word"}


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
