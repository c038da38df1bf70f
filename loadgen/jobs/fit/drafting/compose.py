"""Compose the draft from the estimates: all sections but the pages, each with a comment on the data behind it."""

from __future__ import annotations

import re
from collections import Counter
from functools import partial
from math import isfinite, sqrt
from typing import Any

from loadgen.errors import ScenarioError
from loadgen.jobs.fit.drafting.compose_pages import compose_pages, compose_pools
from loadgen.jobs.fit.drafting.compose_telemetry import compose_telemetry
from loadgen.jobs.fit.drafting.draft import Draft
from loadgen.jobs.fit.estimates import navigation
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
    compose_pools(draft, seen.recorded, seen.site, seen.visits)
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
                own = f" {name.capitalize()} are loadgen's own: it has none like the recorded."
                draft.comments["population"] += own


def compose_monitor(draft: Draft, seen: Seen, sample_rate: float) -> None:
    """Compose [monitor] and [client]."""
    domains = {name: number for name, number in seen.recorded.domains.items()
               if number >= seen.at_least and HOST.fullmatch(name)}  # fmt: skip
    telemetries = [each for each in FAMILIES if each in seen.settings.telemetries or each in ("errors", "http")]
    monitor: dict[str, Any] = {"domain": max(domains, key=lambda each: (domains[each], each))} if domains else {}
    monitor["telemetries"] = telemetries
    if seen.settings.custom_events:
        monitor["custom_events"] = True
    versions = Counter({name: number for name, number in seen.recorded.versions.items()
                        if number >= seen.at_least and RELEASE.fullmatch(name) and not TOKEN.search(name)})  # fmt: skip
    draft.sections |= {"monitor": monitor, "client": dict(seen.settings.members)}
    if versions and (usual := min(versions, key=lambda name: (-versions[name], name))) != Monitor().version:
        draft.add("monitor", "version", usual, f"{versions[usual]:,} of {versions.total():,} visitors have it")
    if sample_rate < 1:
        monitor["sample_rate"] = sample_rate
    draft.comments["client"] = "Settings that show in the data; the others are the web client's own."


def compose_arrivals(draft: Draft, found: Estimates, sample_rate: float) -> None:
    """Compose [arrivals]."""
    members = draft.sections["arrivals"] = dict(found.curve.members)
    for name in ("stages", "flash_crowds"):
        if name in members:
            members[name] = [each | {key: write_duration(each[key]) for key in each.keys() - {"target", "times"}}
                             for each in members[name]]  # fmt: skip
    if "noise" in members:
        members["noise"] = members["noise"] | {"memory": write_duration(members["noise"]["memory"])}
    rate = f", sampled at {sample_rate:g}" if sample_rate < 1 else ""
    draft.comments["arrivals"] = f"{found.curve.describe()}{rate}."


def compose_population(draft: Draft, seen: Seen, found: Estimates, at_least: int) -> None:
    """Compose [population]."""
    people, returning, back, shortcuts = found.people, found.returning, seen.steps, found.shortcuts
    members, add = draft.sections["population"], partial(draft.add, "population")
    compose_mixes(draft, people, at_least)
    compose_returning(draft, returning)
    if isfinite(returning.direct):
        add("direct", round_share(returning.direct, returning.referred), f"{returning.referred:,} landings")
    if returning.landed >= LEAST:
        share = min(round_share(returning.reopened, returning.landed), 0.9)
        add("reopened", share, f"{returning.landed:,} landings")
    if back.steps >= 50:
        behind = navigation.add_returns(back.back, back.behind, shortcuts.restored)
        members["back"] = round_share(behind, back.steps) if behind * back.steps >= 1 else 0.0
        members["reload"] = round_share(back.reload, back.steps)
        draft.note("population", f"back and reload: {format_count(back.steps)} steps")
    if shortcuts.restored >= navigation.SHOWN:
        returns = shortcuts.restored + shortcuts.backs
        share = round_share(shortcuts.restored / returns, returns)
        add("bfcache", share, f"{returns:,} steps back between full loads")
    if shortcuts.tabs >= navigation.SHOWN:  # calibrate finds it
        told = f"{shortcuts.tabs:,} of {shortcuts.visits:,} visits show two tabs"
        add("new_tab", navigation.find_share(shortcuts), told)
    if back.leaving.persistence:
        add("persistence", round_to(back.leaving.persistence, 3 / sqrt(back.entries.sum())), "by how visits end")
    laws = {"desktop": found.dwells.desktop, "mobile": found.dwells.mobile}
    if known := {device: law for device, law in laws.items() if law is not None}:
        members["think_time"] = {device: law.write() for device, law in known.items()}
        told = ", ".join(describe_law(law, device) for device, law in known.items())
        draft.note("population", f"think times: {told}")
    if text := draft.comments.get("population", ""):
        draft.comments["population"] = f"{text[0].upper()}{text[1:]}"
    by_device = {f"versions.{device}": groups for device, groups in people.versions.items()}
    for name, groups in (by_device | {"languages": people.languages}).items():
        total = sum(counts.total() for counts in groups.values())
        draft.comments[f"population.{name}"] = f"Of {total:,} sessions."


def compose_mixes(draft: Draft, people: VisitorCounts, at_least: int) -> None:
    """Compose the mixes of visitors."""
    members = draft.sections["population"]
    for name, counts, least, most in (
        ("countries", people.countries, at_least, MOST_COUNTRIES),
        ("devices", people.devices, 1, 3),
        ("browsers", people.browsers, at_least, len(KNOWN_BROWSERS)),
        ("systems", people.systems, at_least, len(KNOWN_SYSTEMS)),
    ):
        if mix := weigh(counts, least, most):
            members[name] = mix
            guessed = name == "countries" and people.by_language
            by_region = "countries by the region of the browser's language, for want of country codes"
            draft.note("population", by_region if guessed else f"{name} of {counts.total():,} sessions")
    versions = {device: weigh_groups(browsers, at_least, VERSION) for device, browsers in people.versions.items()}
    if any(versions.values()):
        members["versions"] = {device: mix for device, mix in versions.items() if mix}
    languages = weigh_groups(people.languages, at_least)
    if told := {country: languages[country] for country in members.get("countries", ()) if country in languages}:
        members["languages"] = told


def compose_returning(draft: Draft, returning: Returning) -> None:
    """Compose population.returning, visitors and again."""
    if returning.share is None:
        return
    known = (
        f"{returning.known:,} of them by users who came before" if returning.known else "too few of them by known users"
    )
    told = f"{returning.landings:,} landings by their cache, {known}"
    draft.add("population", "returning", min(round_to(returning.share, returning.error), 1.0), told)
    if returning.people is not None:
        error = returning.people / sqrt(max(returning.pairs, 1))
        people = max(int(round_to(returning.people, error)), 1)
        draft.add("population", "visitors", people, f"{returning.pairs:,} pairs of visits by one user")
    if returning.again:
        draft.sections["population"]["again"] = round_share(returning.again, returning.known)


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


def describe_law(law: DwellLaw, device: str) -> str:
    """Describe the data behind a law of think times."""
    if law.bounded:
        return f"{law.number:,} last pages on {device} that were left before their events were sent"
    return f"{law.number:,} times on {device}, with a distribution within {format_percent(law.distance)} of the law's"
