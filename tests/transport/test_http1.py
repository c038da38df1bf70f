"""HTTP/1.1 without a socket."""

from __future__ import annotations

import pytest

from loadgen.model import Request, Response
from loadgen.transport import NoAnswer, ResponseParser, serialize
from loadgen.transport.http1 import MOST_ANSWER_BYTES

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
    assert (response.status, response.get_header("x-thing"), response.body, reusable) == (200, "1", b"{}", True)


def test_a_body_without_length_ends_with_the_connection_and_closes_it() -> None:
    response, reusable = parse(b"HTTP/1.1 200 OK\r\n\r\n{", b"}", b"")
    assert (response.body, reusable) == (b"{}", False)


@pytest.mark.parametrize("more", [b"HTTP/1.1 500 No\r\n", OK, b"EXTRA", b"\x00"])
def test_a_byte_behind_the_answer_closes_the_connection_and_changes_nothing_in_it(more: bytes) -> None:
    response, reusable = parse(OK + more)
    assert (response.status, response.get_header("x-thing"), reusable) == (200, "1", False)


@pytest.mark.parametrize(
    ("pieces", "cause"),
    [
        ((b"",), "closed"),
        ((OK[:-1], b""), "closed"),
        ((OK[:10], b""), "closed"),
        ((b"SSH-2.0-OpenSSH\r\n",), "malformed"),
        ((b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n",), "malformed"),
        ((b"HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\n{}",), "malformed"),
        ((b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n",), "malformed"),
        ((b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{}", b""), "closed"),
        ((b"HTTP/1.1 100 Continue\r\n\r\n", b""), "closed"),
        ((b"HTTP/1.1 000 No\r\ncontent-length: 0\r\n\r\n",), "malformed"),
        ((b"{}",), "malformed"),
        ((b"\x15\x03\x01\x00\x02\x02\x46",), "malformed"),
        ((b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",), "malformed"),
    ],
)
def test_what_is_no_whole_answer_is_none(pieces: tuple[bytes, ...], cause: str) -> None:
    parser = ResponseParser()
    with pytest.raises(NoAnswer) as caught:
        for piece in pieces:
            parser.feed(piece)
    assert caught.value.cause == cause


@pytest.mark.parametrize(
    ("begin", "more"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"x-more: " + b"x" * 60_000 + b"\r\n"),
        (b"HTTP/1.1 200 OK\r\nx-more: ", b"x" * 65_536),
        (b"HTTP/1.1 200 OK\r\n\r\n", b" " * 65_536),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 999999999999\r\n\r\n", b" " * 65_536),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n" * 10_000),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n" * 2_000),
    ],
    ids=["headers", "a header", "a body", "a long body", "chunks", "interim answers"],
)
def test_an_answer_that_does_not_stop_fills_no_memory(begin: bytes, more: bytes) -> None:
    parser, sent = ResponseParser(), len(begin)
    parser.feed(begin)
    with pytest.raises(NoAnswer) as caught:
        while sent < 100 * len(more):
            sent += len(more)
            parser.feed(more)
    assert caught.value.cause == "endless"
    assert sent < 2 * MOST_ANSWER_BYTES


def test_many_answers_on_one_connection_may_be_longer_together() -> None:
    parser = ResponseParser()
    answer = b"HTTP/1.1 500 No\r\ncontent-length: 300000\r\n\r\n" + bytes(300_000)
    for _ in range(10):
        parser.feed(answer)
        assert parser.take().status == 500
