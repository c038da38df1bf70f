"""The events and documents of a block's own sessions as objects: columns → loads, in the order of recording.

Rule: events that a visit's client certainly does not record are not made. The first client session of a visit lasts at
least sessionLengthSeconds from its first event. Of the events within that time, these are left out:

- all but the first, where the session is not sampled;
- those after the first sessionEventLimit ones, because the session is full: the client's own session_start and its
  candidates (CLS and INP) only fill it sooner. Candidates are never left out, because a newer value replaces the
  waiting one.

Without cookies each load has sessions of its own, and nothing is left out.
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
from loadgen.traffic.prerendering import StartClocks, draw_unused
from loadgen.traffic.telemetry import record_unseen


class SessionLimit(NamedTuple):
    """How many events fit into a visit's first client session, for how many ticks it lasts, which share is sampled."""

    events: int
    ticks: float
    sample_rate: float

    @classmethod
    def for_scenario(cls, scenario: Scenario) -> SessionLimit:
        """The limit of a scenario's client."""
        client = scenario.client
        if not client.allowCookies:
            return NO_LIMIT
        limit = client.sessionEventLimit or sys.maxsize
        return cls(limit, client.sessionLengthSeconds * TICKS, scenario.monitor.sample_rate)

    def find_beyond(self, keys: Sequence[int], session: Ints, at: Ints, simple: Bools) -> Bools:
        """Which events the client certainly does not record.

        Args:
            keys: The sessions' keys.
            session: Of each event, its session as an index into `keys`, ascending; events in order of recording.
            at: Of each event, ticks from its session's start.
            simple: Of each event, whether it is recorded at once and is no candidate.
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
"""Stands for a load that belongs to another share."""


def build_loads(draws: BlockDraws, families: list[Column], limit: SessionLimit) -> tuple[list[Load], list[int]]:
    """The loads of own sessions with their events in order of recording, and how many events each session lacks."""
    lengths = [len(family.at) for family in families]
    at = np.concatenate([family.at for family in families])
    load_of = draws.time.load[np.concatenate([family.view for family in families])]
    rank = np.repeat([RANK.get(family.type, CUSTOM_RANK) for family in families], lengths)
    simple = np.repeat([family.type not in HELD_UNTIL_HIDDEN for family in families], lengths)
    draws.seeds.pause()
    order = np.argsort((load_of * FAR_TICK + at) * RANKS + rank, kind="stable")  # lexsort takes seven times as long
    beyond, session = np.zeros(len(at), dtype=bool), draws.load_session[load_of]
    draws.seeds.pause()
    apart = not (draws.scenario.population.new_tab or draws.loading.activated.any())  # else documents interleave
    told = order if apart else np.lexsort((rank, at, session))
    beyond[told] = limit.find_beyond(draws.keys.tolist(), session[told], at[told], simple[told])
    draws.seeds.pause()
    made = _build_events(draws, families, np.split(~beyond, np.cumsum(lengths)[:-1]))
    order = order[~beyond[order]]
    place = memoryview(np.asarray((np.cumsum(~beyond) - 1)[order], np.int64).data)
    draws.seeds.pause()
    edges = np.searchsorted(load_of[order], np.arange(draws.loads + 1)).tolist()
    left_out = np.bincount(draws.load_session[load_of[beyond]], minlength=len(draws.own_sessions)).tolist()
    draws.seeds.pause()
    hides = _find_hides(draws)
    start, ready = draws.load_start, draws.time.noticed[draws.loading.view]
    activated = np.where(draws.loading.activated > 0, start + draws.loading.activated, 0)
    loads = [NOWHERE] * draws.loads
    starts, readies, shown = ((each / TICKS).tolist() for each in (start, ready, activated))
    for row in draws.own_loads.tolist():
        if row % PAGES_PIECE == 0:
            draws.seeds.pause()
        its = EventView(made, place[edges[row] : edges[row + 1]])
        loads[row] = Load(starts[row], readies[row], hides[row], its, shown[row])
    return loads, left_out


def _build_events(draws: BlockDraws, families: list[Column], wanted: list[Bools]) -> EventColumns:
    """The wanted events of each family, one family after the other."""
    made = EventColumns.from_events()
    for family, mask in zip(families, wanted, strict=True):
        rows = np.flatnonzero(mask)
        made.ids.extend(draws.draw_ids(family.ids.purpose, family.ids.row[rows], family.ids.total))
        made.at.frombytes((family.at[rows] / TICKS).tobytes())
        made.types.extend(repeat(family.type, len(rows)))
        made.details.extend(family.details(rows))
        draws.seeds.pause()
        made.pages.extend(draws.find_pages(family.view[rows]))
        made.metadata.extend(repeat(family.metadata, len(rows)))
        draws.seeds.pause()
    return made


def _find_hides(draws: BlockDraws) -> list[tuple[float, ...]]:
    """When each load's page is hidden: tab switches, and its end."""
    ends = (draws.time.load_end / TICKS).tolist()
    hides: list[tuple[float, ...]] = [(end,) for end in ends]
    for view in np.flatnonzero(draws.time.away >= 0)[::-1].tolist():
        load = int(draws.time.load[view])
        hides[load] = (float(draws.time.away[view]) / TICKS, *hides[load])
    return hides


def build_unused(draws: BlockDraws, start_clocks: StartClocks) -> dict[int, list[Load]]:
    """The documents that are rendered for nothing, by their sessions' rows."""
    found: dict[int, list[Load]] = {}
    unused = draw_unused(draws, start_clocks)
    if unused is not None:
        loads, _ = build_loads(unused, record_unseen(unused), NO_LIMIT)
        for row in unused.own_loads.tolist():
            load = msgspec.structs.replace(loads[row], shown=math.inf)
            found.setdefault(int(unused.load_session[row]), []).append(load)
    return found
