"""Sessions → Plans, a block of sessions at once: what `plan` defines, computed by column for ordinary visits.

Rule: a visit is ordinary when its client session is sampled, has cookies and never expires, and each dispatch empties
the queue. Any other visit is planned by `plan`, event by event. Both give the same plan, to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, groupby
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from loadgen.client.cache import SESSION_STARTED, ClientCounts, make_session_id
from loadgen.client.plan import Plan, plan
from loadgen.ids import draw_first_bytes, is_sampled, make_uuid4, write_uuids
from loadgen.model import Batch, Event, EventColumns, EventView, Load, Session
from loadgen.rum.events import CLS, INP, SESSION_START
from loadgen.scenario import Client

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

PLACES = {CLS: 1, INP: 2}
"""Candidates by their place in a batch."""
QUEUED = 3
"""The place of all other events, behind the candidates."""
IDS_PIECE = 64
"""Sessions whose batches get their ids between two pauses."""


class Recordable(NamedTuple):
    """Events of sessions, each client's own session_start before the first; a row an event, in order of recording."""

    row: Ints  # of EventColumns
    session: Ints
    load: Ints  # counted through all sessions
    at: Floats
    place: Ints


class Leaving(NamedTuple):
    """When each event would leave."""

    moment: Floats  # inf: never
    flush: Bools  # by a page-hide, not by the timer
    hides: Ints  # how many hides of its load are past
    regular: Bools  # False: rounding moves the timer's tick


class KeptEvents(NamedTuple):
    """What becomes of each event."""

    counted: Bools  # it counts for the session's limit, and moves the session's end on
    over: Bools  # it is over the limit
    sent: Ints  # rows, ascending


class BlockPlan:
    """The plans of some sessions; `pause` is called between two milliseconds of work."""

    def __init__(
        self, sessions: Sequence[Session], settings: Client, sample_rate: float, pause: Callable[[], None]
    ) -> None:
        self._sessions, self._settings, self._rate = sessions, settings, sample_rate
        self._ordinary = [False] * len(sessions)
        loads = list(chain.from_iterable(session.loads for session in sessions))
        self._loads_before = np.cumsum([0, *(len(session.loads) for session in sessions)]).tolist()
        if settings.allowCookies and any(load.events for load in loads):
            self._plan_by_column(loads, pause)

    def make_plan(self, row: int) -> Plan:
        """The plan of a session, by its place among those given."""
        session = self._sessions[row]
        if not self._ordinary[row]:
            return plan(session, self._settings, self._rate)
        session_id, columns = make_session_id(session.key), self._columns
        user_id, beacon, before = session.visitor.user_id, self._settings.useBeacon, self._loads_before[row]
        begin, end = self._batches[row : row + 2]
        edges, rows, dispatches = self._edges[begin : end + 1], self._rows, self._dispatches[begin:end]
        made = zip(self._ids[begin:end], dispatches, edges, edges[1:], strict=False)
        batches = [
            Batch(
                name, session.index, load - before, session.start, session_id, session.visitor, user_id,
                EventView(columns, rows[first:last]), session.start + moment, flush and beacon,
            )
            for name, (load, moment, flush), first, last in made
        ]  # fmt: skip
        return Plan(tuple(batches), ClientCounts(*self._counts[row]))

    def _plan_by_column(self, loads: list[Load], pause: Callable[[], None]) -> None:
        self._columns, events = list_recordable(self._sessions, loads, pause)
        pause()
        leaving = find_dispatches(events, loads, self._settings.dispatchInterval / 1000 or np.inf)
        pause()
        kept = choose_kept(events, leaving, self._settings.sessionEventLimit or len(events.at))
        pause()
        rows = sort_by_dispatch(events, leaving, kept.sent)
        pause()
        load, moment, flush = events.load[rows], leaving.moment[rows], leaving.flush[rows]
        begins = find_changes(load, moment, flush)
        sizes = np.diff(begins, append=len(rows))
        session = events.session[rows[begins]]
        odd = self._find_odd(events, kept, loads)
        odd[events.session[~leaving.regular]] = True
        odd[session[sizes > min(self._settings.batchLimit, self._settings.eventCacheSize)]] = True
        pause()
        self._ordinary = (~odd).tolist()
        self._counts = self._count_events(events.session, kept)
        pause()
        self._rows = events.row[rows].tolist()
        self._batches = np.searchsorted(session, np.arange(len(odd) + 1)).tolist()
        self._edges = [*begins.tolist(), len(rows)]
        pause()
        self._ids = self._make_ids(np.bincount(session, minlength=len(odd)).tolist(), pause)
        self._dispatches = list(
            zip(load[begins].tolist(), moment[begins].tolist(), flush[begins].tolist(), strict=True)
        )
        pause()

    def _make_ids(self, batches: list[int], pause: Callable[[], None]) -> list[str]:
        """The ids of all batches, of which each session has so many."""
        made: list[str] = []
        for first in range(0, len(batches), IDS_PIECE):
            some = slice(first, first + IDS_PIECE)
            counted = zip(self._sessions[some], batches[some], strict=True)
            drawn = [draw_first_bytes(session.key, "batch", number) for session, number in counted]
            made += write_uuids(np.frombuffer(b"".join(drawn), np.uint8).reshape(-1, 16))
            pause()
        return made

    def _find_odd(self, events: Recordable, kept: KeptEvents, loads: list[Load]) -> Bools:
        """Sessions without events, not sampled, with a load that never ends, with a second tab, or that expire."""
        sessions, length = self._sessions, self._settings.sessionLengthSeconds
        odd = np.array([not is_sampled(session.key, self._rate) for session in sessions])
        ends, owner = np.full(len(sessions), -np.inf), np.repeat(np.arange(len(sessions)), np.diff(self._loads_before))
        begun, closed = np.array([load.ready for load in loads]), list_ends(loads)
        odd[owner[1:][(owner[1:] == owner[:-1]) & (begun[1:] < closed[:-1])]] = True
        np.maximum.at(ends, owner, closed)
        np.maximum.at(ends, events.session, events.at)
        session, at = events.session[kept.counted], events.at[kept.counted]
        last = np.append(session[1:] != session[:-1], True)
        until = np.where(last, ends[session], np.append(at[1:], 0.0))
        odd[session[until >= at + length]] = True
        odd |= np.bincount(session, minlength=len(sessions)) == 0
        return odd

    def _count_events(self, session: Ints, kept: KeptEvents) -> list[tuple[int, int, int, int]]:
        """The arguments of each session's ClientCounts."""
        sessions = len(self._sessions)
        recordable = np.bincount(session, minlength=sessions)
        over = np.bincount(session[kept.over], minlength=sessions)
        dropped = recordable - over - np.bincount(session[kept.sent], minlength=sessions)
        beyond = np.array([each.omitted_events for each in self._sessions])
        columns = (recordable + beyond, np.zeros(sessions, dtype=int), over + beyond, dropped)
        return list(zip(*(column.tolist() for column in columns), strict=True))


def list_recordable(
    sessions: Sequence[Session], loads: list[Load], pause: Callable[[], None]
) -> tuple[EventColumns, Recordable]:
    """The events of sessions and their session_starts as columns, and the order in which they are recorded."""
    columns, rows, lengths = gather_events(loads)
    load = np.repeat(np.arange(len(loads)), lengths)
    session = np.repeat(np.arange(len(sessions)), [len(each.loads) for each in sessions])[load]
    at = np.frombuffer(columns.at)[rows]
    runs = [(PLACES.get(kind, QUEUED), len(list(same))) for kind, same in groupby(columns.types)]
    place = np.repeat([each for each, _ in runs], [number for _, number in runs])[rows]
    pause()
    first = find_changes(session)
    begun = np.arange(len(columns.at), len(columns.at) + len(first))
    for number, row in zip(session[first].tolist(), rows[first].tolist(), strict=True):
        name = make_uuid4(sessions[number].key, "session_start", 0)
        columns.add(Event(name, columns.at[row], SESSION_START, SESSION_STARTED, columns.pages[row]))
    pause()
    session, load = (np.insert(each, first, each[first]) for each in (session, load))
    at = np.insert(at, first, at[first])
    return columns, Recordable(np.insert(rows, first, begun), session, load, at, np.insert(place, first, QUEUED))


def gather_events(loads: list[Load]) -> tuple[EventColumns, Ints, list[int]]:
    """The columns that hold the events of loads, their rows, one load after the other, and how many each load has."""
    views = [load.events for load in loads if isinstance(load.events, EventView)]
    parts = [each.rows for each in views if isinstance(each.rows, memoryview) and each.columns is views[0].columns]
    if len(parts) == len(loads):
        return views[0].columns, np.frombuffer(b"".join(parts), np.int64), list(map(len, parts))
    columns = EventColumns.from_events(event for load in loads for event in load.events)
    return columns, np.arange(len(columns.at)), [len(load.events) for load in loads]


def find_changes(*columns: npt.NDArray[np.generic]) -> Ints:
    """The rows at which any of the columns has another value than in the row before; the first row is one."""
    changed = np.ones(len(columns[0]), dtype=bool)
    changed[1:] = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    return np.flatnonzero(changed)


def find_dispatches(events: Recordable, loads: list[Load], interval: float) -> Leaving:
    """When each event leaves: with the first tick of the timer, or the first hide, after it; candidates with a hide."""
    hides, past = list_hides(loads), np.zeros(len(events.at), dtype=np.int64)
    for moment in hides.T:  # a sum over rows of so few takes four times as long
        past += moment[events.load] <= events.at
    hide = hides[events.load, past]
    ready = np.array([load.ready for load in loads])[events.load]
    end = list_ends(loads)[events.load]
    at = events.at
    count = np.where(at > ready, ((at - ready) / interval).astype(np.int64) + 1, 1)  # as plan.py's `wake`
    tick = ready + count * interval
    late = tick <= at
    tick = np.where(late, ready + (count + 1) * interval, tick)
    before = ready + np.maximum(count - 1, 1) * interval
    regular = late | (count < 2) | (before <= at)
    tick[tick >= end] = np.inf
    flush = (events.place != QUEUED) | (tick > hide)
    return Leaving(np.where(flush, hide, tick), flush, past, regular)


def sort_by_dispatch(events: Recordable, leaving: Leaving, rows: Ints) -> Ints:
    """Events in the order of sending: between two hides of a load first those that the timer sends, as recorded."""
    hides, flush = leaving.hides[rows], leaving.flush[rows]
    key = (events.load[rows] * (hides.max(initial=0) + 1) + hides) * (QUEUED + 1) + flush * events.place[rows]
    return rows[np.argsort(key, kind="stable")]  # nearly in order: a lexsort takes ten times as long


def list_ends(loads: list[Load]) -> Floats:
    """When each load ends, inf for one that never does."""
    return np.array([load.end for load in loads])


def list_hides(loads: list[Load]) -> Floats:
    """The moments of all hides, a row a load, inf behind the last; shape (loads, most hides + 1)."""
    numbers = np.array([len(load.hides) for load in loads])
    table = np.full((len(loads), numbers.max() + 1), np.inf)
    rows = np.repeat(np.arange(len(loads)), numbers)
    places = np.arange(len(rows)) - np.repeat(np.cumsum(numbers) - numbers, numbers)
    table[rows, places] = np.fromiter(chain.from_iterable(load.hides for load in loads), float, len(rows))
    return table


def choose_kept(events: Recordable, leaving: Leaving, limit: int) -> KeptEvents:
    """Apply the session's limit. Of candidates of one type between two hides the first counts, the newest is sent."""
    queued = events.place == QUEUED
    held = np.flatnonzero(~queued)
    key = (events.load[held] * (leaving.hides.max() + 1) + leaving.hides[held]) * QUEUED + events.place[held]
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    newest = np.zeros_like(first)
    newest[group] = np.arange(len(held))  # of equal groups the last assignment stands
    counted = queued.copy()
    counted[held[first]] = True
    before = np.cumsum(counted) - counted
    begins = find_changes(events.session)
    before -= np.repeat(before[begins], np.diff(begins, append=len(before)))
    counted &= before < limit
    over = queued & ~counted
    fits = counted[held[first]]
    over[held] = ~fits[group]
    sent = queued & counted
    sent[held[newest[fits]]] = True
    return KeptEvents(counted, over, np.flatnonzero(sent & (leaving.moment < np.inf)))
