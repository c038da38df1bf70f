"""Whether a target answers at all: told soon, and only where nothing came."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from loadgen.errors import Unreachable
from loadgen.transport import first_answer, limits, require_answer


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_answer, "ANSWER_SECONDS", 1.0)
    monkeypatch.setattr(first_answer, "NOTICE_SECONDS", 0.1)


def test_a_target_that_takes_a_connection_and_stays_silent_is_announced_and_refused() -> None:
    heard: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        url = f"http://{host}/stage"
        began = time.monotonic()
        with pytest.raises(Unreachable, match=rf"no answer from {url} in 1 s \(timeout\); nothing was sent"):
            require_answer(url, "/appmonitors/m", heard.append)
        assert time.monotonic() - began >= first_answer.ANSWER_SECONDS
        connection, _ = silent.accept()
        with connection:
            assert connection.recv(65536).startswith(b"OPTIONS /stage/appmonitors/m HTTP/1.1\r\n")
    assert heard == [f"waiting for {host} to answer at all, at most 1 s"]


@pytest.mark.parametrize("answer", [b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", b"nonsense\r\n\r\n", b""])
def test_a_target_that_answers_anything_or_hangs_up_is_left_to_those_who_send(answer: bytes) -> None:
    heard: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        require_answer(f"http://127.0.0.1:{server.getsockname()[1]}", "/appmonitors/m", heard.append)
        thread.join()
    assert not heard


@pytest.mark.skipif(not limits.CONNECTIONS[0].exists(), reason="Linux alone lists its connections in a file")
@pytest.mark.parametrize(("header", "costs_a_port"), [(b"Connection: close\r\n", True), (b"", False)])
def test_a_target_that_leaves_the_closing_to_us_costs_a_port_a_request(header: bytes, costs_a_port: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\n" + header + b"Content-Length: 0\r\n\r\n")
                assert connection.recv(1) == b""  # until the other end is closed

        thread = threading.Thread(target=serve)
        thread.start()
        assert require_answer(f"http://127.0.0.1:{server.getsockname()[1]}", "/appmonitors/m") is costs_a_port
        thread.join()
