"""The floors, as the README's tables say them: imports go down, never sideways but where a table gives the reason."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.paths import ROOT

PACKAGE = ROOT / "loadgen"

DOORS = {  # framework: the only places that may import it
    "locust": ("swarm",),
    "gevent": ("swarm",),
    "httptools": ("transport", "endpoint"),
    "boto3": ("aws",),
    "botocore": ("aws", "rum"),
    "faker": ("traffic/site",),
    "click": ("cli", "jobs"),
    "pydantic": ("scenario",),
    "duckdb": ("endpoint/console",),
    "rich": ("cli", "report", "jobs"),
    "pyarrow": ("results", "jobs"),
    "psutil": ("swarm", "jobs"),
    "prometheus_client": ("swarm",),
}

MODULES = sorted(PACKAGE.rglob("*.py"))
PACKAGE_FILES = ("__init__", "__main__")


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").as_posix()


def room_of(path: Path) -> str:
    return name_of(path).split("/")[0]


def module_of(path: Path) -> str:
    """The dotted name below `loadgen`."""
    return name_of(path).replace("/", ".").removesuffix(".__init__")


@cache
def rows_of(heading: str) -> list[list[str]]:
    """The cells of the README's table with this first heading."""
    lines = (ROOT / "README.md").read_text().splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return rows


@cache
def floors() -> dict[str, int]:
    return {room: int(floor) for floor, rooms, *_ in rows_of("floor") for room in re.findall(r"`(\w+)`", rooms)}


@cache
def exceptions() -> set[tuple[str, str]]:
    """Pairs (who, module) that the table allows; `*`: everybody above."""
    pairs = set()
    for who, what, why in rows_of("who"):
        assert len(why) > 10, f"no reason: {who} → {what}"
        pairs |= {(w, m) for w in re.findall(r"`([\w.*]+)`", who) for m in re.findall(r"`([\w.]+)`", what)}
    return pairs


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """The modules that a module imports, each with its name in it ("" for the module itself)."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{path}: relative import"
            yield from ((node.module, alias.name) for alias in node.names)


def is_module(dotted: str) -> bool:
    place = PACKAGE / dotted.replace(".", "/")
    return place.is_dir() or place.with_suffix(".py").is_file()


def own_imports(path: Path) -> Iterator[str]:
    """The modules of loadgen that a module imports, dotted, below `loadgen`."""
    for module, name in imports(path):
        if module == "loadgen" or module.startswith("loadgen."):
            below = module.removeprefix("loadgen").removeprefix(".")
            inner = f"{below}.{name}".strip(".")
            yield inner if name and is_module(inner) else below


def is_allowed(path: Path, other: str) -> bool:
    module = module_of(path)
    whos = {"*", room_of(path), module, *(".".join(module.split(".")[:n]) for n in range(1, 4))}
    return any((who, other) in exceptions() for who in whos)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_down_to_faces(path: Path) -> None:
    if name_of(path) in PACKAGE_FILES:
        return
    room = room_of(path)
    for other in own_imports(path):
        below = other.split(".")[0]
        if below in (room, "") or is_allowed(path, other):
            continue
        assert below in floors(), f"{name_of(path)} imports {other}, which stands on no floor"
        assert floors()[below] < floors()[room], f"{name_of(path)} may not import {other}: it is not below"
        face = 2 if below == "jobs" else 1
        assert len(other.split(".")) <= face, f"{name_of(path)} may not import {other}, an inner module"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_each_framework_has_one_door(path: Path) -> None:
    for imported, _ in imports(path):
        doors = DOORS.get(imported.split(".")[0])
        assert doors is None or name_of(path).startswith(doors), f"{name_of(path)} may not import {imported}"


def test_every_room_stands_on_a_floor() -> None:
    assert {room_of(path) for path in MODULES} - set(PACKAGE_FILES) == set(floors())


def test_every_exception_is_used() -> None:
    used = set()
    for path in MODULES:
        module = module_of(path)
        whos = {"*", room_of(path), *(".".join(module.split(".")[:n]) for n in range(1, 4))}
        used |= {(who, other) for other in own_imports(path) for who in whos}
    assert exceptions() <= used


VIEW = re.compile(r"describe_\w+|format_\w+|list_lines|build_\w+_view|render_\w+|show|\w+View")
"""A name of a function or class that shows a result or progress."""


@pytest.mark.parametrize("path", sorted((PACKAGE / "cli").glob("*.py")), ids=name_of)
def test_the_command_line_calls_only_the_python_api(path: Path) -> None:
    """Of jobs and the rooms below it imports views alone; what does the work is a name of `loadgen`."""
    tree = ast.parse(path.read_text())
    for_types = [each for node in tree.body if isinstance(node, ast.If) for each in ast.walk(node)]
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.ImportFrom)
            and node.module
            and node.module.startswith("loadgen.")
            and node not in for_types
        ):
            room = node.module.split(".")[1]
            if room != "cli" and floors()[room] > 1:
                assert not [each.name for each in node.names if not VIEW.fullmatch(each.name)], node.module


def test_nothing_pure_reads_a_clock_or_a_file() -> None:
    impure = {"time", "datetime", "os", "socket", "random", "threading", "asyncio", "pathlib"}
    for room in ("traffic", "client", "wire"):
        for path in (PACKAGE / room).rglob("*.py"):
            used = {imported.split(".")[0] for imported, _ in imports(path)} & impure
            assert not used, f"{name_of(path)} imports {used}"


def test_no_imports_go_in_circles() -> None:
    """Imports for types alone count too; a package's face counts as the module that it is."""
    graph = {module_of(path): set(own_imports(path)) - {module_of(path)} for path in MODULES}
    finished: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " → ".join([*trail[trail.index(module) :], module])
        if module not in finished:
            for other in sorted(graph.get(module, ())):
                visit(other, (*trail, module))
            finished.add(module)

    for module in sorted(graph):
        visit(module, ())


FIT_FOLDERS = ("reading", "visits", "estimates", "drafting", "calibration", "comparison")
"""In the order in which data flow, as fit's README lists them."""


def test_folders_of_fit_import_only_what_the_data_passed_before() -> None:
    fit = PACKAGE / "jobs" / "fit"
    rows = re.findall(r"^\| `(\w+)/` \|", (fit / "README.md").read_text(), re.M)
    assert tuple(rows) == FIT_FOLDERS
    wrong = []
    for place, folder in enumerate(FIT_FOLDERS):
        for path in (fit / folder).glob("*.py"):
            imported = set(re.findall(r"^from loadgen\.jobs\.fit\.(\w+)", path.read_text(), re.M))
            allowed = {*FIT_FOLDERS[: place + 1], "support"}
            wrong += [f"{folder}/{path.name} imports {name}" for name in imported - allowed]
    assert not wrong
