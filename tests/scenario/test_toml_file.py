"""A damaged scenario file is refused in one line, at once; a scenario that is written is read back as it was."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from loadgen.cli import commands, main
from loadgen.errors import ScenarioError
from loadgen.scenario import Scenario, format_scenario
from tests.paths import SCENARIOS

SHIPPED = sorted(SCENARIOS.glob("*.toml"))
SITE = 'name = "x"\n[pages.home]\npath = "/"\nexit = 1.0\n'
LATE = '\n[[incidents]]\nkind = "error"\nname = "release"\nat = "1d 2h"\n'.replace("1d 2h", "26h")

DAMAGED: dict[str, tuple[bytes, str]] = {
    "a key of 20,000 parts": (
        ".".join(["a"] * 20_000).encode() + b" = 1",
        "line 1 has a dotted key of more than 100 parts",
    ),
    "a table of 20,000 parts": (f"{SITE}[{'.'.join(['a'] * 20_000)}]".encode(), "line 5 has a dotted key of more"),
    "quoted parts": (".".join(['"a"'] * 20_000).encode() + b" = 1", "a dotted key of more than 100 parts"),
    "20,000 keys of two parts": (
        "".join(f"a{number}.b = 1\n" for number in range(20_000)).encode() + SITE.encode(),
        "the first of 20,000 problems",
    ),
    "arrays 5,000 deep": (b"x = " + b"[" * 5000 + b"]" * 5000, "more than 100 brackets in brackets"),
    "tables 5,000 deep": (b"x = " + b"{a=" * 5000 + b"1" + b"}" * 5000, "more than 100 brackets in brackets"),
    "an integer of 5,000 digits": (
        b"seed = " + b"9" * 5000,
        "line 1 has a number or key of more than 1,000 characters",
    ),
    "a hexadecimal one": (b"duration = 0x" + b"f" * 5000, "a number or key of more than 1,000 characters"),
    "nothing": (b"", "empty; write at least name"),
    "NUL bytes": (b"\0" * 100, "not valid TOML"),
    "a NUL in a name": (b'name = "x\0"\n', "not valid TOML: Illegal character"),
    "Latin-1": (b'name = "caf\xe9"\n', "not UTF-8 text (byte 11); save it as UTF-8"),
    "UTF-16": (SITE.encode("utf-16"), "not UTF-8 text (byte 0)"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    data, said = DAMAGED[name]
    file = tmp_path / "damaged.toml"
    file.write_bytes(data)
    begun = time.process_time()
    with pytest.raises(ScenarioError) as refused:
        Scenario.load(file)
    assert time.process_time() - begun < 20
    assert said in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_a_file_without_end_is_refused() -> None:
    with pytest.raises(ScenarioError, match="larger than 10 MB"):
        Scenario.load("/dev/zero")


@pytest.mark.parametrize(
    "text",
    [
        f'description = "{"[" * 500} {"a." * 500}"\n{SITE}',
        f"# {'[' * 500} {'9' * 5000}\n{SITE}",
        f"description = '''\n{'{' * 500}\n'''\n{SITE}",
        f'description = """\n{"." * 500} \\""" {"[" * 500}"""\n{SITE}',
    ],
)
def test_what_stands_in_a_text_or_comment_is_no_damage(text: str) -> None:
    assert Scenario.parse(text, "x.toml").name == "x"


def test_all_shipped_scenarios_are_read() -> None:
    assert all(Scenario.load(path) for path in SCENARIOS.glob("*.toml"))


def test_an_escape_sequence_never_reaches_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "x.toml"
    file.write_text('"a\\u001b]0;owned\\u0007" = 1\n' + SITE)
    monkeypatch.setattr(sys, "argv", ["loadgen", "check", str(file)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "\x1b" not in (error := capsys.readouterr().err)
    assert r"a\x1b]0;owned\x07" in error
    file.write_text('description = "a\\u001b[2J"\n' + SITE)
    told = CliRunner().invoke(commands, ["check", str(file)]).output
    assert r"a\x1b[2J" in told and "\x1b" not in told


def test_a_late_incident_needs_a_longer_run_and_says_which() -> None:
    with pytest.raises(ScenarioError) as refused:
        Scenario.parse(SITE + LATE, "x.toml")
    assert 'begins after the run\'s 60 s; write less, or a duration such as "2d" in the file' in str(refused.value)


def test_a_length_that_a_job_gives_stands_for_one_that_the_file_does_not_state() -> None:
    assert Scenario.parse(SITE + LATE, "x.toml", 3 * 86_400.0).duration == 3 * 86_400
    assert Scenario.parse('duration = "30s"\n' + SITE, "x.toml", 3 * 86_400.0).duration == 30
    with pytest.raises(ScenarioError, match="begins after the run's 86400 s"):
        Scenario.parse(SITE + LATE, "x.toml", 86_400.0)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_scenario_is_read_back_equal(path: Path) -> None:
    scenario = Scenario.load(path)
    assert Scenario.parse(format_scenario(scenario), path.name) == scenario


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_changed_scenario_is_read_back_as_changed(path: Path) -> None:
    changed = Scenario.load(path).adjust(duration=Scenario.load(path).duration * 2, rate=3.5, sample_rate=0.25)
    assert Scenario.parse(format_scenario(changed), path.name) == changed


def test_text_keeps_quotes_escapes_and_other_alphabets() -> None:
    described = 'a "quoted" \\ back\nslash, Größe, 東京, 🙂 and \x7f'
    scenario = Scenario.load(SHIPPED[0]).model_copy(update={"description": described})
    assert Scenario.parse(format_scenario(scenario), "x.toml").description == described
    assert isinstance(scenario, Scenario)
