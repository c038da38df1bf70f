"""js_error events: few sessions have most of them, and few messages repeat.

Rule: message, file and line of what is thrown or rejected are as the browser tells them and the client notes them.
"""

from __future__ import annotations

import numpy as np
from msgspec import UNSET

from loadgen.rum.events import JS_ERROR, JsError
from loadgen.scenario import ErrorRelease
from loadgen.traffic.block_draws import BlockDraws, Column, EventIds, take_texts, write_each
from loadgen.traffic.draws import Floats, Ints
from loadgen.traffic.js_errors import BrowserEngine, ErrorKind, SiteError
from loadgen.traffic.site import Site
from loadgen.wire.json_templates import write_details

OLD_BROWSER = 1.5
"""Factor on the share of sessions with errors in versions that are not the newest; an estimate."""

MOST_ERRORS = 50
"""Errors of one session, at most."""


def record_js_errors(draws: BlockDraws) -> Column:
    """The errors of a block's own sessions."""
    stream = draws.stream("errors")
    number = np.minimum(_draw_numbers(draws, stream), MOST_ERRORS)
    session = np.repeat(np.arange(len(number)), number)
    uniform = stream.random((3, len(session)))
    view = _find_views(draws, session, uniform[0])
    happens = view >= 0
    view = np.maximum(view, 0)
    engine = draws.crowd.find_engines(draws.people)[session]
    fault = draws.site.error_law.pick(uniform[1], draws.walk.page[view] * len(BrowserEngine) + engine)
    at = draws.place_moments(view, uniform[2] ** 3)
    kept = np.flatnonzero(happens & draws.own_view_mask[view] & draws.time.are_alive(view, at))
    limit = draws.scenario.client.stackTraceLength
    which, words = fault[kept].tolist(), engine[kept].tolist()
    details = write_each(
        lambda place: _make_details(draws.site.errors[which[place]], BrowserEngine(words[place]), limit)
    )
    return Column(JS_ERROR, EventIds("error", kept, len(view)), view[kept], at[kept], details)


def record_released_errors(draws: BlockDraws) -> list[Column]:
    """The errors of releases that throw, one in each page view that is hit."""
    found = []
    for incident, views in draws.struck:
        if isinstance(incident, ErrorRelease):
            view = np.flatnonzero(views & draws.own_view_mask)
            uniform = draws.stream(f"incident/{incident.name}/moment").random(draws.views)[view]
            at = draws.place_moments(view, uniform**3)
            engine = draws.crowd.find_engines(draws.people)[draws.walk.session[view]].tolist()
            fault, limit = make_released_error(incident, draws.site), draws.scenario.client.stackTraceLength
            texts = [write_details(_make_details(fault, words, limit)) for words in BrowserEngine]
            named = EventIds(f"incident/{incident.name}", view, draws.views)
            found.append(Column(JS_ERROR, named, view, at, take_texts([texts[words] for words in engine])))
    return found


def _draw_numbers(draws: BlockDraws, stream: np.random.Generator) -> Ints:
    """Errors of each session: most have none, the others one and a few more; old browsers more often."""
    errors = draws.scenario.telemetry.errors
    old = draws.crowd.are_outdated(draws.people)
    mean = 1 + (OLD_BROWSER - 1) * draws.crowd.outdated_share
    share = np.where(old, OLD_BROWSER, 1.0) / mean * errors.sessions
    prone = stream.random(len(old)) < share
    more = stream.poisson(errors.per_session - 1, len(old))
    return np.where(prone, 1 + more, 0)


def _find_views(draws: BlockDraws, session: Ints, uniform: Floats) -> Ints:
    """The page view of each error, by the pages' weights; -1 where no page of the session throws."""
    weight = np.array([page.js_errors for page in draws.site.pages])[draws.walk.page]
    until = np.concatenate(([0.0], np.cumsum(weight)))
    low, high = until[draws.walk.begins[session]], until[draws.walk.begins[session + 1]]
    found = np.searchsorted(until, low + uniform * (high - low), side="right") - 1
    last = draws.walk.begins[session + 1] - 1
    return np.where(high > low, np.clip(found, draws.walk.begins[session], last), -1)


def _make_details(fault: SiteError, dialect: BrowserEngine, stack_limit: int) -> JsError:
    name, message, stack = fault.describe(dialect)
    kept = stack if len(stack) <= stack_limit else f"{stack[:stack_limit]}..."
    shown = kept if stack_limit and stack else UNSET
    return JsError(name, message, *fault.find_place(dialect), shown)


def make_released_error(incident: ErrorRelease, site: Site) -> SiteError:
    """The error that a release brings, thrown where one of the site's own would be, a few lines or columns on."""
    like = site.errors[0]
    down, right = (0, 211) if site.minified else (3, 0)
    name, message = (text.replace("{", "{{").replace("}", "}}") for text in (incident.type, incident.message))
    kind = ErrorKind("rejected_error" if incident.rejected else "error", name, (message, message, message))
    frames = tuple((name, line + down, column + right) for name, line, column in like.frames)
    return like._replace(kind=kind, line=like.line + down, column=like.column + right, frames=frames)
