"""Reduce URLs to the parts that are kept: the path of a page, host and path of an API call, a hash of a file's URL.

Rule: query, fragment and user are cut off before anything is stored.
"""

from __future__ import annotations

import re
from collections.abc import Container

from loadgen.jobs.fit.support import holds_secret

HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:\d{1,5})?")


def cut_url(url: str) -> str:
    """Return the path of a URL."""
    url = url.partition("#")[0].partition("?")[0]
    if "://" in url[:12]:
        url = "/" + url.split("://", 1)[1].partition("/")[2]
    return url if url.startswith("/") else f"/{url.lstrip('./')}"


def cut_call(url: str) -> str:
    """Return a call's URL without query, fragment and user; a URL without a host gives its path alone."""
    return (f"{url.split('://', 1)[0]}://{find_host(url)}" if "://" in url[:12] else "") + cut_url(url)


def find_host(url: str) -> str:
    """Return the host of a URL; "-" if it has none."""
    return re.split("[/?#]", url, maxsplit=3)[2].rpartition("@")[2] if "://" in url[:12] else "-"


def hash_url(url: str) -> int:
    """Return a hash of a file's URL without the query, which identifies the file."""
    return hash(url.partition("?")[0])


def split_origin(url: str, own: Container[str]) -> tuple[str, str]:
    """Split a call's URL into origin and path; the origin is "" if the pages have it, or if it may not be written."""
    if "://" not in url:
        return "", url
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    is_foreign = (
        scheme in ("http", "https")
        and HOST.fullmatch(host)
        and host.partition(":")[0] not in own
        and not holds_secret(host)
    )
    return f"{scheme}://{host}" if is_foreign else "", slash + path
