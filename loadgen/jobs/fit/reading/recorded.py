"""Recorded traffic as columns: sessions, events and page loads, in bounded memory.

Rule: an event is a row of numbers and of places in tables of texts; nothing else of it is kept, and no query string is
ever read. A million events take some 100 MB. The same nouns hold recorded traffic and traffic generated to compare. The
same data give the same tables, in whatever order they are read.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Container, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from loadgen.ids import NIL_UUID
from loadgen.jobs.fit.reading.event_details import read_details
from loadgen.jobs.fit.reading.metadata import PageFacts, VisitorFacts, find_changed
from loadgen.model import Noun
from loadgen.rum.events import NAVIGATION

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Table = TypeVar("Table", bound=tuple[Any, ...])

MOST_TEXTS, LONGEST_TEXT = 300_000, 1_000
"""Distinct texts of a table at most (further texts are not distinguished); characters of a text that are kept."""

OLDEST, NEWEST = 1_262_304_000.0, 4_102_444_800.0
"""Unix times of 2010 and 2100: an event outside has no usable time."""

LATE_SECONDS = 1.0
"""Times are whole seconds, rounded."""

WIDE, REAL = ("session", "size", "file"), ("at", "value", "code")
"""Columns of EventTable with large whole numbers, and with numbers that are not whole."""


def mark(size: int, places: Ints) -> Bools:
    """Return which of the places from 0 to before `size` are among `places`; -1 stands for none."""
    marked = np.zeros(size + 1, dtype=bool)
    marked[places] = True
    return marked[:-1]


class Texts:
    """A table of distinct texts. Place -1 means no text, or a text beyond the limit."""

    def __init__(self) -> None:
        self.values: list[str] = []
        self._places: dict[str, int] = {}

    def place(self, text: str | None) -> int:
        """Return the place of a text in the table; a new text is added."""
        if text is None:
            return -1
        found = self._places.get(text)
        if found is None:
            if len(self.values) >= MOST_TEXTS:
                return -1
            found = self._places[text] = len(self.values)
            self.values.append(text[:LONGEST_TEXT])
        return found


def pick_rows(table: Table, chosen: Any) -> Table:
    """Return a table of columns with the chosen rows alone: a mask, or their places in any order."""
    make: Any = type(table)
    picked: Table = make(*(column[chosen] for column in table))
    return picked


class ReadCounts(msgspec.Struct):
    """Counts of what was read, and of what could not be used."""

    lines: int = 0
    broken_lines: int = 0  # lines that are no JSON, or JSON without RUM events
    events: int = 0  # events that were kept
    duplicates: int = 0  # events whose id had been read before
    broken_events: int = 0  # without id, type, time or session
    bad_times: int = 0  # time before 2010 or after 2100
    out_of_order: int = 0  # read after a later event of the same session
    damaged: list[str] = msgspec.field(default_factory=list)  # names of files that end early
    monitors: set[str] = msgspec.field(default_factory=set)  # ids of app monitors
    unknown_types: dict[str, int] = msgspec.field(default_factory=dict)  # with RUM's own prefix


class SessionTable(NamedTuple):
    """A row for each session id, in the order in which the sessions began."""

    user: Ints  # -1: no cookies
    country: Ints  # this and the next: place in Recorded.words; -1: unknown
    device: Ints
    system: Ints
    browser: Ints
    version: Ints
    language: Ints
    release: Ints
    client: Ints
    attributes: Ints  # as JSON

    @property
    def visitor(self) -> Ints:
        """[session]: number of its visitor; a session without a user's id has a visitor of its own."""
        return np.where(self.user >= 0, self.user, -1 - np.arange(len(self.user)))


class EventTable(NamedTuple):
    """A row for each event, sorted by session, time and page number."""

    session: Ints
    at: Floats  # Unix seconds
    type: Ints  # place in Recorded.types
    page: Ints  # place in Recorded.pages
    number: Ints  # the page's `interaction`; -1 without cookies
    parent: Ints  # place in Recorded.pages of the page before; -1: a landing, or no cookies
    title: Ints  # place in Recorded.titles
    tags: Ints  # place in Recorded.words: the tags as one text
    attributes: Ints  # place in Recorded.words: attributes in the event's own metadata, as JSON
    batch: Ints
    size: Ints  # bytes of the details
    value: Floats  # see EventFacts
    code: Floats
    key: Ints  # place in Recorded.keys
    file: Ints


class LoadTable(NamedTuple):
    """A row for each navigation event, in the order of EventTable; milliseconds."""

    event: Ints  # row of EventTable
    first_byte: Floats
    interactive: Floats
    response: Floats
    bytes: Floats
    ratio: Floats  # size of the document unpacked, divided by its size on the wire
    tls: Floats
    protocol: Floats  # place in PROTOCOLS
    scripts: Floats
    handlers: Floats
    unload: Floats  # 0: the load replaced no document of the site


class Recorded(Noun):
    """Recorded traffic in columns, with the texts that the columns refer to."""

    sessions: SessionTable
    events: EventTable
    loads: LoadTable
    types: tuple[str, ...]
    pages: tuple[str, ...]  # paths
    titles: tuple[str, ...]
    words: tuple[str, ...]  # countries, devices and other short texts
    keys: tuple[str, ...]  # texts that distinguish events of a type: a call, a message, an element
    domains: dict[str, int]  # visitors by the site's host
    versions: dict[str, int]  # visitors by the application's version
    changing: frozenset[str]  # names of attributes that change within a session
    counts: ReadCounts

    def find_type(self, name: str) -> int:
        """Return the place of an event type in `types`; -2 if no event has it."""
        return self.types.index(name) if name in self.types else -2

    def find_rows(self, *names: str) -> Ints:
        """Return the rows of all events of these types."""
        return np.flatnonzero(np.isin(self.events.type, [self.find_type(name) for name in names]))

    def find_words(self, column: Ints, chosen: Container[str]) -> Bools:
        """Return which entries of a column with places in `words` have one of the chosen words."""
        found: Bools = np.array([word in chosen for word in self.words] + [False])[column]
        return found


class Recorder:
    """A builder of Recorded, which takes sessions and events one by one in any order."""

    def __init__(self) -> None:
        self.counts = ReadCounts()
        self._types, self._pages, self._titles, self._words, self._keys = (Texts() for _ in range(5))
        self._seen: set[int] = set()
        self._session_of: dict[str, int] = {}
        self._user_of: dict[str, int] = {}
        self._batch_of: dict[int, int] = {}
        self._people: list[array[int]] = [array("q") for _ in SessionTable._fields]
        self._events: list[array[float]] = [
            array("d" if name in REAL else "q" if name in WIDE else "i") for name in EventTable._fields
        ]
        self._loads: list[array[float]] = [array("d") for _ in LoadTable._fields]
        self._domains, self._versions = Counter[str](), Counter[str]()
        self._attributes: list[str | None] = []
        self._changing: frozenset[str] = frozenset()
        self._page_places: dict[PageFacts, tuple[int, ...]] = {}

    def open_session(self, session_id: str, user_id: str | None, visitor: VisitorFacts, version: object = None) -> int:
        """Return the row of a session; one with a new id is added. `version`: the application's, whatever it is."""
        row = self._session_of.get(session_id)
        if row is None:
            row = self._session_of[session_id] = len(self._session_of)
            unknown, before = user_id is None or user_id == NIL_UUID, len(self._user_of)
            user = -1 if unknown else self._user_of.setdefault(str(user_id), len(self._user_of))
            for column, value in zip(self._people, (user, *map(self._words.place, visitor[:-1])), strict=True):
                column.append(value)
            for counts, text in ((self._domains, visitor.domain), (self._versions, version)):
                if isinstance(text, str) and text:
                    counts[text] += unknown or len(self._user_of) > before
            self._attributes.append(visitor.attributes)
        elif visitor.attributes != self._attributes[row]:
            self._changing |= find_changed(visitor.attributes, self._attributes[row])
        return row

    def place_batch(self, batch_id: str | None) -> int:
        """Return the number of a batch; -1 if the event has no batch id."""
        return -1 if batch_id is None else self._batch_of.setdefault(hash(batch_id), len(self._batch_of))

    def is_new(self, event_id: str) -> bool:
        """Whether an event's id is new; an id that was read before counts as a duplicate."""
        key = hash(event_id)
        if key in self._seen:
            self.counts.duplicates += 1
            return False
        self._seen.add(key)
        return True

    def add_event(
        self, session: int, at: float, name: str, batch: int, page: PageFacts, details: bytes | str
    ) -> None:  # fmt: skip
        """Add an event at Unix time `at`; its details are JSON. An unusable event is only counted."""
        if not OLDEST <= at <= NEWEST:
            self.counts.bad_times += 1
            return
        facts = read_details(name, details)
        if facts is None:
            self.counts.broken_events += 1
            return
        places = self._page_places.get(page)
        if places is None:
            tags = "\n".join(page.tags) if page.tags else None
            pages, titles, words = self._pages, self._titles, self._words
            places = (pages.place(page.page), page.number, pages.place(page.parent), titles.place(page.title),
                      words.place(tags), words.place(page.attributes))  # fmt: skip
            self._page_places[page] = places
            if len(self._page_places) > MOST_TEXTS:
                self._page_places.clear()
        row = (session, at, self._types.place(name), *places, batch, len(details), facts.value, facts.code,
               self._keys.place(facts.key), facts.file)  # fmt: skip
        for column, value in zip(self._events, row, strict=True):
            column.append(value)
        if facts.load is not None and name == NAVIGATION:
            for column, value in zip(self._loads, (self.counts.events, *facts.load), strict=True):
                column.append(value)
        self.counts.events += 1

    def finish(self) -> Recorded:
        """Return everything that was added, sorted."""
        columns: list[Any] = [np.array(column, dtype=np.float64 if name in REAL else np.int64)
                              for name, column in zip(EventTable._fields, self._events, strict=True)]  # fmt: skip
        events = EventTable(*columns)
        self.counts.out_of_order = count_out_of_order(events.session, events.at)
        by_start = sort_sessions(list(self._session_of), events.session, events.at)
        events = events._replace(session=np.argsort(by_start)[events.session])
        order = np.lexsort((events.number, events.at, events.session))
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        loads = [np.array(column, dtype=np.float64) for column in self._loads]
        rows = place[loads[0].astype(np.int64)]
        return Recorded(
            SessionTable(*(np.array(column, dtype=np.int64)[by_start] for column in self._people)),
            pick_rows(events, order),
            pick_rows(LoadTable(rows, *loads[1:]), np.argsort(rows, kind="stable")),
            tuple(self._types.values),
            tuple(self._pages.values),
            tuple(self._titles.values),
            tuple(self._words.values),
            tuple(self._keys.values),
            dict(self._domains),
            dict(self._versions),
            self._changing,
            self.counts,
        )


def sort_sessions(ids: Sequence[str], session: Ints, at: Floats) -> Ints:
    """Return the numbers of all sessions by time of their first event, then by id; `session` and `at`: [event].

    A session without a counted event comes last.
    """
    first = np.full(len(ids), np.inf)
    np.minimum.at(first, session, at)
    return np.lexsort((np.array(ids, dtype=str), first))


def count_out_of_order(session: Ints, at: Floats) -> int:
    """Count the events that were read more than a second after a later event of their session."""
    order = np.argsort(session, kind="stable")
    same = session[order][1:] == session[order][:-1]
    return int((same & (np.diff(at[order]) < -LATE_SECONDS)).sum())
