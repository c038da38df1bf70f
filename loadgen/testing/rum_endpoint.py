"""The object of the fixture `rum_endpoint`: an endpoint, the events it accepted, the calls it refused and why."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from loadgen.endpoint import Endpoint, PutCall
from loadgen.jobs.monitors import build_public_policy
from loadgen.rum.events import EVENT_PREFIX
from loadgen.wire.sigv4 import Credentials

LOOK_SECONDS = 0.05

SeenEvent = dict[str, Any]


class RumEndpoint:
    """An endpoint as one test sees it: `clear` begins a test, after which events of earlier tests no longer count."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._gone: set[str] = set()  # ids of earlier tests' app monitors; a page that closes may still send to them
        self._first_call = 0  # number of this test's first call
        self._client: Any = None

    def clear(self) -> None:
        """Delete all app monitors, and forget quota, faults and refusals."""
        pages = self.client().get_paginator("list_app_monitors").paginate()
        for monitor in [each for page in pages for each in page["AppMonitorSummaries"]]:
            self.client().delete_app_monitor(Name=monitor["Name"])
            self._gone.add(monitor["Id"])
        self.set_quota(None)
        self.set_faults("")
        self._first_call = self._endpoint.calls().number

    # What a client needs

    @property
    def url(self) -> str:
        """The endpoint's address, for the control plane and PutRumEvents alike."""
        return self._endpoint.url

    @property
    def region(self) -> str:
        """The Region that signatures must name."""
        return self._endpoint.region

    @property
    def credentials(self) -> Credentials:
        """The credentials that the endpoint knows."""
        return self._endpoint.credentials

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables that the fixture `rum_env` sets."""
        return self._endpoint.variables

    def client(self) -> Any:
        """Return a boto3 client for `rum`, the same one at each call."""
        self._client = self._client or self._endpoint.client()
        return self._client

    def create_monitor(self, name: str = "app", *, domain: str = "localhost", public: bool = False) -> str:
        """Create an app monitor that accepts custom events, and return its id; `public` lets pages send unsigned."""
        custom = {"Status": "ENABLED"}
        created = self.client().create_app_monitor(Name=name, Domain=domain, CustomEvents=custom)
        if public:
            arn = self._endpoint.settings.make_arn(name)
            self.client().put_resource_policy(Name=name, PolicyDocument=build_public_policy(arn))
        return str(created["Id"])

    # What a test may change

    def set_quota(self, rate: float | None, burst: float | None = None) -> None:
        """Allow `rate` PutRumEvents requests a second, and `burst` at once; None: any number."""
        self._endpoint.change(quota=rate, burst=burst)

    def set_faults(self, text: str) -> None:
        """Inject faults, such as `errors=0.5` or `404=0-60`; see `loadgen serve --faults`. Empty text ends them."""
        self._endpoint.change(faults=text)

    # What a test may read

    def events(
        self,
        type: str | None = None,
        page: str | None = None,
        *,
        monitor: str | None = None,
        wait: float = 0.0,
        count: int = 1,
    ) -> list[SeenEvent]:
        """Return the accepted events, the newest first, with `event_details` and `metadata` as objects.

        Args:
            type: Type of the events: `page_view_event`, with or without RUM's prefix, or a custom event's type.
            page: Page of the events, as in `metadata.pageId`.
            monitor: Name of an app monitor; all app monitors unless given.
            wait: Seconds to wait until there are `count` such events.
            count: Number of events to wait for.

        Raises:
            AssertionError: `wait` seconds have passed; the message says which events came instead.
        """
        deadline = time.monotonic() + wait
        while True:
            seen = self._endpoint.events(monitor)
            matching = [event for event in seen if _matches(event, type, page)]
            if len(matching) >= count or not wait:
                return matching
            if time.monotonic() > deadline:
                wanted = f"{count} of {type or 'any type'}" + (f" on {page}" if page else "")
                raise AssertionError(f"{wanted} did not come within {wait:g} s, but {self._describe_seen(seen)}")
            time.sleep(LOOK_SECONDS)

    def calls(self) -> list[PutCall]:
        """Return this test's PutRumEvents calls with their outcomes, the oldest first."""
        return [call for call in self._endpoint.calls(self._first_call).calls if call.monitor not in self._gone]

    def refusals(self) -> list[str]:
        """Return a line for each refused call and each dropped event, with the full reason."""
        return [line for call in self.calls() for line in _describe_refusal(call)]

    def assert_no_refusals(self) -> None:
        """Fail if a call was refused or an event was dropped; a 429 of a quota is no refusal."""
        if lines := self.refusals():
            raise AssertionError("the RUM endpoint refused\n  " + "\n  ".join(lines))

    def _describe_seen(self, seen: list[SeenEvent]) -> str:
        counts = Counter((event["event_type"], event["metadata"].get("pageId", "no page")) for event in seen)
        came = [f"{number} of {kind.removeprefix(EVENT_PREFIX)} on {page}" for (kind, page), number in counts.items()]
        refused = [f"refused: {line}" for line in self.refusals()]
        return "; ".join(came + refused) or f"nothing came at all ({len(self.calls())} calls)"


def _matches(event: SeenEvent, type: str | None, page: str | None) -> bool:
    is_type = type is None or event["event_type"].removeprefix(EVENT_PREFIX) == type.removeprefix(EVENT_PREFIX)
    return is_type and page in (None, event["metadata"].get("pageId"))


def _describe_refusal(call: PutCall) -> list[str]:
    if call.is_problem and call.status != 200:
        return [f"{call.target}: {call.status} {call.code}: {call.message}"]
    named = [f"{call.target}: event {each.position} ({each.type}): {each.reason}" for each in call.dropped_events]
    more = call.dropped - len(named)
    return [*named, f"{call.target}: {more} more events"] if more > 0 else named
