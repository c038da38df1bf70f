"""Compose the draft's [telemetry] from the estimates, with the vitals of each kind of device."""

from __future__ import annotations

from math import exp
from typing import Any

import numpy as np

from loadgen.jobs.fit.drafting.draft import Draft
from loadgen.jobs.fit.estimates.actions import find_bursts, find_named_inputs
from loadgen.jobs.fit.estimates.estimate import Estimates, Seen
from loadgen.jobs.fit.estimates.vitals import (
    FEW,
    LEAST,
    find_lcp_parts,
    find_shared_slowness,
    find_shifts,
    find_still_share,
    find_text_share,
    match_device,
    match_logarithms,
)
from loadgen.jobs.fit.support import DEVICES, round_share, round_to, weigh
from loadgen.rum.events import FID, PROTOCOLS
from loadgen.scenario import Telemetry

MANY = 400
"""Loads that are needed to estimate shared_slowness."""

ALL = 0.98
"""Share of the loads with one protocol from which that protocol is written; else the format's default mix stays."""

LAWS = {name: (f"{name}_median_ms", f"{name}_sigma") for name in ("ttfb", "render", "largest", "inp", "fid", "rtt")}
LAWS["cls"] = ("cls_median", "cls_sigma")
"""Measured quantities, each with the names of its median and sigma among a scenario's vitals."""


def compose_telemetry(draft: Draft, seen: Seen, found: Estimates) -> None:
    """Compose [telemetry] and the vitals of each kind of device."""
    telemetry, navigation = draft.sections["telemetry"], found.navigation
    for device, small in DEVICES:
        members, loads = compose_vitals(seen, small)
        if members:
            telemetry[device] = members
            draft.comments[f"telemetry.{device}"] = f"{loads:,} loads on {device}s."
    protocol = seen.recorded.loads.protocol[np.isfinite(seen.recorded.loads.protocol)].astype(np.int64)
    if len(protocol) >= LEAST and (counts := np.bincount(protocol)).max() >= ALL * len(protocol):
        draft.add("telemetry", "protocol", PROTOCOLS[int(counts.argmax())], f"{len(protocol):,} loads")
    if cache := compose_cache(found):
        draft.add("telemetry", "cache", cache, f"files of {len(seen.loads.view):,} loads")
    if navigation.preconnected is not None:
        draft.add("telemetry", "preconnected", navigation.preconnected, f"{navigation.landings:,} landings")
    if navigation.scripting is not None:
        telemetry["scripting"] = navigation.scripting
        draft.comments["telemetry.scripting"] = f"{navigation.cold:,} loads without a cached file."
    shifts, shifted = find_shifts(seen.loads)
    if shifted >= LEAST:
        telemetry["shifts"] = {name: round_share(share, shifted) for name, share in shifts.items()}
        draft.comments["telemetry.shifts"] = f"{shifted:,} loads whose layout shifts."
    if (loads := find_shared_slowness(seen.loads)[1]) >= MANY:  # calibrate finds it
        draft.add("telemetry", "shared_slowness", Telemetry().shared_slowness, f"{loads:,} loads")
    parts, images = find_lcp_parts(seen.recorded)
    if images >= LEAST:  # calibrate finds them
        draft.add("telemetry", "lcp_parts", (100 * parts).tolist(), f"{images:,} images from the network")
    telemetry |= compose_outcomes(draft, found)
    compose_inputs(draft, seen, found)


def compose_inputs(draft: Draft, seen: Seen, found: Estimates) -> None:
    """Compose the inputs besides links: clicks and keys, rage clicks, hidden tabs, and listeners for pointer events."""
    if hidden := found.dwells.hidden:
        share = round_share(hidden.share, hidden.loads)
        draft.add("telemetry", "tab_switches", share, f"{hidden.loads:,} loads without an input")
    elif found.dwells.desktop or found.dwells.mobile:
        draft.sections["telemetry"]["tab_switches"] = 0.0  # time in hidden tabs is unknown: a part of the think times
    clicks, bursts = find_bursts(seen.recorded)
    firsts = len(seen.recorded.find_rows(FID))
    if "interaction" in seen.settings.telemetries or firsts:  # calibrate finds it
        shown = f"{len(clicks):,} clicks" if len(clicks) else f"{firsts:,} first inputs"
        draft.add("telemetry", "interactions_per_minute", Telemetry().interactions_per_minute, shown)
    if len(clicks) >= LEAST:
        angry = len(np.unique(seen.recorded.events.session[clicks[bursts]]))
        sessions = int((~seen.followers).sum())
        share = round_share(min(angry / max(sessions, 1), 1.0), sessions)
        draft.add("telemetry", "rage_clicks", share, f"{sessions:,} sessions")
    named, inputs = find_named_inputs(seen.recorded)
    if inputs >= LEAST:
        told = f"{inputs:,} first inputs by pointer"
        draft.add("telemetry", "pointer_listeners", round_share(named / inputs, inputs), told)


def compose_vitals(seen: Seen, small: bool) -> tuple[dict[str, Any], int]:
    """Compose the vitals of one kind of device; return them with the number of loads behind them."""
    members: dict[str, Any] = {}
    found = match_device(seen.loads, small)
    for quantity, (median, sigma) in LAWS.items():
        match = found[quantity]
        if match.number >= FEW:
            members[median] = exp(match.mean)
        if match.number >= LEAST and match.spread > 0:
            members[sigma] = match.spread
    text = find_text_share(seen.loads, small)
    if np.isfinite(text) and found["largest"].number >= LEAST:
        members["text_lcp"] = text
    still, loads = find_still_share(seen.loads, small)
    if loads >= LEAST:
        members["cls_zero"] = round_share(still, loads)
    own = seen.loads.small == small
    speed = match_logarithms((seen.loads.bytes / np.maximum(seen.loads.response, 0.1))[own], seen.loads.session[own])
    if speed.number >= LEAST:
        members["mbit"] = exp(speed.mean) * 8 / 1000
    return members, found["ttfb"].number or found["render"].number


def compose_cache(found: Estimates) -> dict[str, Any]:
    """Compose telemetry.cache."""
    again, later, memory = found.returning.cached_again, found.returning.cached_later, found.returning.memory
    shares = {"first_page_returning": again, "later_pages": later}
    cache = {name: round(share, 2) for name, share in shares.items() if share is not None}
    return cache if memory is None else cache | {"memory_seconds": round_to(memory, memory / 10)}


def compose_outcomes(draft: Draft, found: Estimates) -> dict[str, Any]:
    """Compose telemetry.api and telemetry.errors."""
    calls, errors = found.calls, found.errors
    api: dict[str, Any] = {"failures": calls.failures, "network": calls.network}
    if calls.whole:
        draft.comments["telemetry.api"] = f"{calls.seen:,} calls."
        times = match_logarithms(calls.milliseconds)
        if times.number >= LEAST:
            api["median_ms"], api["sigma"] = exp(times.mean), times.spread
    else:
        draft.comments["telemetry.api"] = (
            f"{calls.seen:,} failed calls; successful ones are not recorded, so that calls are made in every view, or "
            "how often beside those that fail most, is a guess."
        )
    faults: dict[str, Any] = {"sessions": round_share(errors.sessions, 1000)}
    if errors.seen:
        faults["per_session"] = max(round(errors.per_session, 2), 1.0)
        faults["messages"] = min(errors.messages, 1000)
        faults["zipf"] = errors.zipf
        if errors.thrown.total() >= LEAST:
            faults["thrown"] = weigh(errors.thrown, 1, len(errors.thrown))
        draft.comments["telemetry.errors"] = (
            f"Errors: {errors.seen:,}; distinct messages in one browser engine: {errors.messages:,}."
        )
    return {"api": api, "errors": faults}
