"""Who may ask the console, and the files that its page is made of.

Rule: as for the admin routes, the peer is this machine and `Host` names it. The page's own requests have its address as
their origin; another page's have not, whatever name it has rebound. The page may load and ask nothing but this
endpoint, and takes no text for markup (Trusted Types).
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from loadgen.charts import STYLES, read_resource
from loadgen.endpoint.admin import PREFIX, names_this_machine
from loadgen.endpoint.service_error import ServiceError
from loadgen.model import Request, Response
from loadgen.transport import is_loopback

FILES = PREFIX + "web/"
API = PREFIX + "api/"
WAY_IN = PREFIX.rstrip("/")

KINDS = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types"
)

SAFETY = (
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cache-control", "no-store"),
)
"""Headers of every answer."""


def is_of_console(target: str) -> bool:
    """Whether a request is for the console: its page, its files, its API."""
    path = target.partition("?")[0]
    return path in (PREFIX, WAY_IN) or path.startswith((FILES, API))


def check_caller(request: Request, peer: str) -> None:
    """Raise ServiceError unless a program here, or the console's own page in a browser here, asks."""
    hosts = [value for name, value in request.headers if name == "host"]
    at_home = is_loopback(peer) and bool(hosts) and all(map(names_this_machine, hosts))
    origin, site = request.header("origin"), request.header("sec-fetch-site")
    own = origin in (None, f"http://{hosts[0] if hosts else ''}") and site in (None, "none", "same-origin")
    if not at_home or not (own or _opens_page(request)):
        raise ServiceError("AccessDeniedException", "The console is for this machine and its own page only")


def _opens_page(request: Request) -> bool:
    """Whether a link of another page opens the console in a tab; the other page sees nothing of it."""
    path = request.target.partition("?")[0]
    return (
        path in (PREFIX, WAY_IN)
        and request.method == "GET"
        and request.header("origin") is None
        and request.header("sec-fetch-mode") == "navigate"
        and request.header("sec-fetch-dest") == "document"
    )


def answer_file(target: str) -> Response:
    """The page, or one of its files; raises ServiceError."""
    path = target.partition("?")[0]
    if path == WAY_IN:
        return Response(308, (("location", PREFIX), *SAFETY))
    name = "index.html" if path == PREFIX else path.removeprefix(FILES)
    if name not in list_files():
        raise ServiceError("UnknownOperationException", f"The console has no file {path[:200]}")
    kind = KINDS[name.rpartition(".")[2]]
    return Response(200, (("content-type", f"{kind}; charset=utf-8"), *SAFETY), read_file(name))


@cache
def list_files() -> frozenset[str]:
    """Names of the files that may be asked for."""
    folder = files("loadgen.endpoint.console") / "web"
    return frozenset(each.name for each in folder.iterdir() if each.name.rpartition(".")[2] in KINDS) | {STYLES}


@cache
def read_file(name: str) -> bytes:
    """A file beside this module, or the styles that all pages of loadgen have."""
    if name == STYLES:
        return read_resource(name).encode()
    return (files("loadgen.endpoint.console") / "web" / name).read_bytes()
