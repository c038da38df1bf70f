"""The objects that pass between rooms, in the order of their flow: Session → Batch → Request → Response → Result.

Rule: times are seconds as float, and a time's name tells its zero. Times within a session (`at`) count from the
session's start; the run's times (`start`, `due`, `intended`, `started`, `finished`) count from the run's zero. No
object here knows the wall clock.
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
    browser_version: str  # the major version, as the browser's brand states it
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
    interaction: int = 0  # page changes of the session before this view
    parent_id: str | None = None
    referrer: str = ""  # document.referrer; "" if the visitor typed the address
    referrer_domain: str = ""
    time_on_parent_ms: int | None = None
    tags: tuple[str, ...] = ()
    attributes: str = ""  # members of the page's metadata, as JSON text inside a JSON string


class Event(Noun):
    """One event that the web client recorded."""

    id: str
    at: float  # seconds from session start
    type: str  # full name, com.amazon.rum.page_view_event
    details: str  # JSON, escaped to stand inside a JSON string of the request's body (wire/json_templates.py)
    page: Page
    metadata: str = ""  # the event's own members, each behind a comma, escaped like the details

    @property
    def held(self) -> bool:
        """Whether the client keeps the event as a candidate until the page is hidden (CLS and INP)."""
        return self.type in HELD_UNTIL_HIDDEN

    @property
    def short_type(self) -> str:
        """The type without RUM's prefix, such as `page_view_event`; a custom event's type is unchanged."""
        return self.type.removeprefix(EVENT_PREFIX)


class EventColumns(NamedTuple):
    """Events as columns of equal length, a column for each field of `Event`; rows are unordered and may be added."""

    ids: list[str]
    at: array[float]  # an array, not a list: numpy copies it without a float object for each number
    types: list[str]
    details: list[str]
    pages: list[Page]
    metadata: list[str]

    @classmethod
    def from_events(cls, events: Iterable[Event] = ()) -> EventColumns:
        """Make columns with a row for each event."""
        columns = cls([], array("d"), [], [], [], [])
        for event in events:
            columns.add(event)
        return columns

    def add(self, event: Event) -> None:
        """Add a row for an event at the end."""
        columns: tuple[Any, ...] = self
        for column, value in zip(columns, msgspec.structs.astuple(event), strict=True):
            column.append(value)


class _ViewMeta(msgspec.StructMeta, ABCMeta):
    """The metaclass of structs that are sequences too."""


class EventView(msgspec.Struct, Sequence[Event], metaclass=_ViewMeta, frozen=True, gc=False):
    """Some rows of event columns as a sequence of events; an `Event` object is made at each access."""

    columns: EventColumns
    rows: Sequence[int]  # row numbers of the columns, in the view's order

    @classmethod
    def from_events(cls, events: Sequence[Event]) -> EventView:
        """Return events as a view; a view is returned as it is."""
        return events if isinstance(events, EventView) else cls(EventColumns.from_events(events), range(len(events)))

    def pick(self, column: Sequence[Picked]) -> Iterator[Picked]:
        """Yield the values that a column has in the view's rows, without making `Event` objects."""
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
    """The life of one document, from a full page load to its unload; route changes of a single-page site stay inside.

    Loads of a second tab lie within the time for which the first tab is hidden. A prerendered load begins before the
    load before it ends. Events are in the order in which the client records them; an event at the very moment of a
    hide is recorded after the flush that the hide causes (as the client's LCP is).
    """

    at: float  # navigation start, seconds from session start
    ready: float  # when the web client has started; its dispatch timer counts from here
    hides: tuple[float, ...]  # moments when the page is hidden; the last of them ends the load
    events: Sequence[Event]
    shown: float = 0.0  # when a prerendered document is activated, inf for never; 0 for any other document

    @property
    def end(self) -> float:
        """When the load ends, in seconds from session start; inf if it never ends."""
        return self.hides[-1] if self.hides else math.inf


class Session(Noun):
    """One visit: the visitor, the start, and all events, whether the web client samples the session or not."""

    index: int
    key: int  # 64 random bits, from which the web client's ids and sampling are drawn
    start: float  # seconds from the run's zero
    visitor: Visitor
    loads: tuple[Load, ...]
    omitted_events: int = 0  # events not in the loads, as the client would not record them: not sampled, session full

    @property
    def length(self) -> float:
        """Seconds from the session's start to the end of the document that ends last."""
        return max(load.end for load in self.loads)


class Batch(Noun):
    """Events that the web client sends together in one PutRumEvents call, and when it means to send them."""

    id: str  # BatchId, the same on a retry
    session: int  # Session.index
    load: int  # index in Session.loads: the client's switch-off lasts for one load
    start: float  # Session.start
    session_id: str
    visitor: Visitor
    user_id: str  # the nil UUID when cookies are not allowed
    events: Sequence[Event]
    due: float  # the intended moment, seconds from the run's zero
    beacon: bool = False  # sent by a beacon when the page is hidden, not by fetch
    attempt: int = 1
    prerendering: bool = False  # whether the document is still prerendered and not shown


Headers = tuple[tuple[str, str], ...]
"""HTTP headers in their order, as pairs of a lower-case name and a value."""


class Request(Noun):
    """An HTTP request as plain values."""

    method: str
    target: str  # raw path and query, as on the request line
    headers: Headers
    body: bytes = b""

    def get_header(self, name: str) -> str | None:
        """The first value of a header, by lower-case name; None if the request lacks the header."""
        return next((value for key, value in self.headers if key == name), None)


class Response(Noun):
    """An HTTP response as plain values."""

    status: int
    headers: Headers = ()
    body: bytes = b""

    def get_header(self, name: str) -> str | None:
        """The first value of a header, by lower-case name; None if the response lacks the header."""
        return next((value for key, value in self.headers if key == name), None)


Send = Callable[[Request], Response]
"""A function that sends a request: over the network, to an endpoint in this process, or to a test's double."""


class Result(Noun):
    """The measured outcome of one request; times are seconds from the run's zero."""

    intended: float
    started: float
    finished: float
    status: int | None  # None: no answer
    events: int
    wire_bytes: int  # the body as sent
    raw_bytes: int  # the body before gzip
    attempt: int = 1
    final: bool = True  # False: a retry will follow
    error: str | None = None  # RUM's error name, the cause of no answer, or "not RUM's answer: …"; None: no error
    session: int = -1  # Session.index
    waited: float = 0.0  # mean seconds from the recording of the batch's events to the intended moment
    beacon: bool = False
    monitor: int = 0  # number of the app monitor that the request went to, among the run's, from 0

    @property
    def accepted(self) -> bool:
        """Whether RUM accepted the batch: the answer is a 2xx and RUM's own."""
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
        """Seconds from the intended moment to the actual send."""
        return self.started - self.intended


class Volume(Noun):
    """An amount of traffic, such as all that was accepted, in each unit: requests (or batches), events, bytes."""

    requests: int = 0
    events: int = 0
    wire_bytes: int = 0  # bodies as sent
    raw_bytes: int = 0  # bodies before gzip

    def __add__(self, other: Volume) -> Volume:
        return Volume(*map(add, msgspec.structs.astuple(self), msgspec.structs.astuple(other)))

    def __sub__(self, other: Volume) -> Volume:
        return Volume(*map(sub, msgspec.structs.astuple(self), msgspec.structs.astuple(other)))
