"""One name for each way in which no answer comes."""

from __future__ import annotations

import errno
import os
import ssl

import pytest

from loadgen.transport import name_cause


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (TimeoutError(), "timeout"),
        (OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)), "timeout"),
        (OSError(errno.ECONNREFUSED, ""), "refused"),
        (OSError(errno.ECONNRESET, ""), "reset"),
        (OSError(errno.EPIPE, ""), "reset"),
        (OSError(errno.ECONNABORTED, ""), "reset"),
        (ssl.SSLError(1, "WRONG_VERSION_NUMBER"), "tls"),
        (OSError(errno.EHOSTUNREACH, ""), "unreachable"),
        (OSError(errno.ENETUNREACH, ""), "unreachable"),
    ],
)
def test_each_error_of_the_system_has_the_name_of_its_cause(error: OSError, cause: str) -> None:
    assert name_cause(error) == cause
