"""The house's measures: one name means one thing, small modules and functions, few parameters, a short README."""

from __future__ import annotations

import ast
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.paths import ROOT

PACKAGE = ROOT / "loadgen"
MODULE_LINES = 300
FUNCTION_LINES = 40
PARAMETERS = 6
CLI_LINES = 1500
README_LINES = 250


# Each allowance gives its reason. One that is no longer needed fails, so the lists only shrink.
NAMES_OF_TWO: dict[str, str] = {}
LONG_MODULES: dict[str, str] = {
    "rum/events.py": "a data table: a struct for the details of each event type",
}
LONG_FUNCTIONS: dict[str, str] = {}
MANY_PARAMETERS: dict[str, str] = {}
DANGLING: dict[str, str] = {}

DANGLING_WORDS = re.compile(r"\bthe issue\b|\bissue('s|s? \d)|\bfacts(/|, section)", re.IGNORECASE)

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def modules() -> dict[str, ast.Module]:
    """Each module of the package, parsed, by its path below the package, such as `wire/compression.py`."""
    paths = sorted(PACKAGE.rglob("*.py"))
    return {path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text()) for path in paths}


def functions() -> Iterator[tuple[str, Function]]:
    """Each function and method with its name, such as `wire/compression.py:compress`."""
    for path, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, Function):
                yield f"{path}:{node.name}", node


def lines_of(path: str) -> int:
    return len((PACKAGE / path).read_text().splitlines())


def is_a_command(function: Function) -> bool:
    """Whether click calls it, with a parameter for each option."""
    return any("command(" in ast.unparse(each) for each in function.decorator_list)


def parameters_of(function: Function) -> int:
    """How many parameters a caller may give."""
    given = function.args
    names = [each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def test_a_public_class_name_means_one_thing() -> None:
    places = Counter(
        node.name
        for tree in modules().values()
        for node in tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert {name for name, count in places.items() if count > 1} == set(NAMES_OF_TWO)


def test_a_name_of_a_type_means_one_thing() -> None:
    """A type that is named by an assignment, such as `Seconds = Annotated[...]`, means the same wherever it is named.

    The sections of a scenario file state bounds of their own in pydantic's words, so that room has its own names.
    """
    meanings: dict[str, set[str]] = {}
    for path, tree in modules().items():
        for node in tree.body if not path.startswith("scenario/") else ():
            if isinstance(node, ast.ClassDef):
                meanings.setdefault(node.name, set()).add(f"the class in {path}")
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                meanings.setdefault(node.targets[0].id, set()).add(ast.unparse(node.value))
    many = {name for name, found in meanings.items() if len(found) > 1 and re.match("[A-Z][a-z]", name)}
    assert many == set()


def test_no_module_is_long() -> None:
    assert {path for path in modules() if lines_of(path) > MODULE_LINES} == set(LONG_MODULES)


def test_no_function_is_long() -> None:
    lengths = {name: (node.end_lineno or 0) - node.lineno + 1 for name, node in functions() if not is_a_command(node)}
    assert {name for name, length in lengths.items() if length > FUNCTION_LINES} == set(LONG_FUNCTIONS)


def test_no_function_takes_many_parameters() -> None:
    many = {name for name, node in functions() if parameters_of(node) > PARAMETERS and not is_a_command(node)}
    assert many == set(MANY_PARAMETERS)


def test_the_command_line_is_thin() -> None:
    assert sum(lines_of(path) for path in modules() if path.startswith("cli/")) <= CLI_LINES


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= README_LINES


def test_no_text_refers_to_what_a_reader_does_not_have() -> None:
    paths = [path for folder in (PACKAGE, ROOT / "tests") for path in folder.rglob("*.py") if path != Path(__file__)]
    found = {path.relative_to(ROOT).as_posix() for path in paths if DANGLING_WORDS.search(path.read_text())}
    assert found == set(DANGLING)


def names_of(room: str) -> set[str]:
    """The modules and folders of a room, and what its face names."""
    face = modules()[f"{room}/__init__.py"] if f"{room}/__init__.py" in modules() else modules()[f"{room}.py"]
    below = {path.split("/")[1].removesuffix(".py") for path in modules() if path.startswith(f"{room}/")}
    return below | {name for node in ast.walk(face) for name in vars(node).values() if isinstance(name, str)}


def test_what_a_text_names_of_a_room_is_there() -> None:
    """Such as `swarm.connection`, in docstrings and comments; modules move more often than the texts on them."""
    rooms = {path.split("/")[0].removesuffix(".py") for path in modules()} - {"__init__", "__main__"}
    lacking = set()
    for path in modules():
        for room, name in re.findall(r"`(?:loadgen\.)?([a-z]\w+)\.([A-Za-z]\w*)[^`]*`", (PACKAGE / path).read_text()):
            if room in rooms and name not in names_of(room) | {"toml", "html"}:
                lacking.add(f"{path}: {room}.{name}")
    assert lacking == set()


def test_each_allowance_gives_its_reason() -> None:
    for allowed in (NAMES_OF_TWO, LONG_MODULES, LONG_FUNCTIONS, MANY_PARAMETERS, DANGLING):
        assert all(len(reason) > 10 for reason in allowed.values())


def test_the_repository_has_no_link_but_that_to_the_scenarios() -> None:
    """A link to a folder that git ignores would take the folder's place in every clone."""
    listed = subprocess.run(["git", "ls-files", "--stage"], cwd=ROOT, capture_output=True, text=True).stdout
    links = {line.partition("\t")[2] for line in listed.splitlines() if line.startswith("120000 ")}
    assert links <= {"loadgen/scenarios"}
