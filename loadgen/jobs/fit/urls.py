"""What is kept of a URL: of a page and a file its path, of an API call its host too, of a file a hash beside.

Rule: query, fragment and user are cut off before anything is stored.
"""

from __future__ import annotations

import re
from collections.abc import Container

from loadgen.jobs.fit.support import holds_secret

HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:\d{1,5})?")


def cut_url(url: str) -> str:
    """The path of a URL."""
    url = url.partition("#")[0].partition("?")[0]
    if "://" in url[:12]:
        url = "/" + url.split("://", 1)[1].partition("/")[2]
    return url if url.startswith("/") else f"/{url.lstrip('./')}"


def cut_call(url: str) -> str:
    """A call's URL without query, fragment and user; one without a host stays so."""
    return (f"{url.split('://', 1)[0]}://{find_host(url)}" if "://" in url[:12] else "") + cut_url(url)


def find_host(url: str) -> str:
    """The host of a URL; "-" for one without."""
    return re.split("[/?#]", url, maxsplit=3)[2].rpartition("@")[2] if "://" in url[:12] else "-"


def hash_url(url: str) -> int:
    """What a file is told apart by: a hash of its URL without the query."""
    return hash(url.partition("?")[0])


def split_origin(url: str, own: Container[str]) -> tuple[str, str]:
    """The origin of a call's URL and its path; no origin where it is the pages' own, or none that may be told."""
    if "://" not in url:
        return "", url
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    told = (
        scheme in ("http", "https")
        and HOST.fullmatch(host)
        and host.partition(":")[0] not in own
        and not holds_secret(host)
    )
    return f"{scheme}://{host}" if told else "", slash + path
