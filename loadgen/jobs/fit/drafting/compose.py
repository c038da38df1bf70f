"""Compose the draft from the estimates: all sections but the pages, each with a comment on the data behind it."""

from __future__ import annotations

import re
from collections import Counter
from math import isfinite, sqrt
from typing import Any

from loadgen.errors import ScenarioError
from loadgen.jobs.fit.drafting.compose_pages import compose_pages, find_pools
from loadgen.jobs.fit.drafting.compose_telemetry import compose_telemetry
from loadgen.jobs.fit.drafting.draft import Draft
from loadgen.jobs.fit.estimates import tabs
from loadgen.jobs.fit.estimates.dwell_laws import DwellLaw
from loadgen.jobs.fit.estimates.estimate import Estimates, Seen
from loadgen.jobs.fit.estimates.population import KNOWN_BROWSERS, KNOWN_SYSTEMS, Returning, VisitorCounts
from loadgen.jobs.fit.estimates.vitals import LEAST
from loadgen.jobs.fit.support import TOKEN, round_share, round_to, weigh
from loadgen.scenario import Monitor
from loadgen.traffic import draw_sessions
from loadgen.units import format_count, format_percent, write_duration

MOSTLY = 0.8
"""Share of a group's sessions whose words may be written that is needed to write them."""

FAMILIES = ("errors", "performance", "http", "interaction", "replay")
MOST_COUNTRIES, MOST_WORDS = 40, 8
"""Countries that are written at most; languages of one country or versions of one browser at most."""

LANGUAGE = re.compile("[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
VERSION = re.compile(r"[1-9][0-9]{0,3}(\.[0-9]{1,2})?")
RELEASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,31}")
"""The form of an application's version that is written."""

HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


def compose(seen: Seen, found: Estimates, name: str, sample_rate: float, at_least: int) -> Draft:
    """Compose the draft of all estimates; `calibrate` then corrects its vitals, inputs and think times."""
    sessions = len(seen.recorded.sessions.user)
    draft = Draft(name, f"Fitted to {sessions:,} recorded sessions with {len(seen.recorded.events.at):,} events.")
    draft.top["duration"] = write_duration(found.curve.duration)
    compose_monitor(draft, seen, sample_rate)
    compose_arrivals(draft, found, sample_rate)
    compose_population(draft, seen, found, at_least)
    compose_telemetry(draft, seen, found)
    compose_pools(draft, seen)
    compose_pages(draft, seen, found, at_least)
    drop_impossible_mixes(draft)
    return draft


def drop_impossible_mixes(draft: Draft) -> None:
    """Drop the mix of systems, and if needed that of browsers, if no browser of loadgen's fits all mixes together."""
    for name in ("systems", "browsers"):
        try:
            next(draw_sessions(draft.build(), 0), None)
        except ScenarioError:
            if draft.sections["population"].pop(name, None) is not None:
                draft.comments["population"] += (
                    f" {name.capitalize()} are loadgen's own: it has none like the recorded."
                )


def compose_monitor(draft: Draft, seen: Seen, sample_rate: float) -> None:
    """Compose [monitor] and [client]."""
    domains = {
        name: number
        for name, number in seen.recorded.domains.items()
        if number >= seen.at_least and HOST.fullmatch(name)
    }
    telemetries = [each for each in FAMILIES if each in seen.settings.telemetries or each in ("errors", "http")]
    monitor: dict[str, Any] = {"domain": max(domains, key=lambda each: (domains[each], each))} if domains else {}
    monitor["telemetries"] = telemetries
    if seen.settings.custom_events:
        monitor["custom_events"] = True
    versions = Counter({name: number for name, number in seen.recorded.versions.items()
                        if number >= seen.at_least and RELEASE.fullmatch(name) and not TOKEN.search(name)})  # fmt: skip
    if versions and (usual := min(versions, key=lambda name: (-versions[name], name))) != Monitor().version:
        monitor["version"] = usual
        draft.note("monitor", f"version: {versions[usual]:,} of {versions.total():,} visitors have it")
    if sample_rate < 1:
        monitor["sample_rate"] = sample_rate
    draft.sections["monitor"] = monitor
    draft.sections["client"] = dict(seen.settings.members)
    draft.comments["client"] = "Settings that show in the data; the others are the web client's own."


def compose_arrivals(draft: Draft, found: Estimates, sample_rate: float) -> None:
    """Compose [arrivals]."""
    members = draft.sections["arrivals"] = dict(found.curve.members)
    for name in ("stages", "flash_crowds"):
        if name in members:
            members[name] = [
                each | {key: write_duration(each[key]) for key in each.keys() - {"target", "times"}}
                for each in members[name]
            ]
    if "noise" in members:
        members["noise"] = members["noise"] | {"memory": write_duration(members["noise"]["memory"])}
    rate = f", sampled at {sample_rate:g}" if sample_rate < 1 else ""
    draft.comments["arrivals"] = f"{found.curve.describe()}{rate}."


def compose_population(draft: Draft, seen: Seen, found: Estimates, at_least: int) -> None:
    """Compose [population]."""
    people, returning = found.people, found.returning
    members, notes = compose_mixes(people, at_least)
    if returning.share is not None:
        members |= compose_returning(returning)
        notes += describe_returning(returning)
    if isfinite(returning.direct):
        members["direct"] = round_share(returning.direct, returning.referred)
        notes.append(f"direct: {returning.referred:,} landings")
    if returning.landed >= LEAST:
        members["reopened"] = min(round_share(returning.reopened, returning.landed), 0.9)
        notes.append(f"reopened: {returning.landed:,} landings")
    back, shortcuts = seen.steps, found.shortcuts
    if back.steps >= 50:
        behind = tabs.add_returns(back.back, back.behind, shortcuts.restored)
        members["back"] = round_share(behind, back.steps) if behind * back.steps >= 1 else 0.0
        members["reload"] = round_share(back.reload, back.steps)
        notes.append(f"back and reload: {format_count(back.steps)} steps")
    if shortcuts.restored >= tabs.FEW:
        returns = shortcuts.restored + shortcuts.backs
        members["bfcache"] = round_share(shortcuts.restored / returns, returns)
        notes.append(f"bfcache: {returns:,} steps back between full loads")
    if shortcuts.tabs >= tabs.FEW:
        members["new_tab"] = tabs.find_share(shortcuts)  # calibrate finds it
        notes.append(f"new_tab: {shortcuts.tabs:,} of {shortcuts.visits:,} visits show two tabs")
    if back.leaving.persistence:
        members["persistence"] = round_to(back.leaving.persistence, 3 / sqrt(back.entries.sum()))
        notes.append("persistence: by how visits end")
    if think := compose_think_times(found):
        members["think_time"] = think
        notes.append("think times: " + ", ".join(describe_law(law, device) for device, law in (
            ("desktop", found.dwells.desktop), ("mobile", found.dwells.mobile)) if law))  # fmt: skip
    draft.sections["population"] = members
    text = "; ".join(notes)
    draft.comments["population"] = f"{text[:1].upper()}{text[1:]}." if notes else ""
    by_device = {f"versions.{device}": groups for device, groups in people.versions.items()}
    for name, groups in (by_device | {"languages": people.languages}).items():
        total = sum(counts.total() for counts in groups.values())
        draft.comments[f"population.{name}"] = f"Of {total:,} sessions."


def compose_mixes(people: VisitorCounts, at_least: int) -> tuple[dict[str, Any], list[str]]:
    """Compose the mixes of visitors, and notes on how many sessions each was estimated from."""
    members: dict[str, Any] = {}
    notes = []
    for name, counts, least, most in (
        ("countries", people.countries, at_least, MOST_COUNTRIES),
        ("devices", people.devices, 1, 3),
        ("browsers", people.browsers, at_least, len(KNOWN_BROWSERS)),
        ("systems", people.systems, at_least, len(KNOWN_SYSTEMS)),
    ):
        if mix := weigh(counts, least, most):
            members[name] = mix
            guessed = name == "countries" and people.by_language
            notes.append("countries by the region of the browser's language, for want of country codes" if guessed
                         else f"{name} of {counts.total():,} sessions")  # fmt: skip
    if versions := compose_versions(people, at_least):
        members["versions"] = versions
    languages = weigh_groups(people.languages, at_least)
    if told := {country: languages[country] for country in members.get("countries", ()) if country in languages}:
        members["languages"] = told
    return members, notes


def compose_returning(returning: Returning) -> dict[str, Any]:
    """Compose population.returning, visitors and again."""
    assert returning.share is not None
    members: dict[str, Any] = {"returning": min(round_to(returning.share, returning.error), 1.0)}
    if returning.people is not None:
        error = returning.people / sqrt(max(returning.pairs, 1))
        members["visitors"] = max(int(round_to(returning.people, error)), 1)
    if returning.again:
        members["again"] = round_share(returning.again, returning.known)
    return members


def compose_versions(people: VisitorCounts, at_least: int) -> dict[str, Any]:
    """Compose population.versions."""
    mixes = {screen: weigh_groups(browsers, at_least, VERSION) for screen, browsers in people.versions.items()}
    return {screen: mix for screen, mix in mixes.items() if mix}


def weigh_groups(
    groups: dict[str, Counter[str]], at_least: int, pattern: re.Pattern[str] = LANGUAGE
) -> dict[str, dict[str, float]]:
    """Return the weights of each group that is large enough and most of whose words may be written."""
    found = {}
    for name, counts in sorted(groups.items()):
        kept = Counter({word: number for word, number in counts.items()
                        if number >= at_least and pattern.fullmatch(word)})  # fmt: skip
        if counts.total() >= LEAST and kept.total() >= MOSTLY * counts.total():
            found[name] = weigh(kept, at_least, MOST_WORDS)
    return found


def describe_returning(returning: Returning) -> list[str]:
    """Describe the data behind the share and the number of returning visitors."""
    known = (
        f"{returning.known:,} of them by users who came before" if returning.known else "too few of them by known users"
    )
    notes = [f"returning: {returning.landings:,} landings by their cache, {known}"]
    if returning.people is not None:
        notes.append(f"visitors: {returning.pairs:,} pairs of visits by one user")
    return notes


def compose_think_times(found: Estimates) -> dict[str, Any]:
    """Compose population.think_time: the laws by device."""
    laws = {"desktop": found.dwells.desktop, "mobile": found.dwells.mobile}
    return {device: law.write() for device, law in laws.items() if law is not None}


def describe_law(law: DwellLaw, device: str) -> str:
    """Describe the data behind a law of think times."""
    if law.bounded:
        return f"{law.number:,} last pages on {device} that were left before their events were sent"
    return f"{law.number:,} times on {device}, with a distribution within {format_percent(law.distance)} of the law's"


def compose_pools(draft: Draft, seen: Seen) -> None:
    """Compose [pools]."""
    pools = find_pools(seen.recorded, seen.site, seen.visits)
    draft.sections["pools"] = {
        name: {"size": pool.size, "zipf": pool.zipf} for name, pool in sorted(pools.items()) if pool.size
    }
    views = ", ".join(f"{name} {pool.views:,}" for name, pool in sorted(pools.items()))
    draft.comments["pools"] = f"Items told apart by their paths; views: {views}." if pools else ""
