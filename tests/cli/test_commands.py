"""The commands as a user types them: what they print, what they write, and how they refuse."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from loadgen.cli import commands
from loadgen.cli.options import ParsedOption
from loadgen.errors import LoadgenError
from tests.paths import SCENARIOS

QUICKSTART = SCENARIOS / "quickstart.toml"


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(commands, [str(argument) for argument in arguments])


def refusal(*arguments: object) -> str:
    """The one message of a command that refuses."""
    result = invoke(*arguments)
    assert isinstance(result.exception, LoadgenError), result.output
    return str(result.exception)


@pytest.mark.parametrize("scenario", sorted(SCENARIOS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_scenario_is_fine(scenario: Path) -> None:
    result = invoke("check", scenario)
    assert result.exit_code == 0
    assert "fine" in result.output


@pytest.mark.parametrize("arguments", [("scenarios",), ("check", QUICKSTART), ("plan", QUICKSTART, "--duration", 2)])
def test_a_verb_that_has_an_option_for_json_prints_json_and_nothing_else(arguments: tuple[object, ...]) -> None:
    result = invoke(*arguments, "--json")
    assert result.exit_code == 0, result.exception
    assert json.loads(result.stdout)


def test_three_workers_write_the_bytes_of_one(tmp_path: Path) -> None:
    for workers in (1, 3):
        out = tmp_path / f"{workers}.ndjson"
        result = invoke(*("generate", QUICKSTART, "--sessions", 150, "--seed", 4, "--out", out, "--workers", workers))
        assert result.exit_code == 0, result.output
    assert (tmp_path / "1.ndjson").read_bytes() == (tmp_path / "3.ndjson").read_bytes()


def test_generated_lines_are_putrumevents_bodies_that_start_when_told(tmp_path: Path) -> None:
    out = tmp_path / "bodies.ndjson"
    invoke("generate", QUICKSTART, "--sessions", 5, "--seed", 4, "--out", out, "--start", "2026-03-01T12:00:00")
    bodies = [json.loads(line) for line in out.read_text().splitlines()]
    assert list(bodies[0]) == ["BatchId", "AppMonitorDetails", "UserDetails", "RumEvents", "SessionMetadata"]
    first = min(event["timestamp"] for body in bodies for event in body["RumEvents"])
    assert 0 <= first - 1772366400 < 30


def test_more_sessions_than_the_scenario_lasts_for_are_generated_all_the_same(tmp_path: Path) -> None:
    out = tmp_path / "bodies.ndjson"
    assert invoke("generate", QUICKSTART, "--sessions", 500, "--seed", 4, "--out", out).exit_code == 0
    sessions = {json.loads(line)["UserDetails"]["sessionId"] for line in out.read_text().splitlines()}
    assert len(sessions) >= 500


def test_a_scenario_that_runs_dry_is_told(tmp_path: Path) -> None:
    dry = tmp_path / "dry.toml"
    dry.write_text(
        'name = "dry"\narrivals.stages = [{ duration = 5, target = 2 }, { duration = 5, target = 0 }]\n'
        '[pages.home]\npath = "/"\nexit = 1\n'
    )
    assert "its arrivals end at rate 0" in refusal("generate", dry, "--sessions", 1000, "--out", tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    assert "cannot be written" in refusal("generate", QUICKSTART, "--sessions", 1, "--out", tmp_path / "no" / "x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [("check",), ("run",), ("generate", "--sessions", "1", "--out", "x")])
def test_a_missing_scenario_is_named(tmp_path: Path, command: tuple[str, ...]) -> None:
    assert "nowhere.toml" in refusal(command[0], tmp_path / "nowhere.toml", *command[1:])


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--pace", "fast", "write realtime, max, or a factor such as 10x"),
        ("--pace", "0x", "write realtime, max, or a factor such as 10x"),
        ("--pace", "-1x", "write realtime, max, or a factor such as 10x"),
        ("--quota", "none", "write requests per second such as 50, or off"),
        ("--quota", "-3", "write requests per second such as 50, or off"),
        ("--duration", "soon", "write seconds, or a number with"),
        ("--duration", "0", "write seconds, or a number with"),
        ("--duration", "50 weeks", "write seconds, or a number with"),
        ("--duration", "1.2.3", "write seconds, or a number with"),
        ("--rate", "0", "write a number above 0, at most 1000000"),
        ("--sample-rate", "1.5", "write one such as 0.001 or 0.1%"),
        ("--senders", "0", "write a whole number from 1 to 900"),
        ("--max-events", "0", "write a whole number of 1 or more"),
        ("--max-events", "many", "write a number such as 12000, 500k or 2M"),
        ("--max-events", "0.5", "is no whole number"),
    ],
)
def test_an_impossible_option_is_told_what_to_write_instead(option: str, value: str, said: str) -> None:
    result = invoke("run", QUICKSTART, f"{option}={value}")
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())


NUMBERS = (click.IntRange, click.FloatRange, click.types.IntParamType, click.types.FloatParamType, ParsedOption)


def list_numbers() -> Iterator[tuple[str, click.Parameter]]:
    """All options that take a number, with their verbs."""

    def walk(command: click.Command, verb: str) -> Iterator[tuple[str, click.Parameter]]:
        if isinstance(command, click.Group):
            for name, inner in command.commands.items():
                yield from walk(inner, f"{verb} {name}".strip())
        yield from ((verb, each) for each in command.params if isinstance(each.type, NUMBERS))

    return walk(commands, "")


@pytest.mark.parametrize(
    "value", ["nan", "NaN", "inf", "-Infinity", "1e999", "9" * 400 + ".0", "", " ", "0x10", "1,5,x"]
)
def test_no_option_takes_a_number_that_is_none(value: str) -> None:
    taken = []
    for verb, option in list_numbers():
        try:
            option.type.convert(value, option, None)
        except click.UsageError:
            continue
        taken.append(f"{verb} {option.opts[0]}")
    assert taken == []


def test_every_number_that_is_not_whole_is_read_by_a_type_of_our_own() -> None:
    kinds = {type(option.type) for _, option in list_numbers()}
    assert not kinds & {click.FloatRange, click.types.FloatParamType}, "give the option a type of loadgen.cli.options"


GENERATE = ("generate", QUICKSTART, "--sessions", 1, "--out", "-")


def test_an_option_is_called_in_a_message_as_on_the_command_line() -> None:
    assert "answer_seconds (--answer-time): 99.0 is out of range" in refusal("plan", QUICKSTART, "--answer-time", 99)
    assert "workers (--workers): 1000 is out" in refusal(*GENERATE, "--workers", 1000)


def test_a_target_that_is_none_is_told() -> None:
    assert "write local, aws, or a URL" in refusal("run", QUICKSTART, "--target", "localhost:8000")


def test_a_folder_with_files_in_it_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    assert "holds files already" in refusal("run", QUICKSTART, "--duration", "1", "--out", tmp_path)


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port}" in refusal("serve", "--port", port)


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    assert "has neither summary.json nor run.json" in refusal("report", tmp_path)


def test_an_error_is_one_line_on_stderr_and_exit_code_2(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "loadgen", "report", str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("loadgen: ")
    assert len(done.stderr.splitlines()) == 1


def test_help_and_completion_import_no_job_and_neither_numpy_nor_boto3_nor_locust() -> None:
    script = """
import click, contextlib, io, sys
from loadgen.cli import commands

def show_help(command, path):
    with contextlib.suppress(click.exceptions.Exit), contextlib.redirect_stdout(io.StringIO()):
        command.make_context(path, ['--help'])
    for name, verb in getattr(command, 'commands', {}).items():
        show_help(verb, f'{path} {name}')

show_help(commands, 'loadgen')
commands.commands['plan'].make_context('plan', ['q'], resilient_parsing=True)
print(*{'numpy', 'boto3', 'locust', 'faker', 'pydantic', 'loadgen.jobs'} & sys.modules.keys())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_stages_with_thresholds_are_refused_as_fast_as_possible(tmp_path: Path) -> None:
    strict = tmp_path / "strict.toml"
    stages = "[{ duration = 5, target = 2 }, { duration = 5, target = 2, thresholds = { latency_p50_ms = 1 } }]"
    strict.write_text(f'name = "strict"\narrivals.stages = {stages}\n[pages.home]\npath = "/"\nexit = 1\n')
    out = tmp_path / "run"
    assert "stage 2 has thresholds of its own" in refusal("run", strict, "--pace", "max", "--out", out)
    assert not out.exists()


@pytest.mark.parametrize(
    "command", [("plan", QUICKSTART, "--html"), ("preview", QUICKSTART, "--out"), ("compare", "a", "b", "--html")]
)
def test_a_page_that_cannot_be_written_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[object, ...]
) -> None:
    monkeypatch.setattr("loadgen.traffic.draw_sessions", None)  # whoever draws a session now breaks
    assert "cannot be written (no such folder); name a file" in refusal(*command, tmp_path / "no" / "x.html")
    assert f"{tmp_path}: is a folder" in refusal(*command, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--region=", "write one such as us-east-1"),
        ("--region=moon", "write one such as us-east-1"),
        ("--account=12", "write twelve digits"),
    ],
)
def test_a_region_or_account_that_is_none_is_not_served(option: str, said: str) -> None:
    result = invoke("serve", "--port", 0, option)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://me:secret@127.0.0.1:8000", "leave user and password out of the URL"),
        ("http://", "names no host"),
        ("http://127.0.0.1:99999", "Port out of range"),
    ],
)
@pytest.mark.parametrize("command", [("run", QUICKSTART), ("find-limit", QUICKSTART), ("monitors", "list")])
def test_a_target_that_is_no_plain_url_is_refused_and_not_repeated(
    command: tuple[object, ...], url: str, said: str
) -> None:
    message = refusal(*command, "--target", url)
    assert said in message
    assert "secret" not in message
    assert len(message.splitlines()) == 1


def test_a_fault_that_does_not_fit_is_told_in_our_words() -> None:
    assert refusal("serve", "--port", 0, "--faults", "errors=2") == (
        "faults: 'errors=2' does not fit; write a share from 0 to 1, such as errors=0.01"
    )


def test_a_window_without_requests_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    said = refusal("find-limit", QUICKSTART, "--start", 0.5, "--hold", "2s", "--out", tmp_path / "run")
    assert said == ("--start 0.5 sends fewer than 2 requests in a window of 2 s; give a --hold of at least 4 s")
    said = refusal("find-limit", QUICKSTART, "--max-rate", 0.1, "--out", tmp_path / "run")
    assert said == "--max-rate 0.1 sends fewer than 2 requests in a window of 10 s; give a --hold of at least 20 s"
    assert list(tmp_path.iterdir()) == []


def test_a_first_rate_above_the_highest_is_refused_and_not_ignored(tmp_path: Path) -> None:
    said = refusal("find-limit", QUICKSTART, "--start", 100, "--max-rate", 10, "--out", tmp_path / "run")
    assert said == "--start 100 is above --max-rate 10; start at 10 at most"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux alone has a device that is always full")
@pytest.mark.parametrize(
    "arguments",
    [
        ("check",),
        ("plan", "--duration", "5s", "--json"),
        ("plan", "--duration", "5s"),
        ("sampling", "--duration", "5s"),
    ],
)
def test_a_full_disk_behind_standard_output_is_told_in_a_line(arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "loadgen", arguments[0], str(QUICKSTART), *arguments[1:]]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "loadgen: standard output cannot be written (no space left on device)"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("group", [(), ("monitors",), ("tags",), ("metrics",), ("policy",)], ids=" ".join)
def test_a_group_without_a_verb_prints_its_help_in_lines(group: tuple[str, ...]) -> None:
    done = subprocess.run([sys.executable, "-m", "loadgen", *group], capture_output=True, text=True)
    asked = subprocess.run([sys.executable, "-m", "loadgen", *group, "--help"], capture_output=True, text=True)
    assert (done.returncode, done.stderr.split()) == (2, asked.stdout.split())
    assert len(done.stderr.splitlines()) == len(asked.stdout.splitlines()) > 5


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", ""),
        ("plan", "quickstart", "--html", ""),
        ("run", "quickstart", "--out", ""),
        ("run", "quickstart", "--junit", ""),
        ("compare", "a", ""),
        ("fit", ""),
        ("serve", "--store", ""),
    ],
    ids=" ".join,
)
def test_an_empty_path_is_not_the_present_folder(arguments: tuple[str, ...]) -> None:
    done = invoke(*arguments)
    assert done.exit_code == 2
    assert "the path is empty; write one" in done.output


@pytest.mark.parametrize(
    "options",
    [
        ("--junit", "shop.toml"),
        ("--summary-md", "./shop.toml"),
        ("--junit", "x", "--summary-md", "x"),
        ("--store", "x", "--junit", "x"),
    ],
)
def test_a_run_writes_no_file_over_its_scenario_or_another(
    options: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = (SCENARIOS / "quickstart.toml").read_text()
    Path("shop.toml").write_text(text)
    assert "name another file for the output" in refusal("run", "shop.toml", *options)
    assert [each.read_text() for each in tmp_path.iterdir()] == [text]
