"""Compose the draft's pages from the estimates, with files, titles, tags, and the items behind their placeholders."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from math import isfinite, sqrt
from typing import Any

import numpy as np

from loadgen.jobs.fit.drafting.draft import Draft
from loadgen.jobs.fit.estimates.actions import fit_zipf
from loadgen.jobs.fit.estimates.calls import list_items
from loadgen.jobs.fit.estimates.custom_data import find_usual_attributes
from loadgen.jobs.fit.estimates.estimate import Estimates, Seen
from loadgen.jobs.fit.reading.recorded import Bools, Floats, Recorded
from loadgen.jobs.fit.support import Thing, holds_secret, round_share, round_shares, round_to, tally
from loadgen.jobs.fit.visits.page_templates import clean_text
from loadgen.jobs.fit.visits.site import RecordedSite
from loadgen.jobs.fit.visits.visits import Visits
from loadgen.scenario import ApiCall, Click
from loadgen.units import format_count

SAME_TITLE = 0.9
MOST_ITEMS = 100_000
LONGEST_TITLE = 200


def find_titles(recorded: Recorded, site: RecordedSite, visits: Visits, route: Bools, at_least: int) -> dict[int, str]:
    """Find the title of each page, with placeholders for its items.

    A single-page site sets the title after the route change, so the client records the title of the page before: a
    route's own title stands in the route change after it.
    """
    title, visitor = recorded.events.title[visits.row], recorded.sessions.visitor[visits.session]
    follows = ~visits.last & ~np.roll(visits.hard, -1)
    shown = np.where(route[visits.page], np.where(follows, np.roll(title, -1), -1), title)
    found: dict[int, str] = {}
    for page in range(len(site.names)):
        rows = np.flatnonzero((visits.page == page) & (shown >= 0))
        told = tally((fold_title(recorded.titles[shown[row]], list_items(site, page, recorded.pages[visits.path[row]])),
                      int(visitor[row])) for row in rows[:20_000].tolist())  # fmt: skip
        best = max(told, key=lambda text: (told[text][0], text), default="")
        if best.strip() and told[best][1] >= at_least and not holds_secret(best):
            found[page] = best[:LONGEST_TITLE]
    return found


def fold_title(title: str, items: dict[str, str]) -> str:
    """Replace the page's items in a title by placeholders: `Red Shoe` is the item red-shoe."""
    text = clean_text(title)
    for value, placeholder in items.items():
        words = [re.escape(word) for word in re.split(r"[-_+ ]+|%20", value) if word]
        if words:
            text = re.sub(rf"(?i)(?<!\w){'[-_ ]+'.join(words)}(?!\w)", placeholder, text)
    return text


def find_tags(recorded: Recorded, site: RecordedSite, visits: Visits, at_least: int) -> dict[int, list[str]]:
    """Find the tags that nearly all views of a page have."""
    tags = recorded.events.tags[visits.row]
    found = {}
    for page in range(len(site.names)):
        own = tags[visits.page == page]
        known = own[own >= 0]
        if len(known) < SAME_TITLE * max(len(own), 1) or not len(known):
            continue
        usual = int(np.bincount(known).argmax())
        words = recorded.words[usual].split("\n")
        whose = np.unique(recorded.sessions.visitor[visits.session[(visits.page == page) & (tags == usual)]])
        if len(whose) >= at_least and not any(map(holds_secret, words)):
            found[page] = words
    return found


def compose_pools(draft: Draft, recorded: Recorded, site: RecordedSite, visits: Visits) -> None:
    """Compose [pools]: how many items stand behind each placeholder, and how unequal their views are."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    views = np.bincount(visits.path, minlength=len(recorded.pages))
    for path in np.flatnonzero(views).tolist():
        for value, placeholder in list_items(site, int(site.of_path[path]), recorded.pages[path]).items():
            counts[placeholder.strip("{}")][value] += int(views[path])
    for name, items in sorted(counts.items()):
        numbers = np.array(sorted(items.values(), reverse=True), dtype=np.float64)
        size = min(_guess_size(numbers), MOST_ITEMS)
        zipf = fit_zipf(np.concatenate((numbers, np.zeros(max(size - len(numbers), 0)))))
        draft.sections["pools"][name] = {"size": size, "zipf": zipf}
    told = ", ".join(f"{name} {items.total():,}" for name, items in sorted(counts.items()))
    draft.comments["pools"] = f"Items told apart by their paths; views: {told}." if counts else ""


def _guess_size(counts: Floats) -> int:
    """Estimate the number of items, those that nobody happened to see included (Chao's lower bound)."""
    once, twice = int((counts == 1).sum()), int((counts == 2).sum())
    return len(counts) + (once * (once - 1) // (2 * (twice + 1)) if once > 1 else 0)


EXIT = "exit"
LEAST_EXIT = LEAST_STEP = 0.001
STRAY = 0.005
"""Share of a page's steps below which a step that few sessions took is left out."""

DIFFERENT = 2.5
"""Standard errors from which a difference between bounce and exit rate is significant."""


def compose_pages(draft: Draft, seen: Seen, found: Estimates, at_least: int) -> None:
    """Compose [pages], only with pages that a visit can reach."""
    site, steps = seen.site, seen.steps
    recorded, known = seen.recorded, seen.settings.attributes
    visitor = recorded.sessions.visitor[seen.visits.session]
    reached = sorted(find_reached(np.flatnonzero(steps.entries > 0).tolist(),
                                  lambda page: np.flatnonzero(steps.to[page] >= 0.5).tolist()))  # fmt: skip
    entries = steps.entries / max(steps.entries.sum(), 1)
    titles = find_titles(recorded, site, seen.visits, seen.route, at_least)
    tags = find_tags(recorded, site, seen.visits, at_least)
    files = found.files
    if files.usual:
        draft.sections["telemetry"]["resources"] = files.usual
    for page in reached:
        name, template = site.names[page], site.templates[page]
        own = np.flatnonzero(seen.visits.page == page)
        attributes = recorded.events.attributes[seen.visits.row[own]]
        told = {
            "title": titles.get(page),
            "tags": tags.get(page),
            "attributes": find_usual_attributes(recorded.words, attributes, visitor[own], known, at_least),
            "route": bool(seen.route[page]),
            "entry": round_to(100 * entries[page], 100 * sqrt(entries[page] / max(steps.entries.sum(), 1))),
        }
        members: dict[str, Any] = {"path": template.path} | {key: value for key, value in told.items() if value}
        members |= compose_steps(seen, page, reached)
        members |= compose_details(found, page)
        if page in found.shortcuts.ahead:
            members["link"] = {"prerender": found.shortcuts.ahead[page]}
        drop_known_metadata(members, known)
        if page in files.pages and files.pages[page] != files.usual:
            members["resources"] = files.pages[page]
        draft.pages[name] = members
        paths = f"{len(template.members):,} paths, " if len(template.members) > 1 else ""
        draft.comments[f"pages.{name}"] = f"{paths}{len(own):,} views, {format_count(steps.entries[page])} landings."
        if page in found.dwells.pages and (law := found.dwells.pages[page]).bounded:
            left = f"think time: {law.number:,} last pages that were left before their events were sent"
            draft.note(f"pages.{name}", left)
    drop_unreached(draft)


def drop_unreached(draft: Draft) -> None:
    """Drop the pages that no visit can reach any more after shares were rounded."""
    starts = {name for name, page in draft.pages.items() if page.get("entry")}
    known = find_reached(starts, lambda name: draft.pages[name].get("to", {})) if starts else set(draft.pages)
    draft.pages = {name: page for name, page in draft.pages.items() if name in known}


def find_reached(starts: Iterable[Thing], list_next: Callable[[Thing], Iterable[Thing]]) -> set[Thing]:
    """Return what can be reached from the starts."""
    known = set(starts)
    fresh = known
    while fresh:
        fresh = {target for each in fresh for target in list_next(each)} - known
        known = known | fresh
    return known


def compose_steps(seen: Seen, page: int, reached: list[int]) -> dict[str, Any]:
    """Compose a page's to, exit and bounce."""
    steps, names = seen.steps, seen.site.names
    least = min(seen.at_least, STRAY * float(steps.to[page].sum()))  # tabs and returns make a few steps that are none
    going = {names[other]: float(steps.to[page, other])
             for other in reached if steps.to[page, other] >= max(least, 0.5)}  # fmt: skip
    total, decided, landed = sum(going.values()), steps.decisions[page], steps.landings[page]
    bounce = float(steps.leaving.bounce[page]) if landed else float("nan")
    leave = float(steps.leaving.exit[page]) if decided else bounce
    leave = min(leave, 1 - LEAST_STEP) if isfinite(leave) and total else 1.0
    different = bool(landed and decided and total) and is_different(bounce, landed, leave, decided)
    if landed and decided and total and not different:
        leave = (bounce * landed + leave * decided) / (landed + decided)
        decided = landed + decided
    shares = round_shares({**{name: count / total * (1 - leave) for name, count in going.items()}, EXIT: leave},
                          max(decided, total)) if total else {EXIT: 1.0}  # fmt: skip
    largest = max(going, key=lambda name: (going[name], name), default="")
    if largest and shares.keys() == {EXIT}:
        shares = {largest: LEAST_STEP, EXIT: 1 - LEAST_STEP}
    if shares.get(EXIT, 0.0) < LEAST_EXIT:
        shares[largest] = round(shares[largest] + shares.get(EXIT, 0.0) - LEAST_EXIT, 6)
        shares[EXIT] = LEAST_EXIT
    members: dict[str, Any] = {}
    if different and shares[EXIT] < 1:
        members["bounce"] = round_share(bounce, landed)
    ordered = sorted((name for name in shares if name != EXIT), key=lambda name: (-shares[name], name))
    return members | ({"to": {name: shares[name] for name in ordered}} if ordered else {}) | {"exit": shares[EXIT]}


def is_different(one: float, ones: float, other: float, others: float) -> bool:
    """Whether two shares differ significantly."""
    variances = []
    for share, number in ((one, ones), (other, others)):
        likely = (share * number + 1) / (number + 2)  # never 0 or 1, even with few observations
        variances.append(likely * (1 - likely) / number)
    return abs(one - other) > DIFFERENT * sqrt(sum(variances))


def compose_details(found: Estimates, page: int) -> dict[str, Any]:
    """Compose a page's other members: think time, slowness, document, errors, calls, clicks and custom events."""
    law, slowness = found.dwells.pages.get(page), found.slowness.get(page)
    told = {
        "think_time": law.write() if law else None,
        "slowness": round_to(slowness[0], slowness[0] * slowness[1]) if slowness else None,
        **found.documents.get(page, {}),
        "js_errors": found.errors.pages.get(page),
        "api": [write_call(call) for call in found.calls.pages.get(page, [])] or None,
        "clicks": [drop_default(click, "element", Click) for click in found.clicks.get(page, [])] or None,
        "events": found.custom.get(page),
    }
    return {name: value for name, value in told.items() if value is not None}


def drop_known_metadata(members: dict[str, Any], known: frozenset[str]) -> None:
    """Drop from custom events' metadata the attributes that their page or all sessions have."""
    for event in members.get("events", ()):
        metadata = event.pop("metadata", {})
        if own := sorted(metadata.keys() - known - members.get("attributes", {}).keys()):
            event["metadata"] = {name: metadata[name] for name in own}


def write_call(call: dict[str, Any]) -> Any:
    """Return a call as the scenario writes it, in the short form if that is enough."""
    whole = drop_default(call, "method", ApiCall)
    return whole if call.keys() & {"per_view", "failures"} else f"{call['method']} {call['path']}"


def drop_default(members: dict[str, Any], name: str, section: type[ApiCall | Click]) -> dict[str, Any]:
    """Return members without one that has the format's default value."""
    usual = section.model_fields[name].default
    return {key: value for key, value in members.items() if key != name or value != usual}
