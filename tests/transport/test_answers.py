"""What an answer says, and one name for each way in which none comes."""

from __future__ import annotations

import errno
import gzip
import os
import socket
import tracemalloc
import zlib

import pytest

from loadgen.causes import CURES, MOST_CHARACTERS, explain_shortage, may_have_arrived
from loadgen.model import Response
from loadgen.transport import (
    NoAnswer,
    describe_answer,
    is_accepted,
    name_cause,
    name_outcome,
    parse_retry_after,
)
from loadgen.transport.answers import CERTIFICATES, SHORTAGES, name_refusal

NOW = 1_767_225_600.0  # Thu, 01 Jan 2026 00:00:00 GMT


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("3", 3.0),
        (" 0 ", 0.0),
        ("1.5", 1.5),
        ("9999999999", 3600.0),
        ("9" * 100, 3600.0),
        ("Thu, 31 Dec 9999 23:59:59 GMT", 3600.0),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30.0),
        ("Thursday, 01-Jan-26 00:00:30 GMT", 30.0),
        ("Thu Jan  1 00:00:30 2026", 30.0),
        ("Thu, 01 Jan 2026 00:00:30 -0000", 30.0),
        ("Wed, 31 Dec 2025 23:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("inf", None),
        ("nan", None),
        ("٣", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_any_form_of_an_http_date(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, NOW) == seconds


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ((), "403"),
        ((("x-amzn-errortype", "AccessDeniedException"),), "403 AccessDeniedException"),
        ((("x-amzn-errortype", "AccessDeniedException:http://internal.amazon.com/"),), "403 AccessDeniedException"),
    ],
)
def test_a_refusal_is_named_by_its_status_and_the_services_error(
    headers: tuple[tuple[str, str], ...], name: str
) -> None:
    assert name_refusal(Response(403, headers)) == name


def answer(status: int, body: bytes = b"", **headers: str) -> Response:
    return Response(status, tuple((name.replace("_", "-"), value) for name, value in headers.items()), body)


@pytest.mark.parametrize(
    "response",
    [
        answer(200),
        answer(200, b"{}"),
        answer(200, b"{}", content_type="application/json"),
        answer(200, b' {"accepted": 3}\n', content_type="application/json; charset=utf-8"),
        answer(200, b"{}", content_type="text/plain"),
        answer(200, b"[]"),
        answer(200, b"{}", content_type="text/html"),
        answer(200, b"true", content_type="application/problem+json"),
        answer(202),
        answer(204),
        answer(202, b'{"id": "x"}'),
        answer(200, b"", content_type="text/html"),
        answer(200, gzip.compress(b'{"ok": true}'), content_encoding="gzip", content_type="application/json"),
        answer(200, zlib.compress(b"{}"), content_encoding="deflate", content_type="application/json"),
        answer(200, b"\x0b\x01\x80{}\x03", content_encoding="br", content_type="application/json"),
        answer(200, b"{}", content_encoding="identity"),
        answer(204, content_length="0", content_type="text/html"),
        answer(200, b'{"errors": [], "error": null, "ok": true}', content_type="application/json"),
        answer(200, b'{"message": "queued"}', content_type="application/json"),
    ],
)
def test_an_empty_answer_or_json_is_one_that_rum_could_have_given(response: Response) -> None:
    assert is_accepted(response)
    assert name_outcome(response) is None


@pytest.mark.parametrize(
    ("response", "name"),
    [
        (answer(200, b"<html>Please log in</html>", content_type="text/html; charset=utf-8"), "200 text/html"),
        (answer(200, b"<html>Please log in</html>", content_type="application/json"), "200 application/json"),
        (answer(200, b'"Please log in"', content_type="text/html"), "200 text/html"),
        (answer(200, b"OK", content_type="text/plain"), "200 text/plain"),
        (answer(200, b"OK"), "200 no type"),
        (answer(200, b"\x00\x01", content_type="image/gif"), "200 image/gif"),
        (answer(200, b"<xml/>", content_encoding="gzip", content_type="text/xml"), "200 text/xml"),
        (answer(200, b"\x0b\x01\x80{}\x03", content_encoding="br", content_type="text/html"), "200 text/html"),
        (answer(200, b"OK", content_encoding="identity"), "200 no type"),
        (answer(202, b"queued"), "202 no type"),
        (answer(204, content_length="26", content_type="text/html"), "204 text/html"),
        (answer(200, b" \n", content_type="text/html"), "200 text/html"),
        (answer(200, b"callback({})", content_type="application/javascript"), "200 application/javascript"),
        (answer(200, b"{}{}", content_type="application/json"), "200 application/json"),
        (answer(200, b"\xef\xbb\xbf{}", content_type="application/json"), "200 application/json"),
        (answer(200, "{}".encode("utf-16"), content_type="application/json"), "200 application/json"),
        (answer(200, b"[" * 5000 + b"]" * 5000, content_type="application/json"), "200 application/json"),
        (answer(200, b"9" * 5000, content_type="application/json"), "200 application/json"),
        (answer(200, gzip.compress(b"<html/>"), content_encoding="gzip", content_type="text/html"), "200 text/html"),
        (answer(200, gzip.compress(b"{}") + b"x", content_encoding="gzip", content_type="text/x"), "200 text/x"),
        (answer(200, gzip.compress(b"{}")[:-9], content_encoding="gzip", content_type="text/x"), "200 text/x"),
        (answer(200, b'{"errorMessage": "Task timed out", "errorType": "x"}'), "200 no type"),
        (answer(200, b'{"__type": "AccessDeniedException"}', content_type="application/json"), "200 application/json"),
        (answer(200, b'{"message": "no"}', x_amzn_errortype="AccessDeniedException"), "200 no type"),
        (answer(202, b'{"errors": [{"message": "no"}]}', content_type="application/json"), "202 application/json"),
        (answer(200, gzip.compress(b'{"success": false}'), content_encoding="gzip"), "200 no type"),
        (answer(200, b'{"status": "error", "message": "no such monitor"}'), "200 no type"),
        (answer(200, b'{"status": "fail", "data": null}'), "200 no type"),
        (answer(300, b"{}", content_type="application/json"), "300 redirect"),
        (answer(201, b"{}"), "201 no type"),
        (answer(206, b"{}", content_type="application/json"), "206 application/json"),
        (answer(302, b"", location="https://sso.corp.test/login"), "302 redirect"),
        (answer(308, b"", location="/elsewhere"), "308 redirect"),
        (answer(304), "304 redirect"),
    ],
)
def test_what_rum_does_not_say_is_an_outcome_of_its_own(response: Response, name: str) -> None:
    assert not is_accepted(response)
    assert name_outcome(response) == f"not RUM's answer: {name}"


def test_a_body_that_unpacks_to_more_than_a_megabyte_is_not_unpacked_further() -> None:
    whole = b"{" + b" " * 50_000_000 + b"}"
    bomb = answer(200, gzip.compress(whole, 1), content_encoding="gzip", content_type="application/json")
    del whole
    tracemalloc.start()
    assert not is_accepted(bomb)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_a_name_is_short_and_printable_whatever_a_header_says() -> None:
    for name in (
        name_outcome(answer(200, b"x", content_type=f"text/\x9b31m{'a' * 9000}")),
        name_outcome(answer(403, x_amzn_errortype=f"\x9b31m{'A' * 9000}")),
    ):
        assert name is not None
        assert name.isprintable()
        assert len(name) < 100


@pytest.mark.parametrize("status", [200, 201, 206, 299])
def test_a_backend_may_answer_in_its_own_way_where_that_is_said(status: int) -> None:
    response = answer(status, b"<html/>", content_type="text/html")
    assert is_accepted(response, "2xx")
    assert name_outcome(response, "2xx") is None


@pytest.mark.parametrize("status", [302, 403, 429, 500])
def test_no_other_status_is_accepted_whatever_is_said(status: int) -> None:
    assert not is_accepted(answer(status, b"{}"), "2xx")


def test_a_refusal_keeps_its_name_whatever_its_body_is() -> None:
    assert name_outcome(answer(403, b"<html/>", content_type="text/html")) == "403"


@pytest.mark.parametrize(
    ("response", "line"),
    [
        (
            answer(200, b"<html>\n Log in\x1b[31m </html>", content_type="text/html"),
            "200 text/html, '<html> Log in [31m </html>'",
        ),
        (
            answer(200, gzip.compress(b"<html>Log in"), content_encoding="gzip", content_type="text/html"),
            "200 text/html, '<html>Log in'",
        ),
        (answer(200, b"x" * 500), "200 no type, '" + "x" * 59 + "…'"),
        (answer(201), "201 no type, no body"),
        (answer(200, bytes(2000)), "200 no type, 2,000 bytes that are not text"),
        (answer(302, location="https://sso.corp.test/\x1b[2J"), "302 redirect to https://sso.corp.test/ [2J"),
    ],
)
def test_a_foreign_answer_is_shown_on_one_line_that_a_terminal_can_print(response: Response, line: str) -> None:
    assert describe_answer(response) == line


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (TimeoutError(), "timeout"),
        (OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)), "timeout"),
        (OSError(errno.ECONNREFUSED, ""), "refused"),
        (OSError(errno.ECONNRESET, ""), "reset"),
        (OSError(errno.EPIPE, ""), "reset"),
        (OSError(errno.ECONNABORTED, ""), "reset"),
        (OSError(errno.EHOSTUNREACH, ""), "unreachable"),
        (OSError(errno.ENETUNREACH, ""), "unreachable"),
        (socket.gaierror(socket.EAI_NONAME, ""), "name resolution"),
        (socket.gaierror(socket.EAI_AGAIN, ""), "name resolution"),
        (OSError(errno.EMFILE, ""), "generator: file descriptors"),
        (OSError(errno.ENFILE, ""), "generator: the system's files"),
        (OSError(errno.EADDRNOTAVAIL, ""), "generator: local ports"),
        (OSError(errno.EADDRINUSE, ""), "generator: local ports"),
        (OSError(errno.ENOBUFS, ""), "generator: buffers"),
        (OSError(errno.ENOMEM, ""), "generator: memory"),
        (OSError(errno.ENOSPC, ""), "generator: disk space"),
        (PermissionError(errno.EPERM, ""), "generator: permission to connect"),
    ],
)
def test_each_error_of_the_system_has_the_name_of_its_cause(error: OSError, cause: str) -> None:
    assert name_cause(error) == cause


def test_every_shortage_is_told_with_what_to_do() -> None:
    for number, short in SHORTAGES.items():
        told = explain_shortage(name_cause(OSError(number, "")))
        assert told is not None and short in told and CURES[short] in told
    assert explain_shortage("refused") is None


def test_no_cause_is_longer_than_a_record_has_room_for() -> None:
    assert all(len(f"certificate: {reason}") <= 40 for reason in CERTIFICATES.values())
    assert all(len(f"generator: {short}") <= 40 for short in SHORTAGES.values())
    assert len(NoAnswer("tls: " + "x" * 100).cause) == 40


def test_a_resolver_that_can_open_no_file_is_short_of_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "dup", refuse)
    assert name_cause(socket.gaierror(socket.EAI_AGAIN, "")) == "generator: file descriptors"


@pytest.mark.parametrize(
    ("cause", "arrived"),
    [
        ("timeout", True),
        ("reset", True),
        ("closed", True),
        ("tls: bad record mac", True),
        ("refused", False),
        ("name resolution", False),
        ("certificate: expired", False),
        ("proxy: 403", False),
        ("generator: file descriptors", False),
        ("not signed", False),
    ],
)
def test_what_was_sent_may_have_arrived_and_what_was_not_cannot(cause: str, arrived: bool) -> None:
    assert may_have_arrived(cause) == arrived


def test_a_cause_that_a_record_has_no_room_for_ends_with_dots() -> None:
    long = "not RUM's answer: 200 application/octet-stream"
    assert NoAnswer("timeout").cause == "timeout"
    assert NoAnswer(long).cause == long[: MOST_CHARACTERS - 3] + "..."
