"""`loadgen check`: read and check a scenario file, and describe the traffic that it implies, in 80 columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from textwrap import wrap
from typing import Any, NamedTuple

from loadgen import traffic
from loadgen.errors import ScenarioError
from loadgen.jobs.inputs import read_scenario
from loadgen.jobs.progress import OnProgress, WorkProgress, ignore_progress
from loadgen.model import Noun
from loadgen.options import require_callback, require_path
from loadgen.scenario import Scenario
from loadgen.units import format_bytes, format_duration, format_items

WIDTH, LABEL = 80, 12
LARGE_BYTES = 500_000  # a file of this size takes a second to read


class CheckedScenario(NamedTuple):
    """A scenario without problems, and the traffic that it implies."""

    scenario: Scenario
    implied: traffic.Description
    notes: tuple[str, ...] = ()  # what the file states and no visit can do


def check(scenario: Scenario | Path | str, *, on_progress: OnProgress = ignore_progress) -> CheckedScenario:
    """Read and check a scenario file, and describe its traffic by some thousand visits drawn from it.

    `on_progress` gets a line when a file is large and takes long to read.

    Raises:
        ScenarioError: The file has problems; its arguments are a line for each.
    """
    require_callback(on_progress, "on_progress")
    tell_size(scenario, on_progress)
    read = read_scenario(scenario)
    on_progress(WorkProgress(f"drawing visits of {read.name}"))
    return CheckedScenario(read, traffic.describe(read), tuple(list_notes(read)))


def list_notes(scenario: Scenario) -> Iterator[str]:
    """Yield a sentence for each statement of a scenario that its visits cannot fulfil."""
    for share in traffic.find_unmet_shares(scenario):
        yield describe_unmet_share(share)
    for name, why in traffic.find_idle_incidents(scenario):
        yield f"incident “{name}” hits nobody: {why}"


def describe_unmet_share(share: traffic.UnmetShare) -> str:
    """Describe a share that visitors do not reach, and the other shares that it needs."""
    others = " and ".join(f"{mix} {', '.join(names)}" for mix, names in share.partners.items())
    part = f"{share.reached:.0%} of the visits" if share.reached else "no visit"
    return (
        f"population.{share.mix}: {share.name} is stated as {share.stated:.0%} and gets {part}: it exists only "
        f"with {others}; give these more weight, or {share.name} less"
    )


def tell_size(scenario: Scenario | Path | str, on_progress: OnProgress) -> None:
    """Say that a large file is being read; how long its parser takes is not known."""
    path = None if isinstance(scenario, Scenario) else require_path(scenario, "scenario")
    size = path.stat().st_size if path is not None and path.is_file() else 0
    if path is not None and size > LARGE_BYTES:
        on_progress(WorkProgress(f"reading {path.name}, {format_bytes(size)}"))


class CheckReport(Noun):
    """The output of `check --json`: the problems of a file, or the traffic that it implies."""

    file: str
    valid: bool
    problems: tuple[str, ...] = ()  # each as on the terminal: file, path in the file, what to write instead
    name: str | None = None
    duration: float | None = None  # seconds
    pages: int | None = None
    monitors: tuple[str, ...] = ()
    incidents: tuple[str, ...] = ()
    implied: dict[str, Any] | None = None  # figures of the visits, as `traffic.Description` names them
    notes: tuple[str, ...] = ()  # what the file states and no visit can do


def describe_problems(file: Path | str, error: ScenarioError) -> CheckReport:
    """Return the problems of a file as data."""
    return CheckReport(str(file), False, error.args)


def describe_scenario(file: Path | str, checked: CheckedScenario) -> CheckReport:
    """Return a scenario without problems, and the traffic that it implies, as data."""
    scenario, implied, notes = checked
    return CheckReport(
        str(file),
        True,
        name=scenario.name,
        duration=scenario.duration,
        pages=len(scenario.pages),
        monitors=tuple(each.monitor.name for each in scenario.monitors),
        incidents=tuple(each.name for each in scenario.incidents),
        implied=implied._asdict(),
        notes=notes,
    )


def list_lines(scenario: Scenario, implied: traffic.Description, notes: Iterable[str]) -> Iterator[str]:
    """Yield a scenario's purpose, implied traffic, incidents and notes, in lines of at most 80 columns."""
    pages = format_items(len(scenario.pages), "page")
    yield f"{scenario.name}, {scenario.duration:g} s, {pages}"
    yield from wrap(" ".join(scenario.description.split()), WIDTH)
    if scenario.description:
        yield ""
    yield from label_parts("visits", list_loads(implied.sessions, scenario.duration, implied.peak_rate))
    for place, neighbour in enumerate(scenario.monitors[1:]):
        curve = traffic.compute_mean_rate(neighbour)
        visits = f"{neighbour.monitor.name}: {format_items(curve.expected, 'visit')}"
        rates = list_loads(curve.expected, neighbour.duration, max(curve.rates))[1:]
        yield from label_parts("" if place else "neighbours", [visits, *rates])
    yield from label_parts("bounce", [f"{implied.bounce:.0%} see one page"])
    yield from label_parts("pages", [f"{implied.pages:.1f} a visit", f"median {implied.pages_median:.0f}"])
    lengths = [f"{format_duration(implied.seconds)} a visit", f"median {format_duration(implied.seconds_median)}"]
    yield from label_parts("length", lengths)
    yield from label_parts("returning", [f"{implied.returning:.0%} of the visits"])
    yield from label_parts("devices", list_shares(implied.devices))
    yield from label_parts("page views", list_shares(implied.views))
    for place, incident in enumerate(sorted(scenario.incidents, key=lambda each: each.at)):
        yield from label_parts("" if place else "incidents", describe_incident(incident))
    for note in notes:
        for number, line in enumerate(wrap(note, WIDTH - LABEL)):
            yield f"{'' if number else 'note':{LABEL}}{line}"


def list_loads(sessions: float, duration: float, peak: float) -> list[str]:
    """Return the number of visits, their mean rate and their peak rate, as texts."""
    return [
        f"{sessions:,.0f} in {format_duration(duration)}",
        f"{sessions / duration:.3g}/s on the mean",
        f"{peak:.3g}/s at the peak",
    ]


def label_parts(label: str, parts: list[str]) -> Iterator[str]:
    """Yield lines with a label and parts between commas; lines break only between parts."""
    text = ", ".join(part.replace(" ", "\0") for part in parts)
    for number, line in enumerate(wrap(text, WIDTH - LABEL)):
        yield f"{'' if number else label:{LABEL}}{line}".replace("\0", " ")


def list_shares(parts: Mapping[str, float]) -> list[str]:
    """Return shares in per cent as texts, the largest first."""
    ordered = sorted(parts.items(), key=lambda item: -item[1])
    return [f"{name} {share:.0%}" for name, share in ordered if share >= 0.0005]


def describe_incident(incident: Any) -> list[str]:
    """Return texts on when an incident happens, what it is, and which visitors it can hit."""
    groups = (getattr(incident, name, ()) for name in ("countries", "devices", "browsers", "pages"))
    who = [" or ".join(group) for group in groups if group]
    part = getattr(incident, "share", 1.0)
    some = [f"{part:.0%} of them"] if part < 1 else []
    times = f"{format_duration(incident.at)} to {format_duration(incident.end)}"
    return [f"{times}: {incident.kind} “{incident.name}”", *who, *some]
