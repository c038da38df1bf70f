"""What visitors and pages do meanwhile: clicks, custom events, JavaScript errors.

Rule: what a page's items explain becomes a placeholder; any other text is written only when enough sessions had it and
it holds no address, token or long number.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import Any, NamedTuple

import msgspec
import numpy as np

from loadgen.jobs.fit.attributes import find_usual_attributes
from loadgen.jobs.fit.calls import list_items
from loadgen.jobs.fit.event_details import REJECTED, STACKED
from loadgen.jobs.fit.recorded import Floats, Ints, Recorded
from loadgen.jobs.fit.support import find_common, fold_message, holds_secret, round_share, round_to
from loadgen.jobs.fit.visits import RecordedSite, Visits, find_views
from loadgen.rum import events as rum

EVERYWHERE = 0.5
"""An element on so many of the pages is the site's and not a page's."""

RARE = 0.005
MOST_CLICKS, MOST_EVENTS, MOST_EXAMPLES = 12, 20, 5_000
CUSTOM_TYPE = re.compile(r"[A-Za-z0-9_.-]{1,256}")
"""What RUM takes as the type of a custom event, and so do scenarios."""


SCRIPT_ERROR, UNHANDLED = "Script error.", "unhandledrejection"
UNCAUGHT = re.compile("^(Uncaught |uncaught exception: )")
SELECTOR = re.compile("valid selector|expected pattern")
OBJECT = re.compile(r"\[object |Object$")
PLAIN_NUMBER = re.compile(r"-?\d+(\.\d+)?|NaN|-?Infinity")
DOM_EXCEPTIONS = frozenset(
    """
    AbortError ConstraintError DataCloneError DataError EncodingError HierarchyRequestError InUseAttributeError
    IndexSizeError InvalidAccessError InvalidCharacterError InvalidModificationError InvalidNodeTypeError
    InvalidStateError NamespaceError NetworkError NoModificationAllowedError NotAllowedError NotFoundError
    NotReadableError NotSupportedError OperationError OptOutError QuotaExceededError ReadOnlyError SecurityError
    TimeoutError TransactionInactiveError UnknownError VersionError WrongDocumentError
    """.split()  # noqa: SIM905  a list of 31 quoted names would fill a screen
)
"""Names of DOMExceptions (Web IDL); SyntaxError is one too where a selector is wrong."""


class JsErrors(NamedTuple):
    """How errors cluster."""

    sessions: float  # share with at least one
    per_session: float
    messages: int  # distinct ones
    zipf: float
    pages: dict[int, float]  # weight of pages that are not usual
    seen: int
    thrown: Counter[str]  # errors by what was thrown, in the words of a scenario
    common: dict[str, int]  # folded messages and in how many sessions; for the report


def find_clicks(recorded: Recorded, visits: Visits, walked: Floats, at_least: int) -> dict[int, list[dict[str, Any]]]:
    """Clicks on elements that belong to a page: members of a scenario's Click."""
    events, rows = recorded.events, recorded.rows_of(rum.DOM)
    view = find_views(visits, events.session[rows], events.number[rows])
    counts: Counter[tuple[int, int]] = Counter()
    sessions: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
    known = (view >= 0) & (events.key[rows] >= 0)
    for page, key, session in zip(
        visits.page[view[known]].tolist(), events.key[rows[known]].tolist(), events.session[rows[known]].tolist(),
        strict=True,
    ):  # fmt: skip
        counts[page, key] += 1
        sessions[page, key].add(session)
    where: defaultdict[int, set[int]] = defaultdict(set)
    for page, key in counts:
        where[key].add(page)
    busy = max(int((walked >= 50).sum()), 1)
    pages: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for (page, key), number in sorted(counts.items(), key=lambda item: (item[0][0], -item[1], item[0][1])):
        _, element, name, css = recorded.keys[key].split("\n")
        if not (name or css) or (len(where[key]) > EVERYWHERE * busy and len(where[key]) > 2):
            continue
        share = round_share(min(number / max(walked[page], 1), 1.0), walked[page])
        secret = holds_secret(name + css) or not element.isalnum()
        if share >= RARE and len(sessions[page, key]) >= at_least and not secret and len(pages[page]) < MOST_CLICKS:
            parts = {"element": element.upper(), "id": name, "css": css}
            pages[page].append({k: v for k, v in parts.items() if v} | {"per_view": share})
    return dict(pages)


def find_custom_events(
    recorded: Recorded, site: RecordedSite, visits: Visits, walked: Floats, at_least: int
) -> dict[int, list[dict[str, Any]]]:
    """Custom events by page: members of a scenario's CustomEvent."""
    events = recorded.events
    pages: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for name in sorted(name for name in recorded.types if not name.startswith(rum.EVENT_PREFIX)):
        rows = recorded.rows_of(name)
        if len(np.unique(events.session[rows])) < at_least or holds_secret(name) or not CUSTOM_TYPE.fullmatch(name):
            continue
        view = find_views(visits, events.session[rows], events.number[rows])
        for page in np.unique(visits.page[view[view >= 0]]).tolist():
            own = np.flatnonzero((view >= 0) & (visits.page[np.maximum(view, 0)] == page))
            share = len(own) / max(walked[page], 1)
            if share < RARE or len(np.unique(events.session[rows[own]])) < at_least or len(pages[page]) >= MOST_EVENTS:
                continue
            details = _find_details(recorded, site, visits, page, (rows[own], view[own]), at_least)
            own_rows = rows[own]
            metadata = find_usual_attributes(
                recorded.words, events.attributes[own_rows], events.session[own_rows], (), at_least
            )
            parts = {"details": details, "metadata": metadata}
            written = {"type": name} | {part: value for part, value in parts.items() if value}
            share = round_share(min(share, 1.0), walked[page])
            pages[page].append(written if share > 0.96 else {"type": name, "per_view": share} | written)
    return dict(pages)


def _find_details(
    recorded: Recorded, site: RecordedSite, visits: Visits, page: int, where: tuple[Any, Any], at_least: int
) -> dict[str, Any]:
    """The usual members of a custom event's object."""
    values: defaultdict[str, list[tuple[Any, int]]] = defaultdict(list)
    examples = list(zip(*(part[:MOST_EXAMPLES].tolist() for part in where), strict=True))
    for row, view in examples:
        key = int(recorded.events.key[row])
        try:
            found = msgspec.json.decode(recorded.keys[key]) if key >= 0 else None
        except msgspec.DecodeError:
            continue  # longer than what is kept
        items = list_items(site, page, recorded.pages[visits.path[view]])
        for name, value in found.items() if isinstance(found, dict) else ():
            value = items.get(value, value) if isinstance(value, str) else value
            values[name].append((value, int(recorded.events.session[row])))
    told = [name for name, found in values.items() if len(found) > len(examples) / 2 and not holds_secret(name)]
    usual = {name: _find_usual(values[name], at_least) for name in told if count_sessions(values[name]) >= at_least}
    return {name: value for name, value in usual.items() if value is not None}


def count_sessions(values: list[tuple[Any, int]]) -> int:
    """How many sessions have these values."""
    return len({session for _, session in values})


def _find_usual(values: list[tuple[Any, int]], at_least: int) -> Any:
    """The most common value, if it may be told; the middle one of numbers that differ."""
    texts = [(msgspec.json.encode(value).decode(), session) for value, session in values]
    common = find_common(texts, at_least)
    best = max(common, key=lambda text: (common[text], text), default=None)
    if best is not None:
        value = msgspec.json.decode(best)
        if isinstance(value, bool) or (isinstance(value, int | float) and abs(value) < 1000):
            return value
        if isinstance(value, str) and not holds_secret(value) and ("{" not in value or value.startswith("{")):
            return value
    whose = [pair for pair in values if isinstance(pair[0], int | float) and not isinstance(pair[0], bool)]
    numbers = [value for value, _ in whose]
    if len(numbers) >= 0.9 * len(values) and count_sessions(whose) >= at_least:
        middle = float(np.median(numbers))
        rounded = round_to(middle, max(float(np.std(numbers)), abs(middle) * 0.1))
        return int(rounded) if rounded == int(rounded) else rounded
    return None


def find_js_errors(recorded: Recorded, site: RecordedSite, visits: Visits, walked: Floats, at_least: int) -> JsErrors:
    """How errors cluster in sessions, messages and pages."""
    events, rows = recorded.events, recorded.rows_of(rum.JS_ERROR)
    count = len(recorded.sessions.user)
    hit = np.unique(events.session[rows])
    folded = {key: fold_message(recorded.keys[key].replace("\n", ": ", 1)) for key in np.unique(events.key[rows])
              if key >= 0}  # fmt: skip
    pairs = [(folded[key], session) for key, session in
             zip(events.key[rows].tolist(), events.session[rows].tolist(), strict=True) if key in folded]  # fmt: skip
    common = find_common(pairs, at_least)
    messages = Counter(text for text, _ in pairs)
    view = find_views(visits, events.session[rows], events.number[rows])
    pages = _weigh_pages(visits, events.session[rows[view >= 0]], visits.page[view[view >= 0]], walked)
    numbers = np.array(sorted(messages.values(), reverse=True), dtype=np.float64)
    return JsErrors(
        len(hit) / max(count, 1),
        len(rows) / max(len(hit), 1),
        max(len(messages), 1),
        fit_zipf(numbers),
        pages,
        len(rows),
        count_thrown(recorded, rows),
        dict(sorted(common.items(), key=lambda item: (-item[1], item[0]))),
    )


def count_thrown(recorded: Recorded, rows: Ints) -> Counter[str]:
    """What was thrown, by names and messages of JavaScript errors."""
    keys, codes = recorded.events.key[rows], recorded.events.code[rows].astype(np.int64)
    whole = bool((codes & int(STACKED)).any())  # else the client was told to leave stacks out
    found: Counter[str] = Counter()
    for (key, code), number in Counter(zip(keys.tolist(), codes.tolist(), strict=True)).items():
        if key >= 0:
            name, _, message = recorded.keys[key].partition("\n")
            stacked = bool(code & int(STACKED)) or not whole
            found[name_thrown(name, message, bool(code & int(REJECTED)), stacked)] += number
    return found


def name_thrown(name: str, message: str, rejected: bool, stacked: bool) -> str:
    """What was thrown: the client notes a rejection without a file, and what is no Error without a stack.

    A rejected text and an object with a message and no name look alike: a text is the likelier.
    """
    if message == SCRIPT_ERROR:
        return "foreign"
    text = UNCAUGHT.sub("", message)
    if name in DOM_EXCEPTIONS or (name == "SyntaxError" and SELECTOR.search(message)):
        thing = "exception"
    elif text in ("undefined", "null"):
        thing = "nothing"
    elif name in (message, UNHANDLED):
        thing = "number" if PLAIN_NUMBER.fullmatch(text) else "text"
    else:
        thing = "error" if stacked and not OBJECT.match(text) else "object"
    return f"rejected_{thing}" if rejected else thing


def _weigh_pages(visits: Visits, session: Ints, page: Ints, walked: Floats) -> dict[int, float]:
    """Weights of the pages whose share of their sessions' errors is surely not that of their views."""
    again = 1.0 + visits.reloads + visits.links
    errors = np.bincount(session, minlength=int(visits.session.max(initial=-1)) + 1)[visits.session]
    views = np.bincount(visits.session, weights=again)[visits.session]
    expected = np.bincount(visits.page, weights=errors * again / np.maximum(views, 1), minlength=len(walked))
    found: dict[int, float] = {}
    for each, number in enumerate(np.bincount(page, minlength=len(walked)).tolist()):
        if expected[each] > 5 and abs(number - expected[each]) > 4 * np.sqrt(expected[each]):
            found[each] = round_to(number / expected[each], float(np.sqrt(max(number, 1)) / expected[each]))
    return found


def fit_zipf(counts: Floats) -> float:
    """The exponent of a Zipf law over as many ranks as there are counts (descending), by maximum likelihood."""
    if len(counts) < 3 or not counts.sum():
        return 0.0
    logarithms = np.log(np.arange(1, len(counts) + 1))
    mean = float((counts * logarithms).sum() / counts.sum())
    low, high = 0.0, 5.0
    for _ in range(40):
        middle = (low + high) / 2
        weights = np.exp(-middle * logarithms)
        low, high = (middle, high) if (weights * logarithms).sum() / weights.sum() > mean else (low, middle)
    return round(low, 2)
