"""Numbers are moved into what the format takes, and nothing else is touched."""

from __future__ import annotations

from math import inf
from typing import Any

from loadgen.scenario import PageSpec, Resources, Telemetry, bound_members, find_bounds
from loadgen.scenario.telemetry import Vitals


def test_the_bounds_of_a_member_are_those_of_the_format() -> None:
    assert find_bounds(Vitals, "ttfb_median_ms") == (-inf, 60_000)
    assert find_bounds(Resources, "script") == (1, 100)


def test_numbers_are_moved_to_the_nearest_bound_also_in_inner_sections() -> None:
    members: dict[str, Any] = {"desktop": {"ttfb_median_ms": 1e9, "cls_zero": 0.3}, "tab_switches": 1.5, "touch": True}
    bound_members(members, Telemetry)
    assert members == {"desktop": {"ttfb_median_ms": 60_000, "cls_zero": 0.3}, "tab_switches": 1.0, "touch": True}
    page: dict[str, Any] = {"path": "/", "document_bytes": 10**20, "exit": 0.5, "to": {"a": 0.5}, "made_up": 7}
    bound_members(page, PageSpec)
    assert page == {"path": "/", "document_bytes": 100_000_000, "exit": 0.5, "to": {"a": 0.5}, "made_up": 7}
