"""js_error events: few sessions have most of them, and few messages repeat.

Rule: an unhandled rejection has no file and line; the message is worded as the browser words it.
"""

from __future__ import annotations

import numpy as np
from msgspec import UNSET

from loadgen.rum.events import JS_ERROR, JsError
from loadgen.scenario import ErrorRelease
from loadgen.traffic.draws import Floats, Ints
from loadgen.traffic.js_errors import Dialect, Fault, Kind
from loadgen.traffic.site import Site
from loadgen.traffic.telemetry.block_draws import Scene
from loadgen.traffic.telemetry.column import Column, Named, take_texts, write_each
from loadgen.wire.json_templates import write_details

OLD_BROWSER = 1.5
"""Factor on the share of sessions with errors in versions that are not the newest; an estimate."""

MOST_ERRORS = 50
"""Errors of one session, at most."""


def js_errors(scene: Scene) -> Column:
    """The errors of a block's own sessions."""
    stream = scene.stream("errors")
    number = np.minimum(_numbers(scene, stream), MOST_ERRORS)
    session = np.repeat(np.arange(len(number)), number)
    uniform = stream.random((3, len(session)))
    view = _where(scene, session, uniform[0])
    happens = view >= 0
    view = np.maximum(view, 0)
    engine = scene.crowd.dialects(scene.people)[session]
    fault = scene.site.fault.pick(uniform[1], scene.walk.page[view] * len(Dialect) + engine)
    after = np.floor(scene.visible[view] * uniform[2] ** 3).astype(np.int64)
    at = scene.time.awake(view, after)
    kept = np.flatnonzero(happens & scene.own_view_mask[view] & scene.time.alive(view, at))
    limit = scene.scenario.client.stackTraceLength
    which, words = fault[kept].tolist(), engine[kept].tolist()
    details = write_each(lambda place: _details(scene.site.faults[which[place]], Dialect(words[place]), limit))
    return Column(JS_ERROR, Named("error", kept, len(view)), view[kept], at[kept], details)


def thrown(scene: Scene) -> list[Column]:
    """The errors of releases that throw, one in each page view that is hit."""
    found = []
    for incident, views in scene.struck:
        if isinstance(incident, ErrorRelease):
            view = np.flatnonzero(views & scene.own_view_mask)
            uniform = scene.stream(f"incident/{incident.name}/moment").random(scene.views)[view]
            at = scene.time.awake(view, np.floor(scene.visible[view] * uniform**3).astype(np.int64))
            engine = scene.crowd.dialects(scene.people)[scene.walk.session[view]].tolist()
            fault, limit = released(incident, scene.site), scene.scenario.client.stackTraceLength
            texts = [write_details(_details(fault, words, limit)) for words in Dialect]
            named = Named(f"incident/{incident.name}", view, scene.views)
            found.append(Column(JS_ERROR, named, view, at, take_texts([texts[words] for words in engine])))
    return found


def _numbers(scene: Scene, stream: np.random.Generator) -> Ints:
    """Errors of each session: most have none, the others one and a few more; old browsers more often."""
    errors = scene.scenario.telemetry.errors
    old = scene.crowd.outdated(scene.people)
    mean = 1 + (OLD_BROWSER - 1) * scene.crowd.outdated_share
    share = np.where(old, OLD_BROWSER, 1.0) / mean * errors.sessions
    prone = stream.random(len(old)) < share
    more = stream.poisson(errors.per_session - 1, len(old))
    return np.where(prone, 1 + more, 0)


def _where(scene: Scene, session: Ints, uniform: Floats) -> Ints:
    """The page view of each error, by the pages' weights; -1 where no page of the session throws."""
    weight = np.array([page.js_errors for page in scene.site.pages])[scene.walk.page]
    until = np.concatenate(([0.0], np.cumsum(weight)))
    low, high = until[scene.walk.begins[session]], until[scene.walk.begins[session + 1]]
    found = np.searchsorted(until, low + uniform * (high - low), side="right") - 1
    last = scene.walk.begins[session + 1] - 1
    return np.where(high > low, np.clip(found, scene.walk.begins[session], last), -1)


def _details(fault: Fault, dialect: Dialect, stack_limit: int) -> JsError:
    name, message, stack = fault.told(dialect)
    kept = stack if len(stack) <= stack_limit else f"{stack[:stack_limit]}..."
    shown = kept if stack_limit else UNSET
    if fault.rejected:
        return JsError(name, message, UNSET, UNSET, UNSET, shown)
    return JsError(name, message, fault.url, fault.line, fault.column, shown)


def released(incident: ErrorRelease, site: Site) -> Fault:
    """The error that a release brings, thrown where one of the site's own would be, a few lines on."""
    like = site.faults[0]
    message = incident.message.replace("{", "{{").replace("}", "}}")
    kind = Kind(incident.type, (message, message, message))
    frames = tuple((name, line + 3, column) for name, line, column in like.frames)
    return like._replace(kind=kind, line=like.line + 3, frames=frames)
