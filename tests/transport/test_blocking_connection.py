"""The blocking Send on real sockets."""

from __future__ import annotations

import gc
import socket
import warnings
from collections.abc import Iterator
from threading import Thread

import pytest

from loadgen.model import Request
from loadgen.transport import BlockingConnection, NoAnswer, find_route

REQUEST = Request("POST", "/appmonitors/x", (("host", "somewhere"), ("content-type", "application/json")), b"{}")
ANSWER = b"HTTP/1.1 200 OK\r\nX-Thing: 1\r\ncontent-length: 2\r\n\r\n{}"


class Peer:
    """Takes connections one by one and gives each the answers it was told to."""

    def __init__(self, *connections: list[bytes]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.requests: list[bytes] = []
        self._thread = Thread(target=self._serve, args=(connections,), daemon=True)
        self._thread.start()

    def _serve(self, connections: tuple[list[bytes], ...]) -> None:
        for answers in connections:
            connection, _ = self._listener.accept()
            with connection:
                for answer in answers:
                    self.requests.append(self._whole(connection))
                    if answer:
                        connection.sendall(answer)

    @staticmethod
    def _whole(connection: socket.socket) -> bytes:
        """All of a request whose body is REQUEST's."""
        received = b""
        while not received.endswith(b"\r\n\r\n" + REQUEST.body) and (more := connection.recv(65536)):
            received += more
        return received

    def close(self) -> None:
        self._listener.close()
        self._thread.join(5)


@pytest.fixture
def peers() -> Iterator[list[Peer]]:
    made: list[Peer] = []
    yield made
    for peer in made:
        peer.close()


def test_a_request_goes_out_as_it_is_and_one_connection_serves_many(peers: list[Peer]) -> None:
    peers.append(peer := Peer([ANSWER, ANSWER]))
    network = BlockingConnection(find_route(peer.url))
    for _ in range(2):
        response = network(REQUEST)
        assert (response.status, response.get_header("x-thing"), response.body) == (200, "1", b"{}")
    network.close()
    head, _, body = peer.requests[0].partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"POST /appmonitors/x HTTP/1.1",
        b"host: somewhere",
        b"content-type: application/json",
        b"content-length: 2",
    ]
    assert body == b"{}"


def test_a_connection_that_the_peer_closed_is_made_anew_before_the_request_is_written(peers: list[Peer]) -> None:
    peers.append(peer := Peer([ANSWER], [ANSWER]))
    network = BlockingConnection(find_route(peer.url))
    network(REQUEST)
    connected = network._socket
    assert connected is not None
    assert connected.recv(1, socket.MSG_PEEK) == b""  # wait until the peer has closed
    assert network(REQUEST).status == 200
    assert len(peer.requests) == 2


def test_no_connection_is_certainly_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(NoAnswer, match="refused") as caught:
        BlockingConnection(find_route(f"http://127.0.0.1:{port}"))(REQUEST)
    assert caught.value.sent is False


@pytest.mark.parametrize(
    ("answer", "cause"), [(b"", "closed|reset"), (b"nonsense\r\n\r\n", "malformed"), (ANSWER[:-1], "closed")]
)
def test_an_answer_that_does_not_come_whole_leaves_a_doubt(peers: list[Peer], answer: bytes, cause: str) -> None:
    peers.append(peer := Peer([answer]))
    with pytest.raises(NoAnswer, match=cause) as caught:
        BlockingConnection(find_route(peer.url))(REQUEST)
    assert caught.value.sent is True


def test_an_answer_that_takes_too_long_is_a_timeout(peers: list[Peer]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(NoAnswer, match="timeout") as caught:
        BlockingConnection(find_route(f"http://127.0.0.1:{silent.getsockname()[1]}"), timeout=0.05)(REQUEST)
    assert caught.value.sent is True


def test_a_connection_that_nobody_uses_any_more_is_closed() -> None:
    peer = Peer([ANSWER])
    connection = BlockingConnection(find_route(peer.url))
    connection(REQUEST)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        del connection
        gc.collect()
    port = peer.url.rpartition(":")[2]
    assert [
        each for each in told if f"raddr=('127.0.0.1', {port})" in str(each.message)
    ] == []  # others' sockets may be
