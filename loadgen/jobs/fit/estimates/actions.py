"""Find the clicks and the JavaScript errors of each page.

Rule: a text is written only if enough visitors had it and it holds no address, token or long number.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import Any, NamedTuple

import numpy as np

from loadgen.jobs.fit.reading.event_details import REJECTED, STACKED
from loadgen.jobs.fit.reading.metadata import CHROMIUM, WEB_VIEW
from loadgen.jobs.fit.reading.recorded import Bools, Floats, Ints, Recorded
from loadgen.jobs.fit.support import find_common, fold_message, holds_secret, round_share, round_to, tally
from loadgen.jobs.fit.visits.visits import Visits
from loadgen.rum import events as rum

EVERYWHERE = 0.5
"""An element on more than this share of the pages belongs to the site, not to a page."""

RARE = 0.005
MOST_CLICKS = 12
FEWEST_WHOLE = 100
"""Sessions within the event limit that are needed to estimate from them how many sessions have errors."""


BURST = 3
"""Clicks on one element within a second that make a burst (Contentsquare's rage clicks)."""

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
"""Names of DOMExceptions (Web IDL); a SyntaxError is one too if a selector is wrong."""


class JsErrors(NamedTuple):
    """Estimates of JavaScript errors: how they cluster in sessions, messages and pages."""

    sessions: float  # share of the sessions with at least one error
    per_session: float  # errors of a session that has any
    messages: int  # distinct messages in one browser engine
    zipf: float
    pages: dict[int, float]  # weights of the pages that differ
    seen: int
    thrown: Counter[str]  # errors by kind of thrown value, in a scenario's words
    common: dict[str, int]  # folded messages with their numbers of visitors, for the report


def find_clicks(recorded: Recorded, visits: Visits, walked: Floats, at_least: int) -> dict[int, list[dict[str, Any]]]:
    """Find the clicks on elements that belong to a page: members of a scenario's Click, by page."""
    events, rows = recorded.events, recorded.find_rows(rum.DOM)
    view = visits.of_event[rows]
    known = (view >= 0) & (events.key[rows] >= 0)
    visitor = recorded.sessions.visitor[events.session[rows[known]]]
    found = zip(visits.page[view[known]].tolist(), events.key[rows[known]].tolist(), strict=True)
    told = tally(zip(found, visitor.tolist(), strict=True))
    where = Counter(key for _, key in told)  # pages that have the element
    busy = max(int((walked >= 50).sum()), 1)
    pages: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for (page, key), (number, people) in sorted(told.items(), key=lambda item: (item[0][0], -item[1][0], item[0][1])):
        _, element, name, css = recorded.keys[key].split("\n")
        if not (name or css) or where[key] > max(EVERYWHERE * busy, 2):
            continue
        share = round_share(min(number / max(walked[page], 1), 1.0), walked[page])
        secret = holds_secret(name + css) or not element.isalnum()
        if share >= RARE and people >= at_least and not secret and len(pages[page]) < MOST_CLICKS:
            parts = {"element": element.upper(), "id": name, "css": css}
            pages[page].append({k: v for k, v in parts.items() if v} | {"per_view": share})
    return dict(pages)


def find_js_errors(recorded: Recorded, cut: Bools, visits: Visits, walked: Floats, at_least: int) -> JsErrors:
    """Estimate how errors cluster in sessions, messages and pages; `cut`: [session], it reached its event limit."""
    events, rows = recorded.events, recorded.find_rows(rum.JS_ERROR)
    share, often = measure_error_sessions(np.bincount(events.session[rows], minlength=len(cut)), cut)
    folded = {key: fold_message(recorded.keys[key].replace("\n", ": ", 1)) for key in np.unique(events.key[rows])
              if key >= 0}  # fmt: skip
    pairs = [(folded[key], session) for key, session in
             zip(events.key[rows].tolist(), events.session[rows].tolist(), strict=True) if key in folded]  # fmt: skip
    visitor = recorded.sessions.visitor.tolist()
    common = find_common(((text, visitor[session]) for text, session in pairs), at_least)
    messages = count_messages(recorded, pairs)
    view = visits.of_event[rows]
    pages = _weigh_pages(visits, events.session[rows[view >= 0]], visits.page[view[view >= 0]], walked)
    numbers = np.array(sorted(messages.values(), reverse=True), dtype=np.float64)
    common = dict(sorted(common.items(), key=lambda item: (-item[1], item[0])))
    thrown = count_thrown(recorded, rows)
    return JsErrors(share, often, max(len(messages), 1), fit_zipf(numbers), pages, len(rows), thrown, common)


def count_messages(recorded: Recorded, pairs: list[tuple[str, int]]) -> Counter[str]:
    """Count the messages of pairs (message, session) in the browser engine that has most of them.

    Each engine words the same error in its own way, so one engine alone shows the number of distinct errors. On iOS all
    browsers are WebKit.
    """
    words, people = [*recorded.words, ""], recorded.sessions
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for text, session in pairs:
        browser, system = words[people.browser[session]], words[people.system[session]]
        webkit = "Safari" in browser or system == "iOS"
        found["WebKit" if webkit else "Gecko" if browser == "Firefox" else "Blink"][text] += 1
    return max(found.values(), key=Counter.total, default=Counter())


def measure_error_sessions(errors: Ints, cut: Bools) -> tuple[float, float]:
    """Return the share of sessions with errors, and the mean errors of such a session; `errors`: [session].

    The event limit hides errors of the sessions that it cuts: if the others have more, they represent all.
    """
    kinds = [errors] if (~cut).sum() < FEWEST_WHOLE else [errors, errors[~cut]]
    found = [(float((each > 0).mean()), float(each.sum() / max((each > 0).sum(), 1))) for each in kinds if len(each)]
    return max(found, key=lambda pair: pair[0] * pair[1], default=(0.0, 0.0))


def count_thrown(recorded: Recorded, rows: Ints) -> Counter[str]:
    """Count JavaScript errors by kind of thrown value, which their names and messages show."""
    keys, codes = recorded.events.key[rows], recorded.events.code[rows].astype(np.int64)
    whole = bool((codes & int(STACKED)).any())  # False: the client was set to leave stacks out
    found: Counter[str] = Counter()
    for (key, code), number in Counter(zip(keys.tolist(), codes.tolist(), strict=True)).items():
        if key >= 0:
            name, _, message = recorded.keys[key].partition("\n")
            stacked = bool(code & int(STACKED)) or not whole
            found[name_thrown(name, message, bool(code & int(REJECTED)), stacked)] += number
    return found


def name_thrown(name: str, message: str, rejected: bool, stacked: bool) -> str:
    """Return the kind of thrown value. The client records a rejection without a file, and no stack unless for an Error.

    A rejected text and an object with a message but no name look the same: a text is assumed, as more likely.
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
    """Return the weights of the pages whose share of errors differs significantly from their share of views."""
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
    """Fit the exponent of a Zipf law to counts (descending, one for each rank) by maximum likelihood."""
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


def find_bursts(recorded: Recorded) -> tuple[Ints, Bools]:
    """Return the rows of clicks, sorted by session, page and element, and whether each belongs to a burst."""
    events, rows = recorded.events, recorded.find_rows(rum.DOM)
    rows = rows[np.lexsort((events.at[rows], events.key[rows], events.number[rows], events.session[rows]))]
    who = np.stack((events.session[rows], events.number[rows], events.key[rows]))
    later, begins = BURST - 1, np.zeros(len(rows), dtype=bool)
    soon = events.at[rows[later:]] - events.at[rows[:-later]] <= 1
    begins[:-later] = (who[:, later:] == who[:, :-later]).all(axis=0) & soon
    bursts = begins.copy()
    for step in range(1, BURST):
        bursts[step:] |= begins[:-step]
    return rows, bursts


def find_named_inputs(recorded: Recorded) -> tuple[int, int]:
    """Count the first inputs by pointer that name their target, and all of them, in Chromium browsers.

    These browsers, alone, name the target only if a script listens for pointer events.
    """
    rows, able = recorded.find_rows(rum.FID), recorded.find_words(recorded.sessions.browser, CHROMIUM | {WEB_VIEW})
    codes = recorded.events.code[rows[able[recorded.events.session[rows]]]]
    return int((codes == 1).sum()), int(np.isfinite(codes).sum())
