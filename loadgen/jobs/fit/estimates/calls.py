"""Find the API calls of each page: how often they are made, how often they fail, and how long they take.

Rule: a call to another host than the pages' is written with its origin. With X-Ray, or with all requests recorded,
every call is an event. Otherwise only failed calls are events, and the number of successful ones is unknown: then the
calls that fail most often are assumed to be made in every view.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Container
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from loadgen.jobs.fit.reading.recorded import Floats, Recorded
from loadgen.jobs.fit.support import holds_secret, round_share, tally
from loadgen.jobs.fit.visits.page_templates import PATTERN_NAME, clean_text, fold_paths, list_values, split_ending
from loadgen.jobs.fit.visits.site import OTHER_PATH, RecordedSite
from loadgen.jobs.fit.visits.visits import Visits
from loadgen.rum import events as rum

METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
RARE = 0.01
"""Calls per view below which a call is left out."""

TOLD = 0.02
"""Share of successful calls among the recorded ones from which all calls are recorded."""

STRAY = 0.1
"""A call with at most this share of another page's rate is a stray: it ended after the visitor had left that page."""

ALIKE = 0.7
"""Failing calls with at least this share of the highest rate of failures are assumed to be made in every view."""

SURELY, RARELY = 5.0, 4.0
"""Standard errors from which a call's failures differ from those of the others; failures with one status that are
expected at least, as there are many statuses."""

HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:\d{1,5})?")

KIND = re.compile("[a-z][a-z0-9]{1,5}")
"""The ending of a file's name, without the dot."""

MOST_CALLS = 12
"""Calls of one page that are written at most."""


class SiteCalls(NamedTuple):
    """The calls of a site."""

    pages: dict[int, list[dict[str, Any]]]  # [page]: members of a scenario's ApiCall
    failures: dict[str, float]  # probability by status
    network: float  # probability of a call without an answer
    seen: int  # calls that the estimates were made from
    whole: bool  # True: successful calls are recorded too
    milliseconds: Floats  # durations of traced calls


class _Call(NamedTuple):
    page: int
    method: str
    path: str


def find_calls(recorded: Recorded, site: RecordedSite, visits: Visits, walked: Floats, at_least: int) -> SiteCalls:
    """Count the calls of each page; `walked`: [page], arrivals with reloads."""
    events = recorded.events
    traced = recorded.find_rows(rum.XRAY)
    rows = traced if len(traced) else recorded.find_rows(rum.HTTP)
    status = events.code[rows]
    whole = bool(len(traced)) or are_told(status)
    named = _name_calls(recorded, site, visits, rows)
    inside = np.array([call is not None for call in named], dtype=bool)
    rows, status, names = rows[inside], status[inside], [call for call in named if call is not None]
    told = tally(zip(names, recorded.sessions.visitor[events.session[rows]].tolist(), strict=True))
    kept = {call: number for call, (number, visitors) in told.items() if visitors >= at_least}
    own = _find_own_failures(names, status, kept) if whole else {}
    if own:
        usual = np.array([call not in own for call in names], dtype=bool)
        rows, status = rows[usual], status[usual]
    rates = _drop_strays({call: number / max(walked[call.page], 1) for call, number in kept.items()})
    failing = {str(int(code)): int(number) for code, number in zip(*np.unique(status, return_counts=True), strict=True)
               if code == 0 or 400 <= code < 600}  # fmt: skip
    if whole:
        shares = {code: number / max(len(rows), 1) for code, number in failing.items()}
    else:
        rates, shares = _guess_rates(rates, kept, walked, failing)
    network = round_share(shares.pop("0", 0.0), len(rows) / max(sum(shares.values()), 1e-9) if not whole else len(rows))
    base = len(rows) if whole else sum(walked)
    failures = {code: round_share(share, base) for code, share in sorted(shares.items())}
    pages = _write_calls(rates, own, walked)
    return SiteCalls(pages, failures, network, len(named), whole, events.value[traced])


def are_told(status: Floats) -> bool:
    """Whether successful calls are among those with these statuses, beside the few that count as failed."""
    return bool(len(status) and ((status >= 200) & (status < 400)).mean() > TOLD)


def _name_calls(recorded: Recorded, site: RecordedSite, visits: Visits, rows: Any) -> list[_Call | None]:
    """Return page, method and path of each call, with placeholders for the page's items; None: unknown."""
    view, keys = visits.of_event[rows], recorded.events.key[rows]
    urls = [split_origin(key.partition(" ")[2], recorded.domains) for key in recorded.keys]
    paths = [path for _, path in urls]
    used = {int(key): 1 for key in np.unique(keys[keys >= 0])}
    shape = {place: each.path for each in fold_paths(paths, used) for place in each.members}

    @cache
    def name(path: int, key: int) -> _Call | None:
        page, method = int(site.of_path[path]), recorded.keys[key].partition(" ")[0]
        named = fill_placeholders(paths[key], shape[key], list_items(site, page, recorded.pages[path]))
        return _Call(page, method, urls[key][0] + named) if method in METHODS else None

    return [name(int(visits.path[row]), key) if row >= 0 and key >= 0 else None
            for row, key in zip(view.tolist(), keys.tolist(), strict=True)]  # fmt: skip


def split_origin(url: str, own: Container[str]) -> tuple[str, str]:
    """Split a call's URL into origin and path; the origin is "" if the pages have it, or if it may not be written."""
    if "://" not in url:
        return "", url
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    told = scheme in ("http", "https") and HOST.fullmatch(host) and not holds_secret(host)
    return f"{scheme}://{host}" if told and host.partition(":")[0] not in own else "", slash + path


def list_items(site: RecordedSite, page: int, path: str) -> dict[str, str]:
    """Return the values behind the placeholders of a page's path, each with its placeholder."""
    template = site.templates[page].path
    return list_values(template, path) if template != OTHER_PATH else {}


def fill_placeholders(path: str, shape: str, items: dict[str, str]) -> str:
    """Replace the page's items in a call's path by placeholders; other variable segments become 0."""
    parts, shapes = path.strip("/").split("/"), shape.strip("/").split("/")
    if len(parts) != len(shapes):
        return PATTERN_NAME.sub("0", shape)
    end = "/" if len(path) > 1 and path.endswith("/") else ""
    return "/" + "/".join(_fill_segment(*pair, items) for pair in zip(parts, shapes, strict=True)) + end


def _fill_segment(part: str, form: str, items: dict[str, str]) -> str:
    stem, ending = split_ending(part)
    if found := items.get(part):
        return found
    if found := items.get(stem):
        return found + ending
    name, dot, rest = part.rpartition(".")
    if dot and KIND.fullmatch(rest) and (found := items.get(name)):
        return f"{found}.{rest}"  # an ending of a file that is no page, such as .m3u8
    return PATTERN_NAME.sub("0", form) if "{" in form else clean_text(form)


def _find_own_failures(names: list[_Call], status: Floats, kept: dict[_Call, int]) -> dict[_Call, dict[str, float]]:
    """Return the failures by status of calls that fail significantly unlike the others, in all or with a status."""
    fails = (status >= 400) & (status < 600)
    by_call: defaultdict[_Call, Counter[int]] = defaultdict(Counter)
    for row in np.flatnonzero(fails).tolist():
        call = names[row]
        if call in kept:
            by_call[call][int(status[row])] += 1
    codes = sorted({code for counts in by_call.values() for code in counts})
    table = np.array([[by_call[call].total(), *(by_call[call][code] for code in codes)] for call in kept], np.float64)
    views = np.array([*kept.values()], np.float64)[:, None]
    expected = views * (np.median(table / views, axis=0) if len(views) else 0.0)
    least = np.where(np.arange(table.shape[-1]) == 0, 1.0, RARELY)
    unlike = np.any(np.abs(table - expected) > SURELY * np.sqrt(np.maximum(expected, least)), axis=1)
    return {call: {str(code): round_share(count / kept[call], kept[call])
                   for code, count in sorted(by_call[call].items())}
            for call, own in zip(kept, np.atleast_1d(unlike).tolist(), strict=True) if own}  # fmt: skip


def _drop_strays(rates: dict[_Call, float]) -> dict[_Call, float]:
    """Drop the rates of stray calls, which belong to the page before."""
    names = {call: (call.method, PATTERN_NAME.sub("0", call.path)) for call in rates}
    highest: dict[tuple[str, str], float] = {}
    for call, rate in rates.items():
        highest[names[call]] = max(highest.get(names[call], 0.0), rate)
    return {call: rate for call, rate in rates.items() if rate > STRAY * highest[names[call]]}


def _guess_rates(
    rates: dict[_Call, float], counts: dict[_Call, int], walked: Floats, failing: dict[str, int]
) -> tuple[dict[_Call, float], dict[str, float]]:
    """Guess the calls per view and the probability of each failure if only failures are recorded."""
    if not rates:
        return {}, {}
    sure = [call for call in rates if counts[call] >= 20] or list(rates)
    top = max(rates[call] for call in sure)
    often = [call for call in sure if rates[call] >= ALIKE * top]
    chance = sum(counts[call] for call in often) / max(sum(walked[call.page] for call in often), 1)
    a_view = {call: min(rate / chance, 1.0) if call not in often else 1.0 for call, rate in rates.items()}
    made = sum(share * walked[call.page] for call, share in a_view.items())
    return a_view, {code: number / max(made, 1) for code, number in failing.items()}


def _write_calls(
    rates: dict[_Call, float], own: dict[_Call, dict[str, float]], walked: Floats
) -> dict[int, list[dict[str, Any]]]:
    """Return the calls of each page as the scenario writes them, the most frequent first."""
    pages: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for call, rate in sorted(rates.items(), key=lambda item: (item[0].page, -item[1], item[0])):
        if rate >= RARE and len(pages[call.page]) < MOST_CALLS:
            failures = {"failures": own[call]} if call in own else {}
            pages[call.page] += [each | failures for each in _write_call(call, rate, walked[call.page])]
    return dict(pages)


def _write_call(call: _Call, rate: float, views: float) -> list[dict[str, Any]]:
    """Return a call as the scenario writes it; a call with more than one per view is written several times."""
    if rate > 1.2:
        return [{"method": call.method, "path": call.path}, *_write_call(call, min(rate - 1, 4.0), views)]
    if rate > 0.96:
        return [{"method": call.method, "path": call.path}]
    share = round_share(rate, views)
    return [{"method": call.method, "path": call.path, "per_view": share}] if share > 0 else []
