"""js_error events: few sessions have most of the errors, and few messages most of the repetitions.

Rule: message, file and line of an error are those that the browser reports and the client records.
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
"""Factor on the share of sessions with errors for browsers of uncommon versions; an estimate."""

MOST_ERRORS = 50
"""The most errors of one session."""


def record_js_errors(draws: BlockDraws) -> Column:
    """Record the errors of a block's own sessions."""
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
    write_texts = write_each(
        lambda place: _make_details(draws.site.errors[which[place]], BrowserEngine(words[place]), limit)
    )
    return Column(JS_ERROR, EventIds("error", kept, len(view)), view[kept], at[kept], write_texts)


def record_released_errors(draws: BlockDraws) -> list[Column]:
    """Record the errors of incidents (releases with an error), one in each page view that is hit."""
    columns = []
    for incident, views in draws.struck:
        if isinstance(incident, ErrorRelease):
            view = np.flatnonzero(views & draws.own_view_mask)
            uniform = draws.stream(f"incident/{incident.name}/moment").random(draws.views)[view]
            at = draws.place_moments(view, uniform**3)
            engine = draws.crowd.find_engines(draws.people)[draws.walk.session[view]].tolist()
            fault, limit = make_released_error(incident, draws.site), draws.scenario.client.stackTraceLength
            texts = [write_details(_make_details(fault, words, limit)) for words in BrowserEngine]
            named = EventIds(f"incident/{incident.name}", view, draws.views)
            columns.append(Column(JS_ERROR, named, view, at, take_texts([texts[words] for words in engine])))
    return columns


def _draw_numbers(draws: BlockDraws, stream: np.random.Generator) -> Ints:
    """Draw the number of errors of each session: most have none, others have one or a few; old browsers more often."""
    errors = draws.scenario.telemetry.errors
    old = draws.crowd.are_outdated(draws.people)
    mean = 1 + (OLD_BROWSER - 1) * draws.crowd.outdated_share
    share = np.where(old, OLD_BROWSER, 1.0) / mean * errors.sessions
    prone = stream.random(len(old)) < share
    more = stream.poisson(errors.per_session - 1, len(old))
    return np.where(prone, 1 + more, 0)


def _find_views(draws: BlockDraws, session: Ints, uniform: Floats) -> Ints:
    """Find the page view of each error, by the pages' weights; -1 if no page of the session has a weight."""
    weight = np.array([page.js_errors for page in draws.site.pages])[draws.walk.page]
    until = np.concatenate(([0.0], np.cumsum(weight)))
    low, high = until[draws.walk.begins[session]], until[draws.walk.begins[session + 1]]
    view = np.searchsorted(until, low + uniform * (high - low), side="right") - 1
    last = draws.walk.begins[session + 1] - 1
    return np.where(high > low, np.clip(view, draws.walk.begins[session], last), -1)


def _make_details(fault: SiteError, dialect: BrowserEngine, stack_limit: int) -> JsError:
    name, message, stack = fault.describe(dialect)
    kept = stack if len(stack) <= stack_limit else f"{stack[:stack_limit]}..."
    shown = kept if stack_limit and stack else UNSET
    return JsError(name, message, *fault.find_place(dialect), shown)


def make_released_error(incident: ErrorRelease, site: Site) -> SiteError:
    """Make the error of an incident; it is thrown a few lines or columns behind one of the site's own errors."""
    model_error = site.errors[0]
    down, right = (0, 211) if site.minified else (3, 0)
    name, message = (text.replace("{", "{{").replace("}", "}}") for text in (incident.type, incident.message))
    kind = ErrorKind("rejected_error" if incident.rejected else "error", name, (message, message, message))
    frames = tuple((name, line + down, column + right) for name, line, column in model_error.frames)
    return model_error._replace(
        kind=kind, line=model_error.line + down, column=model_error.column + right, frames=frames
    )
