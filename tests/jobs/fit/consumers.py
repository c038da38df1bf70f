"""What consumers of RUM data read of a visit, as numbers: who it was, which pages, how long, how quick, what failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby, pairwise
from math import log1p
from typing import Any

import numpy as np
from msgspec.json import decode

from loadgen.scenario import Scenario
from tests.jobs.fit.round_trip import stretch, write_visits
from tests.judge.classifier import Judgement, judge_rows
from tests.judge.features import Features, Means, see_fields
from tests.judge.laws import FCP, HTTP, NAVIGATION, RESOURCE, VIEW, XRAY
from tests.judge.visits import Seen, SeenVisit, group_visits

SEEDS = (21, 22)
PEOPLE = ("deviceType", "osName", "browserName", "browserLanguage", "countryCode")
TIMES = ("duration", "timeToFirstByte", "domContentLoadedEventStart", "loadEventStart", "transferSize")


def tell_apart(truth: Scenario, fitted: Scenario, sessions: int) -> Judgement:
    """How well a classifier tells so many visits of the truth from those of its fit, by all that consumers read."""
    rows: list[list[Features]] = [[], []]
    groups: list[int] = []
    for scenario, seed, own in zip((truth, fitted), SEEDS, rows, strict=True):
        before = groups[-1] + 1 if groups else 0
        for visit, features in see_traffic(stretch(scenario, sessions), seed):
            own.append(features)
            groups.append(before + visit)
    return judge_rows(rows[0], rows[1], repeats=1, groups=np.array(groups))


def see_traffic(scenario: Scenario, seed: int) -> Iterator[tuple[int, Features]]:
    """The features of every session and the number of its visit, one by one: as objects they take far more memory.

    Without cookies a visit has several sessions, which are alike: a forest must not learn from one to know another.
    """
    for number, bodies in enumerate(write_visits(scenario, seed)):
        for _, own in groupby(map(decode, bodies), lambda body: body["UserDetails"]["sessionId"]):
            for visit in group_visits(own):
                yield number, see_values(visit)


def see_values(visit: SeenVisit) -> Features:
    """The judge's fields and their values: vitals, navigation times, pages, people, times between views, sizes."""
    means = Means()
    views = [event for event in visit.events if event.kind == VIEW]
    for event in visit.events:
        for name, value in _read_values(event):
            means.add(name, log1p(max(value, 0.0)))
    for before, after in pairwise(views):
        means.add("seconds between views", log1p(max(after.time - before.time, 0)))
    pages = Counter(_fold(event.details["pageId"]) for event in views)
    people = {f"{name} is {visit.metadata[name]}": 1.0 for name in PEOPLE if name in visit.metadata}
    kinds = Counter(event.kind for event in visit.events)
    return {
        **see_fields(visit),
        **means.read(),
        **{f"views of {page}": float(number) for page, number in pages.items()},
        **{f"{kind} events": float(number) for kind, number in kinds.items()},
        **people,
        "batches": float(len(visit.batches)),
        "events": float(kinds.total()),
        "lands at": float(sum(map(ord, _fold(views[0].details["pageId"])))) if views else 0.0,
    }


def _fold(path: str) -> str:
    """A page by the first part of its path."""
    return "/" + path.split("?")[0].strip("/").split("/")[0]


def _read_values(event: Seen) -> list[tuple[str, float]]:
    """The numbers of one event that dashboards show."""
    details: dict[str, Any] = event.details
    if event.kind == NAVIGATION:
        return [(f"navigation {name}", float(details[name])) for name in TIMES if name in details]
    if event.kind == RESOURCE:
        return [("file duration", float(details["duration"]))]
    if event.kind in (HTTP, XRAY):
        return [(f"{event.kind} is there", 1.0)]
    return [(f"{event.kind} value", float(details["value"]))] if "value" in details or event.kind == FCP else []
