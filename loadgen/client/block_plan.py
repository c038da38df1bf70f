"""Sessions → Plans, a block of sessions at once: the plans that `plan` defines, computed on columns of events.

Rule: only ordinary visits are planned by column. A visit is ordinary when its client session is sampled, has cookies
and never expires, and each dispatch empties the queue. Any other visit is planned by `plan`, event by event. Both ways
give the same plan, to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loadgen.client.cache import SESSION_STARTED, ClientCounts, make_session_id
from loadgen.client.dispatch import Plan, plan
from loadgen.ids import draw_first_bytes, is_sampled, make_uuid4, write_uuids
from loadgen.model import Batch, Event, EventColumns, EventView, Load, Session
from loadgen.rum.events import CLS, INP, SESSION_START
from loadgen.scenario import Client

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

PLACES = {CLS: 1, INP: 2}
"""The place of each candidate (an event held until the page is hidden) in a batch."""
QUEUED = 3
"""The place of all other events, behind the candidates."""
IDS_PIECE = 64
"""How many sessions' batches get their ids between two pauses."""


class Recordable(NamedTuple):
    """The events of some sessions in the order of recording, a row for each, with the session_start of each client."""

    row: Ints  # the event's row in EventColumns
    session: Ints  # the session's number among the given sessions
    load: Ints  # the load's number, counted through all sessions
    at: Floats  # seconds from session start
    place: Ints  # the event's place in a batch: PLACES or QUEUED


class EventDispatches(NamedTuple):
    """The dispatch with which each event would leave; a row for each event of `Recordable`."""

    moment: Floats  # seconds from session start; inf: never
    flush: Bools  # True: a page hide sends the event; False: the timer does
    hides: Ints  # how many hides of the load are past when the event is recorded
    regular: Bools  # False: rounding moves the timer's tick


class KeptEvents(NamedTuple):
    """What becomes of each event of `Recordable`."""

    counted: Bools  # whether the event counts for the session's limit, and postpones the session's expiry
    over: Bools  # whether the event is over the limit
    sent: Ints  # rows of the events that are sent, ascending


class BlockPlan:
    """The plans of some sessions; while they are computed, `pause` is called at least every two milliseconds."""

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
        """Make the plan of a session, given by its position in the block's sessions."""
        session = self._sessions[row]
        if not self._ordinary[row]:
            return plan(session, self._settings, self._rate)
        session_id, columns = make_session_id(session.key), self._columns
        user_id, beacon, before = session.visitor.user_id, self._settings.useBeacon, self._loads_before[row]
        begin, end = self._batches[row : row + 2]
        edges, rows, dispatches = self._edges[begin : end + 1], self._rows, self._dispatches[begin:end]
        drawn = zip(self._ids[begin:end], dispatches, edges, edges[1:], strict=False)
        batches = [
            Batch(
                name, session.index, load - before, session.start, session_id, session.visitor, user_id,
                EventView(columns, rows[first:last]), session.start + moment, flush and beacon,
            )
            for name, (load, moment, flush), first, last in drawn
        ]  # fmt: skip
        return Plan(tuple(batches), ClientCounts(*self._counts[row]))

    def _plan_by_column(self, loads: list[Load], pause: Callable[[], None]) -> None:
        self._columns, events = list_recordable(self._sessions, loads, pause)
        pause()
        dispatches = find_dispatches(events, loads, self._settings.dispatchInterval / 1000 or np.inf)
        pause()
        kept = choose_kept(events, dispatches, self._settings.sessionEventLimit or len(events.at))
        pause()
        rows = sort_by_dispatch(events, dispatches, kept.sent)
        pause()
        load, moment, flush = events.load[rows], dispatches.moment[rows], dispatches.flush[rows]
        begins = find_changes(load, moment, flush)
        sizes = np.diff(begins, append=len(rows))
        session = events.session[rows[begins]]
        odd = self._find_odd(events, kept, loads)
        odd[events.session[~dispatches.regular]] = True
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
        """Draw the ids of all batches; `batches` has the number of batches of each session."""
        ids: list[str] = []
        for first in range(0, len(batches), IDS_PIECE):
            some = slice(first, first + IDS_PIECE)
            counted = zip(self._sessions[some], batches[some], strict=True)
            drawn = [draw_first_bytes(session.key, "batch", number) for session, number in counted]
            ids += write_uuids(np.frombuffer(b"".join(drawn), np.uint8).reshape(-1, 16))
            pause()
        return ids

    def _find_odd(self, events: Recordable, kept: KeptEvents, loads: list[Load]) -> Bools:
        """Mark the sessions that are not ordinary, but for the dispatches.

        They have no events, are not sampled, have a load that never ends or two loads at the same time, or expire.
        """
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
        """Count events for each session's ClientCounts, in the order of its fields."""
        sessions = len(self._sessions)
        recordable = np.bincount(session, minlength=sessions)
        over = np.bincount(session[kept.over], minlength=sessions)
        dropped = recordable - over - np.bincount(session[kept.sent], minlength=sessions)
        omitted = np.array([each.omitted_events for each in self._sessions])
        columns = (recordable + omitted, np.zeros(sessions, dtype=int), over + omitted, dropped)
        return list(zip(*(column.tolist() for column in columns), strict=True))


def list_recordable(
    sessions: Sequence[Session], loads: list[Load], pause: Callable[[], None]
) -> tuple[EventColumns, Recordable]:
    """Return the events of sessions and their session_start events as columns, and the order of their recording."""
    columns, rows, lengths = gather_events(loads)
    load = np.repeat(np.arange(len(loads)), lengths)
    session = np.repeat(np.arange(len(sessions)), [len(each.loads) for each in sessions])[load]
    at = np.frombuffer(columns.at)[rows]
    runs = [(PLACES.get(kind, QUEUED), len(list(same))) for kind, same in groupby(columns.types)]
    place = np.repeat([each for each, _ in runs], [number for _, number in runs])[rows]
    pause()
    first = find_changes(session)
    start_rows = np.arange(len(columns.at), len(columns.at) + len(first))
    for number, row in zip(session[first].tolist(), rows[first].tolist(), strict=True):
        name = make_uuid4(sessions[number].key, "session_start", 0)
        columns.add(Event(name, columns.at[row], SESSION_START, SESSION_STARTED, columns.pages[row]))
    pause()
    session, load = (np.insert(each, first, each[first]) for each in (session, load))
    at = np.insert(at, first, at[first])
    return columns, Recordable(np.insert(rows, first, start_rows), session, load, at, np.insert(place, first, QUEUED))


def gather_events(loads: list[Load]) -> tuple[EventColumns, Ints, list[int]]:
    """Return columns with the events of loads, the events' rows, load by load, and how many events each load has."""
    views = [load.events for load in loads if isinstance(load.events, EventView)]
    parts = [each.rows for each in views if isinstance(each.rows, memoryview) and each.columns is views[0].columns]
    if len(parts) == len(loads):
        return views[0].columns, np.frombuffer(b"".join(parts), np.int64), list(map(len, parts))
    columns = EventColumns.from_events(event for load in loads for event in load.events)
    return columns, np.arange(len(columns.at)), [len(load.events) for load in loads]


def find_changes(*columns: NDArray[np.generic]) -> Ints:
    """Return the rows whose value differs from the row before in any of the columns; the first row is among them."""
    changed = np.ones(len(columns[0]), dtype=bool)
    changed[1:] = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    return np.flatnonzero(changed)


def find_dispatches(events: Recordable, loads: list[Load], interval: float) -> EventDispatches:
    """Find the dispatch of each event: the first tick of the timer or hide of the page after the event's recording.

    A candidate waits for a hide. `interval` is the seconds between two ticks.
    """
    hides, past = list_hides(loads), np.zeros(len(events.at), dtype=np.int64)
    for moment in hides.T:  # numpy's sum over such short rows takes four times as long
        past += moment[events.load] <= events.at
    hide = hides[events.load, past]
    ready = np.array([load.ready for load in loads])[events.load]
    end = list_ends(loads)[events.load]
    at = events.at
    count = np.where(at > ready, ((at - ready) / interval).astype(np.int64) + 1, 1)  # as `schedule_tick` in dispatch.py
    tick = ready + count * interval
    late = tick <= at
    tick = np.where(late, ready + (count + 1) * interval, tick)
    before = ready + np.maximum(count - 1, 1) * interval
    regular = late | (count < 2) | (before <= at)
    tick[tick >= end] = np.inf
    flush = (events.place != QUEUED) | (tick > hide)
    return EventDispatches(np.where(flush, hide, tick), flush, past, regular)


def sort_by_dispatch(events: Recordable, dispatches: EventDispatches, rows: Ints) -> Ints:
    """Sort rows of events by the order of sending.

    Between two hides of a load the timer's events come first, in the order of recording; then those of the hide.
    """
    hides, flush = dispatches.hides[rows], dispatches.flush[rows]
    key = (events.load[rows] * (hides.max(initial=0) + 1) + hides) * (QUEUED + 1) + flush * events.place[rows]
    return rows[np.argsort(key, kind="stable")]  # ten times as quick as a lexsort, as rows are nearly sorted


def list_ends(loads: list[Load]) -> Floats:
    """Return when each load ends, in seconds from session start; inf for a load that never ends."""
    return np.array([load.end for load in loads])


def list_hides(loads: list[Load]) -> Floats:
    """Return the moments of all hides, a row for each load, shape (loads, most hides + 1); inf behind the last hide."""
    numbers = np.array([len(load.hides) for load in loads])
    table = np.full((len(loads), numbers.max() + 1), np.inf)
    rows = np.repeat(np.arange(len(loads)), numbers)
    places = np.arange(len(rows)) - np.repeat(np.cumsum(numbers) - numbers, numbers)
    table[rows, places] = np.fromiter(chain.from_iterable(load.hides for load in loads), float, len(rows))
    return table


def choose_kept(events: Recordable, dispatches: EventDispatches, limit: int) -> KeptEvents:
    """Choose the events that are sent under the session's limit.

    Of the candidates of one type between two hides, the first counts for the limit, and the newest is sent.
    """
    queued = events.place == QUEUED
    held = np.flatnonzero(~queued)
    key = (events.load[held] * (dispatches.hides.max() + 1) + dispatches.hides[held]) * QUEUED + events.place[held]
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    newest = np.zeros_like(first)
    newest[group] = np.arange(len(held))  # numpy keeps the last assignment to a group
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
    return KeptEvents(counted, over, np.flatnonzero(sent & (dispatches.moment < np.inf)))
