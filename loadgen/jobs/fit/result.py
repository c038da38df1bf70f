"""What a fit gives."""

from __future__ import annotations

from loadgen.jobs.fit.judgement import Judgement
from loadgen.model import Noun
from loadgen.scenario import Scenario


class Fitted(Noun):
    """A scenario that was fitted to recorded traffic, and how near it comes."""

    scenario: Scenario
    text: str  # the scenario's file, TOML with comments
    notes: tuple[str, ...]  # what was folded, cut, guessed, and what no scenario can say
    judgement: Judgement
    sessions: int  # recorded, those that were held out included
    events: int
    templates: dict[str, str]  # page → path


class FittedSummary(Noun):
    """The same for programs: what `--json` prints."""

    scenario: str  # its name
    notes: tuple[str, ...]
    judgement: Judgement
    sessions: int
    events: int
    templates: dict[str, str]


def summarize_fit(fitted: Fitted) -> FittedSummary:
    """What programs want to know of a fit, beside the scenario's file."""
    return FittedSummary(
        fitted.scenario.name, fitted.notes, fitted.judgement, fitted.sessions, fitted.events, fitted.templates
    )
