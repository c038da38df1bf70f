"""The console of one endpoint: it answers requests under /_loadgen/ with the page, its files, and views as JSON.

Rule: nothing is computed while nobody has the page open, and the endpoint goes on answering while somebody has. As for
the admin routes, the peer must be this machine and `Host` must name it. Requests of the console's page have its address
as their origin; requests of another page have not, even if DNS rebinding points the page's name here. The console's
page may load and ask nothing but this endpoint, and never reads a text as markup (Trusted Types).
"""

from __future__ import annotations

import logging
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs

import msgspec

from loadgen.charts import STYLES, read_resource
from loadgen.endpoint.admin import PREFIX, change_settings, names_this_machine
from loadgen.endpoint.console.views import Views, create_monitor
from loadgen.endpoint.service import RumService
from loadgen.endpoint.service_error import InternalServerException, ServiceError
from loadgen.model import Request, Response
from loadgen.transport import is_loopback

FILES = PREFIX + "web/"
API = PREFIX + "api/"
ROOT = PREFIX.rstrip("/")  # the page's address without its slash, which is redirected

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
"""Headers of every answer of the console."""


def check_caller(request: Request, peer: str) -> None:
    """Raise ServiceError unless a program on this machine, or the console's own page in its browser, asks."""
    hosts = [value for name, value in request.headers if name == "host"]
    at_home = is_loopback(peer) and bool(hosts) and all(map(names_this_machine, hosts))
    origin, site = request.get_header("origin"), request.get_header("sec-fetch-site")
    own = origin in (None, f"http://{hosts[0] if hosts else ''}") and site in (None, "none", "same-origin")
    if not at_home or not (own or _opens_page(request)):
        raise ServiceError("AccessDeniedException", "The console is for this machine and its own page only")


def _opens_page(request: Request) -> bool:
    """Whether a link on another page opens the console in a tab. That is safe: the other page cannot read the tab."""
    path = request.target.partition("?")[0]
    return (
        path in (PREFIX, ROOT)
        and request.method == "GET"
        and request.get_header("origin") is None
        and request.get_header("sec-fetch-mode") == "navigate"
        and request.get_header("sec-fetch-dest") == "document"
    )


def answer_file(target: str) -> Response:
    """Answer with the page or one of its files; raises ServiceError for an unknown file."""
    path = target.partition("?")[0]
    if path == ROOT:
        return Response(308, (("location", PREFIX), *SAFETY))
    name = "index.html" if path == PREFIX else path.removeprefix(FILES)
    content = read_files().get(name)
    if content is None:
        raise ServiceError("UnknownOperationException", f"The console has no file {path[:200]}")
    kind = KINDS[name.rpartition(".")[2]]
    return Response(200, (("content-type", f"{kind}; charset=utf-8"), *SAFETY), content)


@cache
def read_files() -> dict[str, bytes]:
    """Return the page's files by name, and the styles that all pages of loadgen share."""
    folder = files("loadgen.endpoint.console") / "web"
    own = {file.name: file.read_bytes() for file in folder.iterdir() if file.name.rpartition(".")[2] in KINDS}
    return own | {STYLES: read_resource(STYLES).encode()}


_LOG = logging.getLogger(__name__)


class Console:
    """The part of an endpoint that answers the console's requests. `close` ends its thread."""

    def __init__(self, service: RumService, is_live: bool = True) -> None:
        self._service = service
        self._is_live = is_live  # False: `loadgen console` shows a store, and the endpoint takes no requests
        self._views = Views(service, is_live)
        self.close = self._views.close

    def takes(self, request: Request) -> bool:
        """Whether a request is for the console: its page, its files, its API."""
        if not request.target.startswith(ROOT):
            return False
        path = request.target.partition("?")[0]
        return path in (PREFIX, ROOT) or path.startswith((FILES, API))

    async def answer(self, request: Request, peer: str) -> Response:
        """Answer a request from IP address `peer`."""
        try:
            check_caller(request, peer)
            if not request.target.startswith(API):
                if request.method not in ("GET", "HEAD"):
                    raise ServiceError("UnknownOperationException", "The console's page is read with GET")
                return answer_file(request.target)
            return await self._answer_api(request)
        except ServiceError as error:
            response = error.make_response()
            return Response(response.status, (*response.headers, *SAFETY), response.body)
        except Exception as wrong:
            _LOG.error("internal error of the console", exc_info=wrong)
            return InternalServerException().make_response()

    async def _answer_api(self, request: Request) -> Response:
        path, _, text = request.target.partition("?")
        name, query = path.removeprefix(API), parse_qs(text, keep_blank_values=False, max_num_fields=100)
        found: Any
        if (request.method, name) == ("PUT", "settings") and self._is_live:
            found = change_settings(self._service.state, request.body, self._service.clock())
        elif (request.method, name) == ("POST", "monitors") and self._is_live:
            found = create_monitor(self._service, request.body)
        elif request.method == "GET" and self._views.has(name):
            found = await self._views.show(name, query)
        else:
            raise ServiceError("UnknownOperationException", f"The console has no route {request.method} {path[:200]}")
        return Response(200, (("content-type", "application/json"), *SAFETY), msgspec.json.encode(found))
