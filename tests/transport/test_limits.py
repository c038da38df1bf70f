"""File descriptors and ports, checked before a run begins."""

from __future__ import annotations

import resource
import socket
from pathlib import Path

import pytest

from loadgen.errors import LoadgenError
from loadgen.transport import (
    limits,
    require_descriptors,
    require_free_port,
    require_ports,
    require_ports_to_spend,
)
from loadgen.transport.limits import is_left_behind


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


def test_too_few_local_ports_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(limits, "PORT_RANGE", tmp_path / "range")
    require_ports(10**6, "a million senders")  # not Linux: nobody tells
    (tmp_path / "range").write_text("32768\t32967\n")
    require_ports(200, "200 senders")
    with pytest.raises(LoadgenError, match="201 senders need 201 local ports, and this machine has 200"):
        require_ports(201, "201 senders")


@pytest.mark.parametrize(
    ("reuse", "loopback", "held"),
    [(None, True, 60), ("0", True, 60), ("1", False, 1), ("2", False, 60), ("2", True, 1)],
)
def test_requests_that_each_leave_a_port_behind_need_as_many_as_are_held(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, reuse: str | None, loopback: bool, held: int
) -> None:
    monkeypatch.setattr(limits, "PORT_RANGE", tmp_path / "range")
    monkeypatch.setattr(limits, "REUSE", tmp_path / "reuse")
    (tmp_path / "range").write_text("1000\t1999\n")
    if reuse is not None:
        (tmp_path / "reuse").write_text(f"{reuse}\n")
    most = 900 / held
    require_ports_to_spend(100, most, 3600.0, loopback)
    with pytest.raises(
        LoadgenError, match=rf"behind for {held} s: .* need 1001 local ports, and this machine has 1000"
    ):
        require_ports_to_spend(101, most, 3600.0, loopback)
    require_ports_to_spend(100, most * held / 0.5, 0.5, loopback)  # it is over before a port is free again
    require_ports_to_spend(100, 900, 0, loopback)  # all at once
    with pytest.raises(LoadgenError, match="901 requests need 1001 local ports"):
        require_ports_to_spend(100, 901, 0, loopback)


@pytest.mark.skipif(not limits.CONNECTIONS[0].exists(), reason="Linux alone lists its connections in a file")
@pytest.mark.parametrize("we_close_first", [True, False])
def test_a_port_stays_behind_with_whoever_closes_first(we_close_first: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        for _ in range(20):  # a port may still be behind with another peer, of another program of a busy machine
            ours = socket.create_connection(server.getsockname())
            port = ours.getsockname()[1]
            theirs = server.accept()[0]
            if not is_left_behind(port):
                break
            ours.close()
            theirs.close()
        assert not is_left_behind(port)  # it is open
        if we_close_first:
            ours.close()
            assert is_left_behind(port)
            theirs.close()
        else:
            theirs.close()
            assert ours.recv(1) == b""
            ours.close()
        assert is_left_behind(port) == we_close_first


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "*", ""])
def test_a_port_that_is_taken_is_refused_by_the_options_name(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LoadgenError, match=rf"^--bind-port {port}: address already in use; give another port$"):
            require_free_port("--bind-port", host, port)
    require_free_port("--bind-port", host, port)


@pytest.mark.parametrize("host", ["192.0.2.1", "nowhere.invalid"])
def test_an_address_of_another_machine_is_told(host: str) -> None:
    with pytest.raises(LoadgenError, match=rf"^--bind-port 5557: {host} is no address of this machine"):
        require_free_port("--bind-port", host, 5557)
