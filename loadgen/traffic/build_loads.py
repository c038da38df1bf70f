"""Columns of events → loads with their events in the order of recording, for a block's own sessions.

Rule: events that a visit's client certainly does not record are not made. The first client session of a visit lasts at
least sessionLengthSeconds from its first event. Of the events within that time, these are left out:

- if the session is not sampled: all but the first event;
- if more than sessionEventLimit events come: the events after these, because the session is full. (The client's own
  session_start and its candidates, CLS and INP, only fill it sooner.) Candidates are never left out, because a newer
  value replaces the waiting one.

Without cookies each load has client sessions of its own, and nothing is left out.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from itertools import repeat
from typing import NamedTuple

import msgspec
import numpy as np

from loadgen.ids import is_sampled
from loadgen.model import EventColumns, EventView, Load
from loadgen.rum.events import HELD_UNTIL_HIDDEN
from loadgen.scenario import Scenario
from loadgen.traffic.block_draws import CUSTOM_RANK, RANK, RANKS, BlockDraws, Column
from loadgen.traffic.draws import TICKS, Bools, Ints, find_begins
from loadgen.traffic.journey import FAR_TICK
from loadgen.traffic.page_manager import PAGES_PIECE
from loadgen.traffic.prerendering import draw_unused
from loadgen.traffic.telemetry import record_unseen


class SessionLimit(NamedTuple):
    """The limits of a visit's first client session: its most events, its least length in ticks, the sample rate."""

    events: int
    ticks: float
    sample_rate: float

    @classmethod
    def for_scenario(cls, scenario: Scenario) -> SessionLimit:
        """Return the limits that a scenario's client has."""
        client = scenario.client
        if not client.allowCookies:
            return NO_LIMIT
        limit = client.sessionEventLimit or sys.maxsize
        return cls(limit, client.sessionLengthSeconds * TICKS, scenario.monitor.sample_rate)

    def find_unrecorded(self, keys: Sequence[int], session: Ints, at: Ints, simple: Bools) -> Bools:
        """Mark the events that the client certainly does not record.

        Args:
            keys: The key of each session.
            session: The session of each event, an index into `keys`, ascending; events are in order of recording.
            at: The moment of each event, in ticks from its session's start.
            simple: Whether each event is recorded at once, and is no candidate.
        """
        begin = find_begins(session, len(keys))[session]
        before: Ints = np.cumsum(simple) - simple
        full: Bools = simple & (before - before[begin] >= self.events)
        if self.sample_rate < 1:
            unseen = np.array([not is_sampled(key, self.sample_rate) for key in keys])
            full |= unseen[session] & (np.arange(len(session)) > begin)
        return full & (at < self.ticks)


NO_LIMIT = SessionLimit(sys.maxsize, 0.0, 1.0)


NOWHERE = Load(0.0, 0.0, (), ())
"""A load that stands in place of the loads of other shares."""


def build_loads(draws: BlockDraws, families: list[Column], limit: SessionLimit) -> tuple[list[Load], list[int]]:
    """Build the loads of own sessions, and count the omitted events of each session.

    Returns a list with a load for each of the block's, which is NOWHERE for other sessions, and a count for each
    session.
    """
    lengths = [len(family.at) for family in families]
    at = np.concatenate([family.at for family in families])
    load_of = draws.time.load[np.concatenate([family.view for family in families])]
    rank = np.repeat([RANK.get(family.type, CUSTOM_RANK) for family in families], lengths)
    simple = np.repeat([family.type not in HELD_UNTIL_HIDDEN for family in families], lengths)
    draws.seeds.pause()
    order = np.argsort((load_of * FAR_TICK + at) * RANKS + rank, kind="stable")  # lexsort takes seven times as long
    omitted, session = np.zeros(len(at), dtype=bool), draws.load_session[load_of]
    draws.seeds.pause()
    overlap = draws.scenario.population.new_tab or draws.loading.activated.any()  # documents of a visit interleave
    recorded = np.lexsort((rank, at, session)) if overlap else order
    omitted[recorded] = limit.find_unrecorded(draws.keys.tolist(), session[recorded], at[recorded], simple[recorded])
    draws.seeds.pause()
    columns = _build_events(draws, families, np.split(~omitted, np.cumsum(lengths)[:-1]))
    order = order[~omitted[order]]
    place = memoryview(np.asarray((np.cumsum(~omitted) - 1)[order], np.int64).data)
    draws.seeds.pause()
    edges = np.searchsorted(load_of[order], np.arange(draws.loads + 1)).tolist()
    counts = np.bincount(draws.load_session[load_of[omitted]], minlength=len(draws.own_sessions)).tolist()
    draws.seeds.pause()
    hides = _find_hides(draws)
    start, ready = draws.load_start, draws.time.noticed[draws.loading.view]
    activated = np.where(draws.loading.activated > 0, start + draws.loading.activated, 0)
    loads = [NOWHERE] * draws.loads
    starts, readies, shown = ((each / TICKS).tolist() for each in (start, ready, activated))
    for row in draws.own_loads.tolist():
        if row % PAGES_PIECE == 0:
            draws.seeds.pause()
        events = EventView(columns, place[edges[row] : edges[row + 1]])
        loads[row] = Load(starts[row], readies[row], hides[row], events, shown[row])
    return loads, counts


def _build_events(draws: BlockDraws, families: list[Column], wanted: list[Bools]) -> EventColumns:
    """Build the wanted events of all families as columns, one family after the other."""
    columns = EventColumns.from_events()
    for family, mask in zip(families, wanted, strict=True):
        rows = np.flatnonzero(mask)
        columns.ids.extend(draws.draw_ids(family.ids.purpose, family.ids.row[rows], family.ids.total))
        columns.at.frombytes((family.at[rows] / TICKS).tobytes())
        columns.types.extend(repeat(family.type, len(rows)))
        columns.details.extend(family.write_details(rows))
        draws.seeds.pause()
        columns.pages.extend(draws.find_pages(family.view[rows]))
        columns.metadata.extend(repeat(family.metadata, len(rows)))
        draws.seeds.pause()
    return columns


def _find_hides(draws: BlockDraws) -> list[tuple[float, ...]]:
    """Return when each load's page is hidden, in seconds from session start: at tab switches, and at the load's end."""
    ends = (draws.time.load_end / TICKS).tolist()
    hides: list[tuple[float, ...]] = [(end,) for end in ends]
    for view in np.flatnonzero(draws.time.away >= 0)[::-1].tolist():
        load = int(draws.time.load[view])
        hides[load] = (float(draws.time.away[view]) / TICKS, *hides[load])
    return hides


def build_unused(draws: BlockDraws) -> dict[int, list[Load]]:
    """Build the documents that are prerendered but never shown, by the row of their session."""
    by_session: dict[int, list[Load]] = {}
    unused = draw_unused(draws)
    if unused is not None:
        loads, _ = build_loads(unused, record_unseen(unused), NO_LIMIT)
        for row in unused.own_loads.tolist():
            load = msgspec.structs.replace(loads[row], shown=math.inf)
            by_session.setdefault(int(unused.load_session[row]), []).append(load)
    return by_session
