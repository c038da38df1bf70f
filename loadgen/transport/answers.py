"""What an answer says: a refusal's name, and when to try again."""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime

from loadgen.model import Response

SECONDS = re.compile(r"\d{1,10}(\.\d*)?", re.ASCII)


def name_refusal(response: Response) -> str:
    """A refused answer's name, such as `403 AccessDeniedException`; or its status alone."""
    kind = (response.header("x-amzn-errortype") or "").partition(":")[0]
    return f"{response.status} {kind}".strip()


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Retry-After as seconds from `now`, a Unix time (RFC 9110, 10.2.3: seconds or an HTTP date).

    None when there is none, or when it is neither. RUM sends seconds; a date comes from what stands before it.
    """
    if value is None:
        return None
    if SECONDS.fullmatch(value.strip()):
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() - now)
