"""What is generated is fresh, and what the READMEs promise exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from loadgen.cli import commands
from loadgen.scenario import Scenario
from loadgen.scenario.scenario import format_schema
from tests import docs
from tests.paths import ROOT

PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(page for room in ("loadgen", "scenarios", "results") for page in (ROOT / room).rglob("*.md")),
    ]
)


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def test_the_command_reference_is_fresh() -> None:
    assert docs.REFERENCE.read_text() == docs.reference_text(), "run make docs"


def test_the_scenario_schema_is_fresh() -> None:
    assert docs.SCHEMA.read_text() == format_schema(), "run make docs"


@cache
def options_of(*verbs: str) -> frozenset[str]:
    """The options of a command, such as `loadgen monitors apply`."""
    command: click.Command = commands
    for verb in verbs:
        assert isinstance(command, click.Group)
        command = command.commands[verb]
    return frozenset(option for each in command.params for option in each.opts) | {"--help", "--version"}


def shown_commands(text: str) -> Iterator[tuple[tuple[str, ...], set[str]]]:
    """Each command line of loadgen that a page shows: its verbs, and the options that it gives."""
    for line in re.findall(
        r"(?:^\s*(?:\$ )?|`)loadgen ((?:[^`\n]|\\\n)+)", text.replace("\\\n", ""), flags=re.MULTILINE
    ):
        words = line.partition("#")[0].split()
        command: click.Command = commands
        verbs: tuple[str, ...] = ()
        for word in words:
            if not (isinstance(command, click.Group) and word in command.commands):
                break
            command, verbs = command.commands[word], (*verbs, word)
        yield verbs, {word.partition("=")[0] for word in words if re.fullmatch(r"--[a-z-]+(=.*)?", word)}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_line_on_a_page_has_verbs_and_options_that_exist(page: Path) -> None:
    if page == docs.REFERENCE:
        return
    for verbs, options in shown_commands(page.read_text()):
        assert verbs or options <= options_of(), f"loadgen has no verb of that name: {options}"
        assert options <= options_of(*verbs), f"loadgen {' '.join(verbs)}: {options - options_of(*verbs)}"


def without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^\s*```.*?^\s*```", "", text, flags=re.DOTALL | re.MULTILINE))


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors that GitHub makes of a page's headings."""
    text = re.sub(r"^\s*```.*?^\s*```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text()).replace("[]", "")):
        if link.startswith(("http://", "https://")):
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), f"{name_of(page)} links to {link}, which does not exist"
        assert not anchor or anchor in anchors(target), f"{name_of(page)} links to {link}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_path_of_a_test_or_module_on_a_page_exists(page: Path) -> None:
    for path in re.findall(r"`((?:tests|loadgen|scenarios)/[\w./-]+)`", page.read_text()):
        assert (ROOT / path).exists(), f"{name_of(page)} names {path}"


def test_every_promise_names_the_tests_that_try_it() -> None:
    table = (ROOT / "README.md").read_text().split("| promise | tried |")[1].split("\n\n")[0]
    rows = table.splitlines()[2:]
    assert len(rows) >= 14
    for row in rows:
        promise, tried = row.strip("| ").split(" | ")
        named = re.findall(r"`(tests/[\w./-]+)`", tried)
        assert named, promise
        for path in named:
            files = [ROOT / path] if path.endswith(".py") else (ROOT / path).glob("test_*.py")
            assert any("\ndef test_" in file.read_text() for file in files), f"{promise}: {path} has no test"


def shown_scenarios() -> list[str]:
    """The whole scenarios on the pages: blocks of TOML that begin with a name."""
    return [
        block
        for page in PAGES
        for block in re.findall(r"^```toml\n(name = .*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    ]


@pytest.mark.parametrize("text", shown_scenarios(), ids=lambda text: text.partition("\n")[0])
def test_every_whole_scenario_on_a_page_is_valid(text: str, tmp_path: Path) -> None:
    file = tmp_path / "shown.toml"
    file.write_text(text)
    assert Scenario.load(file).pages


def shown_outputs() -> Iterator[tuple[Path, str, list[str]]]:
    """Each command on a page whose output a seed decides, with the lines that the page shows of it."""
    for page in PAGES:
        for block in re.findall(r"^```text\n(\$ loadgen .*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
            for part in re.split(r"^\$ loadgen ", block, flags=re.MULTILINE)[1:]:
                command, *lines = part.splitlines()
                if command.split()[0] in ("check", "plan", "sampling"):
                    yield page, command, [line for line in lines if line != "…"]


SHOWN = list(shown_outputs())


def test_pages_show_outputs_of_several_verbs() -> None:
    assert {command.split()[0] for _, command, _ in SHOWN} == {"check", "plan", "sampling"}


@pytest.mark.slow
@pytest.mark.parametrize(("page", "command", "lines"), SHOWN, ids=[command for _, command, _ in SHOWN])
def test_what_a_page_shows_of_a_command_is_what_it_prints(page: Path, command: str, lines: list[str]) -> None:
    printed = iter(CliRunner().invoke(commands, command.split(), env={"COLUMNS": "80"}).stdout.splitlines())
    for line in lines:
        assert line in printed, f"{name_of(page)}: {line}"  # in this order
