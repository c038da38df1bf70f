"""The nouns, in the order in which they flow: Session → Batch → Request → Response → Result → Volume.

Rule: times are seconds as float and named by their zero. A session's own times (`at`) count from its start, the run's
times (`start`, `due`, `intended`, `started`, `finished`) from the run's zero. No noun knows the wall clock.
"""

from __future__ import annotations

import math
from abc import ABCMeta
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import add, sub
from typing import Any, Literal, NamedTuple, TypeVar, dataclass_transform, overload

import msgspec

from loadgen.rum.events import EVENT_PREFIX, HELD_UNTIL_HIDDEN

Picked = TypeVar("Picked")


@dataclass_transform(frozen_default=True)
class Noun(msgspec.Struct, frozen=True, gc=False):
    """The base of the objects that pass between rooms: frozen, slotted, fields only."""


class Visitor(Noun):
    """A visitor: the browser and its owner, as far as the web client reports them.

    `brand` is False for browsers without `navigator.userAgentData` (Firefox, Safari): the client then sends the
    user agent string in place of browser and OS names.
    """

    user_id: str
    returning: bool
    country: str  # ISO 3166-1 alpha-2
    language: str  # BCP 47, as navigator.language
    device_type: str  # desktop, mobile, tablet
    os_name: str
    browser_name: str
    browser_version: str  # as the browser's brand tells it: the major version
    user_agent: str
    brand: bool

    @property
    def engine(self) -> Literal["Chromium", "Gecko", "WebKit"]:
        """The browser's engine."""
        return "Chromium" if self.brand else "Gecko" if "Gecko/" in self.user_agent else "WebKit"


class Page(Noun):
    """One page view of a session; every event recorded under it refers to it."""

    id: str  # RUM's pageId: the path
    title: str
    interaction: int = 0  # 0 on landing, +1 per page change
    parent_id: str | None = None
    referrer: str = ""  # document.referrer, "" when typed
    referrer_domain: str = ""
    time_on_parent_ms: int | None = None
    tags: tuple[str, ...] = ()
    attributes: str = ""  # members of its metadata, as they stand inside a JSON string


class Event(Noun):
    """One event, at the moment when the web client recorded it."""

    id: str
    at: float  # seconds from session start
    type: str  # full name, com.amazon.rum.page_view_event
    details: str  # JSON as it stands inside a JSON string of the request's body (wire/json_templates.py)
    page: Page
    metadata: str = ""  # members of its own, each behind a comma, as they stand inside a JSON string

    @property
    def held(self) -> bool:
        """Whether the client keeps it as a candidate until the page is hidden (CLS and INP)."""
        return self.type in HELD_UNTIL_HIDDEN

    @property
    def short_type(self) -> str:
        """`page_view_event`; a custom event's type as it is."""
        return self.type.removeprefix(EVENT_PREFIX)


class EventColumns(NamedTuple):
    """Events as columns of one length, in no order, one for each field of `Event`. Rows may be added at the end."""

    ids: list[str]
    at: array[float]  # not a list, so that columns of numbers are copied as such
    types: list[str]
    details: list[str]
    pages: list[Page]
    metadata: list[str]

    @classmethod
    def of(cls, events: Iterable[Event] = ()) -> EventColumns:
        """Any events as columns."""
        columns = cls([], array("d"), [], [], [], [])
        for event in events:
            columns.add(event)
        return columns

    def add(self, event: Event) -> None:
        """Add a row."""
        columns: tuple[Any, ...] = self
        for column, value in zip(columns, msgspec.structs.astuple(event), strict=True):
            column.append(value)


class _ViewMeta(msgspec.StructMeta, ABCMeta):
    """Makes structs that are sequences."""


class EventView(msgspec.Struct, Sequence[Event], metaclass=_ViewMeta, frozen=True, gc=False):
    """Some rows of columns, as a list or a part of a column of numbers; an `Event` is made when it is looked at."""

    columns: EventColumns
    rows: Sequence[int]

    @classmethod
    def of(cls, events: Sequence[Event]) -> EventView:
        """Any events as a view."""
        return events if isinstance(events, EventView) else cls(EventColumns.of(events), range(len(events)))

    def pick(self, column: Sequence[Picked]) -> Iterator[Picked]:
        """The values of one of the columns in these rows; no `Event` is made."""
        return map(column.__getitem__, self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, place: int) -> Event: ...
    @overload
    def __getitem__(self, place: slice) -> EventView: ...
    def __getitem__(self, place: int | slice) -> Event | EventView:
        if isinstance(place, slice):
            return EventView(self.columns, self.rows[place])
        row = self.rows[place]
        ids, at, types, details, pages, metadata = self.columns
        return Event(ids[row], at[row], types[row], details[row], pages[row], metadata[row])

    def __iter__(self) -> Iterator[Event]:
        return map(Event, *(map(column.__getitem__, self.rows) for column in self.columns))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(list(self))


class Load(Noun):
    """One life of a document, from a hard page load to its unload; route changes of a single-page site stay inside.

    Those of another tab lie within the time for which the first tab's is hidden; a prerendered one begins before the
    end of the one before. Events are in the order of their recording. An event recorded at the very moment of a hide
    comes after the flush that the hide causes (as the client's LCP does).
    """

    at: float  # navigation start, seconds from session start
    ready: float  # when the web client has started; its dispatch timer counts from here
    hides: tuple[float, ...]  # moments when the page is hidden; the last one is its end
    events: Sequence[Event]
    shown: float = 0.0  # when a prerendered document is activated, inf for never; else 0

    @property
    def end(self) -> float:
        """When it ends, inf if it never does."""
        return self.hides[-1] if self.hides else math.inf


class Session(Noun):
    """One visit: the visitor, its start, and all events in it, whether the session is sampled or not."""

    index: int
    key: int  # 64 random bits that name everything its client draws (ids, sampling)
    start: float  # seconds from the run's zero
    visitor: Visitor
    loads: tuple[Load, ...]
    beyond: int = 0  # events left out of the loads: its first client session is not sampled, or full by then

    @property
    def length(self) -> float:
        """Seconds from its start to the end of its last document; the first tab may outlive those of another."""
        return max(load.end for load in self.loads)


class Batch(Noun):
    """Events that leave together in one PutRumEvents call, and when the client means to send them."""

    id: str  # BatchId, the same on a retry
    session: int  # Session.index
    load: int  # index in Session.loads: the client's switch-off lasts for one load
    start: float  # Session.start
    session_id: str
    visitor: Visitor
    user_id: str  # the nil UUID when cookies are not allowed
    events: Sequence[Event]
    due: float  # seconds from the run's zero: the intended moment
    beacon: bool = False  # page-hide beacon instead of fetch
    attempt: int = 1
    prerendering: bool = False  # its document is not shown yet


Headers = tuple[tuple[str, str], ...]
"""Names, in lower case, and values of HTTP headers in their order."""


class Request(Noun):
    """An HTTP request as plain values."""

    method: str
    target: str  # raw path and query, as on the request line
    headers: Headers
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The first value of a header, by lower-case name."""
        return next((value for key, value in self.headers if key == name), None)


class Response(Noun):
    """An HTTP response as plain values."""

    status: int
    headers: Headers = ()
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The first value of a header, by lower-case name."""
        return next((value for key, value in self.headers if key == name), None)


Send = Callable[[Request], Response]
"""How a request is sent: over the network, to an endpoint in this process, or to a test's double."""


class Result(Noun):
    """One request, measured."""

    intended: float  # seconds from the run's zero
    started: float
    finished: float
    status: int | None  # None: no answer
    events: int
    wire_bytes: int  # the body as sent
    raw_bytes: int  # the body before gzip
    attempt: int = 1
    final: bool = True  # False: a retry will follow
    error: str | None = None  # a refusal's name, why there was no answer, or that it was not RUM's; None: neither
    session: int = -1  # Session.index
    waited: float = 0.0  # seconds from its events to the intended moment, on average
    beacon: bool = False
    monitor: int = 0  # which of the run's app monitors it went to, counted from 0

    @property
    def accepted(self) -> bool:
        """Whether the batch was accepted: a 2xx came, and it was RUM's answer."""
        return self.status is not None and 200 <= self.status < 300 and self.error is None

    @property
    def latency(self) -> float:
        """Seconds from the intended moment to the answer."""
        return self.finished - self.intended

    @property
    def service_time(self) -> float:
        """Seconds from the actual send to the answer."""
        return self.finished - self.started

    @property
    def lag(self) -> float:
        """Seconds by which the send was late."""
        return self.started - self.intended


class Volume(Noun):
    """How much went one way, in each unit: requests (or batches that may become one), their events and their bytes."""

    requests: int = 0
    events: int = 0
    wire_bytes: int = 0  # bodies as sent
    raw_bytes: int = 0  # bodies before gzip

    def __add__(self, other: Volume) -> Volume:
        return Volume(*map(add, msgspec.structs.astuple(self), msgspec.structs.astuple(other)))

    def __sub__(self, other: Volume) -> Volume:
        return Volume(*map(sub, msgspec.structs.astuple(self), msgspec.structs.astuple(other)))
