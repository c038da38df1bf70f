"""The console of one endpoint: it answers requests under /_loadgen/ with the page, its files, and views as JSON.

Rule: nothing is computed while nobody has the page open, and the endpoint goes on answering while somebody has.
"""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import parse_qs

import msgspec

from loadgen.endpoint.admin import read_changed_settings
from loadgen.endpoint.console.routes import API, ROOT, SAFETY, answer_file, check_caller, is_of_console
from loadgen.endpoint.console.store_views import create_monitor
from loadgen.endpoint.console.views import Views
from loadgen.endpoint.service import RumService
from loadgen.endpoint.service_error import InternalServerException, ServiceError
from loadgen.model import Request, Response

_LOG = logging.getLogger(__name__)


class Console:
    """The part of an endpoint that answers the console's requests. `close` ends its thread."""

    def __init__(self, service: RumService, is_live: bool = True) -> None:
        self._service = service
        self._is_live = is_live  # False: `loadgen console` shows a store, and the endpoint takes no requests
        self._views = Views(service, is_live)
        self.close = self._views.close

    def takes(self, request: Request) -> bool:
        """Whether the console answers a request."""
        return request.target.startswith(ROOT) and is_of_console(request.target)

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
            state = self._service.state
            state.change(read_changed_settings(state.settings, request.body), self._service.clock())
            found = state.settings
        elif (request.method, name) == ("POST", "monitors") and self._is_live:
            found = create_monitor(self._service, request.body)
        elif request.method == "GET" and self._views.has(name):
            found = await self._views.show(name, query)
        else:
            raise ServiceError("UnknownOperationException", f"The console has no route {request.method} {path[:200]}")
        return Response(200, (("content-type", "application/json"), *SAFETY), msgspec.json.encode(found))
