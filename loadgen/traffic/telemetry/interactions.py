"""dom events, one for each listener that a click meets, and the custom events that the site records."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec import UNSET

from loadgen.rum.events import DOM, Dom
from loadgen.scenario import CustomEvent
from loadgen.traffic.site import Target
from loadgen.traffic.telemetry.block_draws import Scene
from loadgen.traffic.telemetry.column import Column, Named, take_texts, write_each
from loadgen.traffic.telemetry.inputs import Inputs
from loadgen.wire.json_templates import Template


def dom(scene: Scene, seen: Inputs) -> list[Column]:
    """Click events: the document's listener, and before it the element's own if it has a cssLocator."""
    located = np.array([target.css is not None for target in scene.site.targets])
    clicked = np.flatnonzero(~seen.typed)
    rows = clicked[scene.own_view_mask[seen.view[clicked]]]
    special = rows[located[seen.target[rows]]]
    return [_clicks(scene, seen, special, with_css=True), _clicks(scene, seen, rows, with_css=False)]


def _clicks(scene: Scene, seen: Inputs, rows: np.ndarray[Any, np.dtype[np.int64]], *, with_css: bool) -> Column:
    made = [_dom(target, with_css=with_css) for target in scene.site.targets]
    named = Named("dom css" if with_css else "dom", rows, len(seen.view))
    return Column(
        DOM, named, seen.view[rows], seen.at[rows], take_texts([made[each] for each in seen.target[rows].tolist()])
    )


def _dom(target: Target, *, with_css: bool) -> str:
    css = target.css if with_css else None
    return Template(Dom("click", target.element, target.id or UNSET, UNSET, css or UNSET)).text()


def custom(scene: Scene) -> list[Column]:
    """The events that pages hand to recordEvent, somewhere in the time they are looked at."""
    found = []
    for page, model in enumerate(scene.site.pages):
        for number, event in enumerate(model.events):
            found.append(_recorded(scene, page, event, f"custom/{page}/{number}"))
    return found


def _recorded(scene: Scene, page: int, event: CustomEvent, purpose: str) -> Column:
    uniform = scene.stream(purpose).random((2, scene.views))
    rows = np.flatnonzero((scene.walk.page == page) & (uniform[0] < event.per_view) & scene.own_view_mask)
    after = np.floor(scene.visible[rows] * uniform[1][rows]).astype(np.int64)
    items = [tuple(chosen) for chosen in scene.walk.items[rows].tolist()]
    details = write_each(lambda place: _filled(scene, event.details, page, items[place]))
    return Column(event.type, Named(purpose, rows, scene.views), rows, scene.time.awake(rows, after), details)


def _filled(scene: Scene, value: Any, page: int, chosen: tuple[int, ...]) -> Any:
    """The event's object with the page's items in its texts."""
    if isinstance(value, str):
        return scene.site.filled(value, page, chosen)
    if isinstance(value, dict):
        return {key: _filled(scene, inner, page, chosen) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(scene, inner, page, chosen) for inner in value]
    return value
