"""One name for each way in which no answer comes."""

from __future__ import annotations

import errno
import os
import socket

import pytest

from loadgen.causes import CURES, MOST_CHARACTERS, explain_shortage, may_have_arrived
from loadgen.transport import NoAnswer, name_cause
from loadgen.transport.no_answer import CERTIFICATES, SHORTAGES


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
