"""The layering rule: imports go down, never sideways, and each framework has one door."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "loadgen"

FLOORS = {
    "model": 1,
    "events": 1,
    "errors": 1,
    "ids": 1,
    "pace": 1,
    "written": 1,
    "scenario": 1,
    "traffic": 2,
    "client": 2,
    "wire": 2,
    "results": 2,
    "capacity": 3,
    "endpoint": 3,
    "generate": 3,
    "ground_truth": 3,
    "not_run": 3,
    "preview": 3,
    "sampling": 3,
    "aws": 3,
    "seed": 3,
    "cli": 4,
    "swarm": 4,
}

DOORS = {  # framework: the only places that may import it
    "locust": ("swarm",),
    "gevent": ("swarm",),
    "httptools": ("swarm", "endpoint"),
    "boto3": ("aws",),
    "botocore": ("aws", "endpoint"),
    "faker": ("traffic/population",),
    "click": ("cli",),
    "pydantic": ("scenario",),
    "rich": ("cli", "results", "capacity"),
    "pyarrow": ("results",),
    "psutil": ("swarm", "cli"),
    "prometheus_client": ("swarm",),
}

MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem in FLOORS)


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").as_posix()


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_down_never_sideways(path: Path) -> None:
    room = name_of(path).split("/")[0]
    for imported in imports(path):
        if not imported.startswith("loadgen."):
            continue
        other = imported.split(".")[1]
        if other == room:
            continue
        assert other in FLOORS, f"{path} imports {imported}, which stands on no floor"
        sideways_on_the_ground = FLOORS[other] == FLOORS[room] and FLOORS[room] in (1, 3)
        assert FLOORS[other] < FLOORS[room] or sideways_on_the_ground, f"{name_of(path)} may not import {imported}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_each_framework_has_one_door(path: Path) -> None:
    for imported in imports(path):
        doors = DOORS.get(imported.split(".")[0])
        assert doors is None or name_of(path).startswith(doors), f"{name_of(path)} may not import {imported}"


def test_every_room_stands_on_a_floor() -> None:
    rooms = {name_of(path).split("/")[0] for path in PACKAGE.rglob("*.py")} - {"__init__", "__main__"}
    assert rooms == set(FLOORS)


def test_nothing_pure_reads_a_clock_or_a_file() -> None:
    impure = {"time", "datetime", "os", "socket", "random", "threading", "asyncio", "pathlib"}
    for room in ("traffic", "client", "wire"):
        for path in (PACKAGE / room).rglob("*.py"):
            used = {imported.split(".")[0] for imported in imports(path)} & impure
            assert not used, f"{name_of(path)} imports {used}"
