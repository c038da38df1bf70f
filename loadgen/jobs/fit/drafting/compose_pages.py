"""Compose the draft's pages from the estimates, with files, titles, tags, and the items behind their placeholders."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from math import isfinite, sqrt
from typing import Any, NamedTuple

import numpy as np

from loadgen.jobs.fit.drafting.draft import Draft
from loadgen.jobs.fit.estimates.actions import fit_zipf
from loadgen.jobs.fit.estimates.calls import list_items
from loadgen.jobs.fit.estimates.custom_data import find_usual_attributes
from loadgen.jobs.fit.estimates.estimate import Estimates, Seen
from loadgen.jobs.fit.reading.recorded import Bools, Floats, Recorded
from loadgen.jobs.fit.support import holds_secret, round_share, round_shares, round_to
from loadgen.jobs.fit.visits.page_templates import clean_text
from loadgen.jobs.fit.visits.site import RecordedSite
from loadgen.jobs.fit.visits.visits import Visits
from loadgen.scenario import ApiCall, Click
from loadgen.units import format_count

SAME_TITLE = 0.9
MOST_ITEMS = 100_000
LONGEST_TITLE = 200


class ItemPool(NamedTuple):
    """The pool of items behind a placeholder."""

    size: int
    zipf: float
    views: int


def find_titles(recorded: Recorded, site: RecordedSite, visits: Visits, route: Bools, at_least: int) -> dict[int, str]:
    """Find the title of each page, with placeholders for its items.

    A single-page site sets the title after the route change, so the client records the title of the page before: a
    route's own title stands in the route change after it.
    """
    title, visitor = recorded.events.title[visits.row], recorded.sessions.visitor[visits.session]
    follows = np.append((visits.session[1:] == visits.session[:-1]) & ~visits.hard[1:], False)
    shown = np.where(route[visits.page], np.where(follows, np.roll(title, -1), -1), title)
    found: dict[int, str] = {}
    for page in range(len(site.names)):
        rows = np.flatnonzero((visits.page == page) & (shown >= 0))
        counts: Counter[str] = Counter()
        whose: defaultdict[str, set[int]] = defaultdict(set)
        for row in rows[:20_000].tolist():
            items = list_items(site, page, recorded.pages[visits.path[row]])
            text = fold_title(recorded.titles[shown[row]], items)
            counts[text] += 1
            whose[text].add(int(visitor[row]))
        best = max(counts, key=lambda text: (counts[text], text), default="")
        if best.strip() and len(whose[best]) >= at_least and not holds_secret(best):
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


def find_page_attributes(seen: Seen, page: int) -> dict[str, Any]:
    """Find the attributes that a page adds to the metadata of its events."""
    events, rows, known = seen.recorded.events, seen.visits.row[seen.visits.page == page], seen.settings.attributes
    places, visitor = events.attributes[rows], seen.recorded.sessions.visitor[events.session[rows]]
    return find_usual_attributes(seen.recorded.words, places, visitor, known, seen.at_least)


def find_pools(recorded: Recorded, site: RecordedSite, visits: Visits) -> dict[str, ItemPool]:
    """Estimate how many items stand behind each placeholder, and how unequal their views are."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    views = np.bincount(visits.path, minlength=len(recorded.pages))
    for path in np.flatnonzero(views).tolist():
        for value, placeholder in list_items(site, int(site.of_path[path]), recorded.pages[path]).items():
            counts[placeholder.strip("{}")][value] += int(views[path])
    found = {}
    for name, items in counts.items():
        numbers = np.array(sorted(items.values(), reverse=True), dtype=np.float64)
        size = min(_guess_size(numbers), MOST_ITEMS)
        padded = np.concatenate((numbers, np.zeros(max(size - len(numbers), 0))))
        found[name] = ItemPool(size, fit_zipf(padded), int(numbers.sum()))
    return found


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
    reached = find_reached(steps.entries, steps.to)
    entries = steps.entries / max(steps.entries.sum(), 1)
    titles = find_titles(seen.recorded, site, seen.visits, seen.route, at_least)
    tags = find_tags(seen.recorded, site, seen.visits, at_least)
    files = found.files
    if files.usual:
        draft.sections["telemetry"]["resources"] = files.usual
    for page in reached:
        name, template = site.names[page], site.templates[page]
        members: dict[str, Any] = {"path": template.path}
        if page in titles:
            members["title"] = titles[page]
        if page in tags:
            members["tags"] = tags[page]
        if attributes := find_page_attributes(seen, page):
            members["attributes"] = attributes
        if seen.route[page]:
            members["route"] = True
        if entries[page]:
            members["entry"] = round_to(100 * entries[page], 100 * sqrt(entries[page] / max(steps.entries.sum(), 1)))
        members |= compose_steps(seen, page, reached)
        members |= compose_details(found, page)
        if page in found.shortcuts.ahead:
            members["link"] = {"prerender": found.shortcuts.ahead[page]}
        drop_known_metadata(members, seen.settings.attributes)
        if page in files.pages and files.pages[page] != files.usual:
            members["resources"] = files.pages[page]
        draft.pages[name] = members
        draft.comments[f"pages.{name}"] = describe_page(seen, page)
        if page in found.dwells.pages and (law := found.dwells.pages[page]).bounded:
            draft.note(
                f"pages.{name}", f"think time: {law.number:,} last pages that were left before their events were sent"
            )
    drop_unreached(draft)


def drop_unreached(draft: Draft) -> None:
    """Drop the pages that no visit can reach any more after shares were rounded."""
    fresh = {name for name, page in draft.pages.items() if page.get("entry")}
    known = fresh or set(draft.pages)
    while fresh:
        fresh = {target for name in fresh for target in draft.pages[name].get("to", {})} - known
        known |= fresh
    draft.pages = {name: page for name, page in draft.pages.items() if name in known}


def describe_page(seen: Seen, page: int) -> str:
    """Describe the data behind a page."""
    template = seen.site.templates[page]
    views = int((seen.visits.page == page).sum())
    made = f"{len(template.members):,} paths, " if len(template.members) > 1 else ""
    return f"{made}{views:,} views, {format_count(seen.steps.entries[page])} landings."


def find_reached(entries: Floats, to: Floats) -> list[int]:
    """Return the pages that a visit can reach, in order."""
    known = set(np.flatnonzero(entries > 0).tolist())
    fresh = set(known)
    while fresh:
        fresh = {int(each) for page in fresh for each in np.flatnonzero(to[page] >= 0.5)} - known
        known |= fresh
    return sorted(known)


def compose_steps(seen: Seen, page: int, reached: list[int]) -> dict[str, Any]:
    """Compose a page's to, exit and bounce."""
    steps, names = seen.steps, seen.site.names
    least = min(seen.at_least, STRAY * float(steps.to[page].sum()))  # tabs and returns make a few steps that are none
    going = {
        names[other]: float(steps.to[page, other]) for other in reached if steps.to[page, other] >= max(least, 0.5)
    }
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
    members: dict[str, Any] = {}
    if page in found.dwells.pages:
        members["think_time"] = found.dwells.pages[page].write()
    if page in found.slowness:
        factor, error = found.slowness[page]
        members["slowness"] = round_to(factor, factor * error)
    members |= found.documents.get(page, {})
    if page in found.errors.pages:
        members["js_errors"] = found.errors.pages[page]
    if page in found.calls.pages:
        members["api"] = [write_call(call) for call in found.calls.pages[page]]
    if page in found.clicks:
        members["clicks"] = [drop_default(click, "element", Click) for click in found.clicks[page]]
    if page in found.custom:
        members["events"] = found.custom[page]
    return members


def drop_known_metadata(members: dict[str, Any], known: frozenset[str]) -> None:
    """Drop from custom events' metadata the attributes that their page or all sessions have."""
    for event in members.get("events", ()):
        metadata = event.pop("metadata", {})
        if own := sorted(metadata.keys() - known - members.get("attributes", {}).keys()):
            event["metadata"] = {name: metadata[name] for name in own}


def write_call(call: dict[str, Any]) -> Any:
    """Return a call as the scenario writes it, in the short form if that is enough."""
    return (
        drop_default(call, "method", ApiCall)
        if call.keys() & {"per_view", "failures"}
        else (f"{call['method']} {call['path']}")
    )


def drop_default(members: dict[str, Any], name: str, section: type[ApiCall | Click]) -> dict[str, Any]:
    """Return members without one that has the format's default value."""
    usual = section.model_fields[name].default
    return {key: value for key, value in members.items() if key != name or value != usual}
