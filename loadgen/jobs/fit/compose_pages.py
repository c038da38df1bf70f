"""Estimates → draft: the pages, with a comment on each."""

from __future__ import annotations

from math import isfinite, sqrt
from typing import Any

import numpy as np

from loadgen.jobs.fit.draft import Draft
from loadgen.jobs.fit.estimate import Estimates, Seen
from loadgen.jobs.fit.page_contents import count_files, find_tags, find_titles
from loadgen.jobs.fit.recorded import Floats
from loadgen.jobs.fit.support import round_share, round_shares, round_to
from loadgen.units import format_count

EXIT = "exit"
LEAST_EXIT = 0.001
DIFFERENT = 2.5
"""Standard errors from which a bounce rate is none of chance."""


def compose_pages(draft: Draft, seen: Seen, found: Estimates, at_least: int) -> None:
    """[pages]: only pages that some visit can come to."""
    site, steps = seen.site, seen.steps
    reached = find_reached(steps.entries, steps.to)
    entries = steps.entries / max(steps.entries.sum(), 1)
    titles = find_titles(seen.recorded, site, seen.visits, seen.route, at_least)
    tags = find_tags(seen.recorded, site, seen.visits, at_least)
    files, usual = count_files(seen.recorded, seen.visits, len(site.names))
    if usual:
        draft.sections["telemetry"]["resources"] = usual
    for page in reached:
        name, template = site.names[page], site.templates[page]
        members: dict[str, Any] = {"path": template.path}
        if page in titles:
            members["title"] = titles[page]
        if page in tags:
            members["tags"] = tags[page]
        if seen.route[page]:
            members["route"] = True
        if entries[page]:
            members["entry"] = round_to(100 * entries[page], 100 * sqrt(entries[page] / max(steps.entries.sum(), 1)))
        members |= compose_steps(seen, page, reached)
        members |= compose_details(found, page)
        if page in files and files[page] != usual:
            members["resources"] = files[page]
        draft.pages[name] = members
        draft.comments[f"pages.{name}"] = describe_page(seen, page)


def describe_page(seen: Seen, page: int) -> str:
    """What a page stands on."""
    template = seen.site.templates[page]
    views = int((seen.visits.page == page).sum())
    made = f"{len(template.members):,} paths, " if len(template.members) > 1 else ""
    return f"{made}{views:,} views, {format_count(seen.steps.entries[page])} landings."


def find_reached(entries: Floats, to: Floats) -> list[int]:
    """The pages that a visit can come to, in order."""
    known = set(np.flatnonzero(entries > 0).tolist())
    fresh = set(known)
    while fresh:
        fresh = {int(each) for page in fresh for each in np.flatnonzero(to[page] >= 0.5)} - known
        known |= fresh
    return sorted(known)


def compose_steps(seen: Seen, page: int, reached: list[int]) -> dict[str, Any]:
    """to, exit and bounce of a page."""
    steps, names = seen.steps, seen.site.names
    going = {names[other]: float(steps.to[page, other]) for other in reached if steps.to[page, other] >= 0.5}
    total, decided, landed = sum(going.values()), steps.decisions[page], steps.landings[page]
    bounce = steps.bounces[page] / landed if landed else float("nan")
    leave = steps.exits[page] / decided if decided else bounce
    leave = leave if isfinite(leave) and total else 1.0
    different = bool(landed and decided and total) and is_different(bounce, landed, leave, decided)
    if landed and decided and total and not different:
        leave = (steps.bounces[page] + steps.exits[page]) / (landed + decided)
        decided = landed + decided
    shares = round_shares({**{name: count / total * (1 - leave) for name, count in going.items()}, EXIT: leave},
                          max(decided, total)) if total else {EXIT: 1.0}  # fmt: skip
    if shares.get(EXIT, 0.0) < LEAST_EXIT:
        largest = max(going, key=lambda name: shares.get(name, 0.0))
        shares[largest] = round(shares[largest] + shares.get(EXIT, 0.0) - LEAST_EXIT, 6)
        shares[EXIT] = LEAST_EXIT
    members: dict[str, Any] = {}
    if different and shares[EXIT] < 1:
        members["bounce"] = round_share(bounce, landed)
    ordered = sorted((name for name in shares if name != EXIT), key=lambda name: (-shares[name], name))
    return members | ({"to": {name: shares[name] for name in ordered}} if ordered else {}) | {"exit": shares[EXIT]}


def is_different(one: float, ones: float, other: float, others: float) -> bool:
    """Whether two shares differ by more than chance."""
    error = sqrt(one * (1 - one) / ones + other * (1 - other) / others + 1e-9)
    return abs(one - other) > DIFFERENT * error


def compose_details(found: Estimates, page: int) -> dict[str, Any]:
    """What a page does beside its steps."""
    members: dict[str, Any] = {}
    if page in found.dwells.pages:
        members["think_time"] = found.dwells.pages[page].write()
    if page in found.slowness:
        factor, error = found.slowness[page]
        members["slowness"] = round_to(factor, factor * error)
    if page in found.errors.pages:
        members["js_errors"] = found.errors.pages[page]
    if page in found.calls.pages:
        members["api"] = [write_call(call) for call in found.calls.pages[page]]
    if page in found.clicks.pages:
        members["clicks"] = found.clicks.pages[page]
    if page in found.custom:
        members["events"] = found.custom[page]
    return members


def write_call(call: dict[str, Any]) -> Any:
    """A call; the short form where it says all."""
    return call if "per_view" in call else f"{call['method']} {call['path']}"
