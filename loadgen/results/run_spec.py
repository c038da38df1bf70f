"""The options of a run, resolved once: kept in its folder as `run.json`, and handed to Locust as that file.

Rule: an option of `loadgen run` is a field of `verb_options.RunOptions`, with its default, and a line in `cli/run.py`,
nothing else; `make docs` writes its line of the command reference. Every reader of a run's options (Locust, workers on
other machines, report, compare) reads them from here. They never hold a credential.
"""

from __future__ import annotations

import platform
import shlex
import sys
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from loadgen import units
from loadgen.errors import LoadgenError
from loadgen.options import Positive, Seed, resolve_options
from loadgen.results.summary import RunMonitor
from loadgen.scenario import Scenario, Thresholds, resolve_seed
from loadgen.verb_options import RunOptions

CLUSTER_SECRET = "LOADGEN_CLUSTER_SECRET"
"""Environment variable with a secret that a master and its workers share; both refuse messages not signed with it."""

LIFELINE = "LOADGEN_LIFELINE"
"""Environment variable, set for Locust: it tells Locust to end when its standard input ends, because then the process
that started it is gone."""

MASTER_SEEN = "LOADGEN_MASTER_SEEN"
"""Environment variable, set for a worker: it says that the master's port accepted a connection a moment ago."""

PACKAGES = ("rum-loadgen", "locust", "gevent", "numpy", "faker", "boto3")


def make_run_options(**given: Any) -> RunOptions:
    """Make the options of a run, given by name. LoadgenError names the option that is wrong."""
    plain = {name: str(value) if isinstance(value, Path) else value for name, value in given.items()}
    options, place = resolve_options(RunOptions, plain), "pace"
    try:
        units.parse_pace(options.pace)
        place = "threshold"
        Thresholds().merge(options.threshold)
    except ValueError as wrong:
        raise LoadgenError(f"{place}: {wrong}") from None
    return options


class RunSpec(RunOptions, frozen=True, kw_only=True):
    """The options as they were resolved for one run, with the scenario, command and versions behind them."""

    seed: Seed
    duration: Positive
    region: str = ""  # that requests are signed for
    url: str = ""  # of the target, without its path to PutRumEvents
    monitors: tuple[RunMonitor, ...] = ()  # in the order of the scenario
    scenario_file: str = ""  # the file's name as the user gave it, for messages
    scenario_text: str = ""  # TOML; in a run's folder it stands in scenario.toml
    find_limit: dict[str, Any] | None = None  # the options of a `find-limit` search; None: a plain run
    command: str = ""
    versions: dict[str, str] = msgspec.field(default_factory=dict)
    machine: dict[str, str] = msgspec.field(default_factory=dict)

    @classmethod
    def resolve(cls, options: RunOptions, file: str, text: str) -> RunSpec:
        """Resolve options for a scenario: `text` is its TOML, `file` its name for messages. ScenarioError: bad text."""
        scenario = parse_once(file, text, options.duration)
        seed = resolve_seed(scenario, options.seed)
        given = {name: getattr(options, name) for name in RunOptions.__struct_fields__}
        return cls(
            **given
            | {"seed": seed, "duration": options.duration or scenario.duration}
            | {"region": options.region or ""},
            scenario_file=file,
            scenario_text=text,
            command=shlex.join(["loadgen", *sys.argv[1:]]),
            versions={"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
            machine={"system": platform.platform(), "processor": platform.machine()},
        )

    @property
    def scenario(self) -> Scenario:
        """The scenario as the run uses it: with the run's duration, rate, sample rate and thresholds."""
        if not self.scenario_text:
            raise LoadgenError(f"{self.scenario_file}: its copy scenario.toml is missing in the run's folder")
        scenario = parse_once(self.scenario_file, self.scenario_text, self.duration).adjust(
            duration=self.duration, rate=self.rate, sample_rate=self.sample_rate
        )
        return scenario.model_copy(update={"thresholds": scenario.thresholds.merge(self.threshold)})

    @property
    def scenarios(self) -> tuple[Scenario, ...]:
        """The scenario of each app monitor that the run sends to; a search for a limit sends to the first one only."""
        return self.scenario.monitors[: 1 if self.find_limit else None]

    @property
    def asked(self) -> dict[str, Any]:
        """The options that differ from their defaults, by name, in the order of their fields."""
        return {name: value for name, (_, value) in RunOptions().find_differences(self).items()}


@lru_cache(maxsize=8)
def parse_once(file: str, text: str, lasts: float | None) -> Scenario:
    """Return a scenario from its text, parsed once a process. `lasts`: its seconds if the text states no duration."""
    return Scenario.parse(text, file, lasts)
