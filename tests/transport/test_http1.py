"""HTTP/1.1 without a socket."""

from __future__ import annotations

import pytest

from loadgen.model import Request, Response
from loadgen.transport import NoAnswer, ResponseParser, serialize

OK = b"HTTP/1.1 200 OK\r\nX-Thing: 1\r\ncontent-length: 2\r\n\r\n{}"


def parse(*pieces: bytes) -> tuple[Response, bool]:
    """The answer in these pieces, and whether its connection may be used again."""
    parser = ResponseParser()
    for piece in pieces:
        assert not parser.complete
        parser.feed(piece)
    assert parser.complete
    reusable = parser.reusable
    return parser.take(), reusable


def test_a_request_goes_out_with_its_own_headers_and_its_length() -> None:
    request = Request("POST", "/appmonitors/x?a=%2F", (("host", "h"), ("x-é", "ü")), b"body")
    head = "POST /appmonitors/x?a=%2F HTTP/1.1\r\nhost: h\r\nx-é: ü\r\ncontent-length: 4\r\n\r\n"
    assert serialize(request) == head.encode("latin-1") + b"body"


def test_a_preflight_has_no_length() -> None:
    assert serialize(Request("OPTIONS", "/", (("host", "h"),))) == b"OPTIONS / HTTP/1.1\r\nhost: h\r\n\r\n"


@pytest.mark.parametrize("step", [1, 2, 7, len(OK)])
def test_an_answer_may_come_in_pieces(step: int) -> None:
    response, reusable = parse(*(OK[at : at + step] for at in range(0, len(OK), step)))
    assert (response.status, response.header("x-thing"), response.body, reusable) == (200, "1", b"{}", True)


def test_a_body_without_length_ends_with_the_connection_and_closes_it() -> None:
    response, reusable = parse(b"HTTP/1.1 200 OK\r\n\r\n{", b"}", b"")
    assert (response.body, reusable) == (b"{}", False)


@pytest.mark.parametrize("more", [b"HTTP/1.1 500 No\r\n", OK])
def test_a_byte_behind_the_answer_closes_the_connection_and_changes_nothing_in_it(more: bytes) -> None:
    response, reusable = parse(OK + more)
    assert (response.status, response.header("x-thing"), reusable) == (200, "1", False)


@pytest.mark.parametrize(
    ("pieces", "cause"),
    [
        ((b"",), "closed"),
        ((OK[:-1], b""), "closed"),
        ((OK[:10], b""), "closed"),
        ((b"SSH-2.0-OpenSSH\r\n",), "malformed"),
        ((b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n",), "malformed"),
        ((b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",), "malformed"),
    ],
)
def test_what_is_no_whole_answer_is_none(pieces: tuple[bytes, ...], cause: str) -> None:
    parser = ResponseParser()
    with pytest.raises(NoAnswer) as caught:
        for piece in pieces:
            parser.feed(piece)
    assert caught.value.cause == cause
