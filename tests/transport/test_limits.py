"""File descriptors and ports, checked before a run begins."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from loadgen.errors import LoadgenError
from loadgen.transport import count_free_descriptors, limits, require_descriptors, require_ports


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The limit of descriptors as a variable: soft 300, hard 700."""
    current = [(300, 700)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: current[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, pair: current.append(pair))
    return current


def test_a_soft_limit_is_raised_as_far_as_it_is_needed(limited: list[tuple[int, int]]) -> None:
    require_descriptors(100, "100 senders")
    assert limited[-1] == (300, 700)
    require_descriptors(500, "500 senders")
    assert limited[-1] == (600, 700)


def test_a_hard_limit_is_named_with_what_is_needed(limited: list[tuple[int, int]]) -> None:
    with pytest.raises(LoadgenError) as caught:
        require_descriptors(900, "900 senders")
    assert str(caught.value) == (
        "900 senders need 1000 file descriptors, and this process may open 700: raise `ulimit -n` to 1000, "
        "or give --senders 600"
    )
    assert limited == [(300, 700)]


def test_an_open_file_is_one_descriptor_fewer() -> None:
    free = count_free_descriptors()
    with Path("/dev/null").open():
        assert count_free_descriptors() == free - 1
    assert free < resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def test_too_few_local_ports_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(limits, "PORT_RANGE", tmp_path / "range")
    require_ports(10**6, "a million senders")  # not Linux: nobody tells
    (tmp_path / "range").write_text("32768\t32967\n")
    require_ports(200, "200 senders")
    with pytest.raises(LoadgenError, match="201 senders need 201 local ports, and this machine has 200"):
        require_ports(201, "201 senders")
