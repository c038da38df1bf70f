"""The order of the tests: files that take long come first, so that no process is left alone with one at the end."""

from __future__ import annotations

import pytest

LONG = (
    "tests/jobs/",
    "tests/test_api",
    "tests/results/",
    "tests/traffic/",
    "tests/cli/",
    "tests/test_install",
    "tests/judge/",
)
"""Beginnings of the files that take long, longest first: runs in real time, and large samples."""


def find_place(node: str) -> int:
    """Where a test's file stands in the order."""
    return next((place for place, start in enumerate(LONG) if node.startswith(start)), len(LONG))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests; those of one file keep their order."""
    items.sort(key=lambda item: find_place(item.nodeid))
