"""What `loadgen check` says of a scenario that is fine: its purpose, the traffic it implies, its incidents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loadgen.scenario import Incident, Scenario
    from loadgen.traffic import Implied

WIDTH, LABEL = 80, 12


def lines(scenario: Scenario, implied: Implied) -> Iterator[str]:
    """The lines, none longer than 80 columns."""
    yield from wrap(" ".join(scenario.description.split()), WIDTH)
    if scenario.description:
        yield ""
    mean = implied.sessions / scenario.duration
    yield from labelled(
        "visits",
        [f"{implied.sessions:,.0f} in {span(scenario.duration)}", f"{mean:.3g}/s on the mean",
         f"{implied.peak_rate:.3g}/s at the peak"],
    )  # fmt: skip
    for place, neighbour in enumerate(scenario.monitors[1:]):
        yield from labelled("" if place else "neighbours", load_of(neighbour))
    yield from labelled("bounce", [f"{implied.bounce:.0%} see one page"])
    yield from labelled("pages", [f"{implied.pages:.1f} a visit", f"median {implied.pages_median:.0f}"])
    yield from labelled("length", [f"{span(implied.seconds)} a visit", f"median {span(implied.seconds_median)}"])
    yield from labelled("returning", [f"{implied.returning:.0%} of the visits"])
    yield from labelled("devices", shares(implied.devices))
    yield from labelled("page views", shares(implied.views))
    for place, incident in enumerate(sorted(scenario.incidents, key=lambda each: each.at)):
        yield from labelled("" if place else "incidents", told(incident))


def load_of(neighbour: Scenario) -> list[str]:
    """A neighbour's app monitor, and how many come to it."""
    from loadgen.traffic import rate

    curve = rate(neighbour)
    visits = f"{neighbour.monitor.name}: {curve.expected:,.0f} visits"
    return [visits, f"{curve.expected / neighbour.duration:.3g}/s on the mean", f"{max(curve.rates):.3g}/s at the peak"]


def labelled(label: str, parts: list[str]) -> Iterator[str]:
    """A label and parts between commas, broken between parts."""
    text = ", ".join(part.replace(" ", "\0") for part in parts)
    for number, line in enumerate(wrap(text, WIDTH - LABEL)):
        yield f"{'' if number else label:{LABEL}}{line}".replace("\0", " ")


def shares(parts: Mapping[str, float]) -> list[str]:
    """Shares in per cent, the largest first."""
    ordered = sorted(parts.items(), key=lambda item: -item[1])
    return [f"{name} {share:.0%}" for name, share in ordered if share >= 0.0005]


def told(incident: Incident) -> list[str]:
    """When, what, and who can be hit."""
    groups = (getattr(incident, name, ()) for name in ("countries", "devices", "browsers", "pages"))
    who = [" or ".join(group) for group in groups if group]
    part = getattr(incident, "share", 1.0)
    some = [f"{part:.0%} of them"] if part < 1 else []
    return [f"{span(incident.at)} to {span(incident.end)}: {incident.kind} “{incident.name}”", *who, *some]


def span(seconds: float) -> str:
    """A length of time as people say it."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
