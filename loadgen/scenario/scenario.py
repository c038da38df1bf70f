"""A scenario file → Scenario, which with a seed decides a run's traffic; or an error with all problems of the file.

`Client` has the web client's settings under their own names and with their own defaults (aws-rum-web 3.2.1,
packages/core/src/orchestration/Orchestration.ts).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from math import inf
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field, ValidationError, model_validator

from loadgen.errors import LoadgenError, ScenarioError
from loadgen.options import Positive, Share, resolve_options
from loadgen.scenario.arrivals import Arrivals, Stage
from loadgen.scenario.checks import find_problems, sum_stages
from loadgen.scenario.incidents import AnyIncident
from loadgen.scenario.monitor import Monitor
from loadgen.scenario.pages import PageSpec, Pool
from loadgen.scenario.population import Population
from loadgen.scenario.problems import AttributeName, Attributes, Scalar, Seconds, Section, reword
from loadgen.scenario.telemetry import Telemetry
from loadgen.scenario.thresholds import Thresholds
from loadgen.scenario.toml_file import parse_toml, read_text


class Client(Section):
    """How the site's pages configure the RUM web client."""

    allowCookies: bool = Field(
        True,
        description="Keep user and session id in cookies. With false, the client's own default, each full load is a "
        "session.",
    )
    sessionEventLimit: int = Field(200, ge=0, description="Events a session may record; 0 is no limit.")
    sessionLengthSeconds: float = Field(1800, gt=0, description="Seconds without an event after which a session ends.")
    eventCacheSize: int = Field(1000, ge=1, description="Events that wait for dispatch; newer ones are dropped.")
    batchLimit: int = Field(100, ge=1, description="Events in one PutRumEvents call.")
    dispatchInterval: int = Field(5000, ge=0, description="Milliseconds between dispatches; 0: at page hides alone.")
    useBeacon: bool = Field(True, description="Send by beacon when the page is hidden.")
    retries: int = Field(2, ge=0, description="Further attempts after 429, 5xx or no answer, after 2 s, 4 s, …")
    retryAfter: Literal["ignore", "honour"] = Field(
        "ignore", description="The web client ignores Retry-After; an SDK waits at least that long before it retries."
    )
    enableXRay: bool = Field(False, description="Record a trace for every fetch and XHR.")
    timeToInteractive: bool = Field(False, description="The site adds the client's TTIPlugin to its configuration.")
    enableW3CTraceId: bool = Field(
        False, description="Write trace ids in W3C's form: 32 digits. RUM's schema of http events has room for 35 only."
    )
    recordAllRequests: bool = Field(False, description="Record http events for successful requests too.")
    recordResourceUrl: bool = Field(True, description="Keep the URL in resource events.")
    resourceEventLimit: int = Field(10, ge=0, description="Image and other resources recorded per page load.")
    stackTraceLength: int = Field(1000, ge=0, description="Characters of a stack trace kept in js errors.")
    compression: bool = Field(True, description="gzip bodies of 2048 characters and more when it saves a fifth.")
    releaseId: str | None = Field(None, description="Sent as aws:releaseId in the session's metadata.")
    sessionAttributes: Annotated[dict[AttributeName, Scalar | tuple[Scalar, ...]], Field(max_length=10)] = Field(
        {},
        description="What the site adds to the session's metadata (sessionAttributes, addSessionAttributes), such as "
        '{ tier = ["free", "free", "gold"] }: each visitor has one value of a list.',
    )
    applicationAttributes: Attributes = Field(
        {}, description="Metadata that is equal for all visitors; sent behind the session's attributes."
    )
    pageIdFormat: Literal["PATH", "HASH", "PATH_AND_HASH"] = Field(
        "PATH", description="Which part of a page's path, such as /app#/inbox, is its pageId."
    )
    installed: Literal["npm", "cdn"] = Field(
        "npm", description="How the site installs the client, sent as aws:client: arw-module (npm) or arw-script (cdn)."
    )
    alias: str | None = Field(None, description="Sent as Alias, for resource policies with rum:alias.")
    signing: bool = Field(True, description="Sign requests; false for monitors whose policy admits unsigned ones.")
    preflights: bool = Field(
        True,
        description="Ask for permission (CORS preflight, OPTIONS) before a visitor's first fetch, as a browser does; "
        "the web client's dialect only. Preflights use no quota and are counted apart.",
    )
    browserHeaders: bool = Field(
        True,
        description="Send the headers that the visitor's browser adds: User-Agent, Accept-Language, Origin, Referer, "
        "client hints. The web client's dialect only.",
    )


class Neighbour(Section):
    """A site with the scenario's pages and visitors, but its own app monitor and arrivals; no incident hits it."""

    monitor: Monitor = Field(description="The neighbour's app monitor; its name must differ from the others'.")
    arrivals: Arrivals = Field(description="When the neighbour's sessions start.")
    client: Client | None = Field(None, description="The neighbour's web client settings. Default: the scenario's.")


class Adjustment(msgspec.Struct, frozen=True):
    """What `Scenario.adjust` changes, with the bounds of each value; None: the scenario's own."""

    duration: Positive | None  # seconds
    rate: Annotated[float, msgspec.Meta(ge=0)]  # factor on all arrivals
    sample_rate: Share | None


class Scenario(Section):
    """A site, its visitors, and how often they come."""

    name: str = Field(
        pattern="^[A-Za-z0-9][A-Za-z0-9._-]*$",
        max_length=64,
        description="Short name, which the results folder's name contains.",
    )
    description: str = Field("", description="What the scenario is for.")
    duration: Seconds = Field(60.0, gt=0, description="Length of the run. Default: as long as the stages, or 60 s.")
    seed: int | None = Field(
        None, ge=0, lt=2**63, description="Same seed, same sessions. Without a seed, each run draws one."
    )
    monitor: Monitor = Field(Monitor(), description="The app monitor.")
    arrivals: Arrivals = Field(Arrivals(), description="When sessions start.")
    population: Population = Field(Population(), description="Who comes.")
    pages: dict[str, PageSpec] = Field(min_length=1, description="The page graph: each page by its name.")
    pools: dict[str, Pool] = Field({}, description="Items behind placeholders; a placeholder needs no entry here.")
    telemetry: Telemetry = Field(Telemetry(), description="What the client measures.")
    client: Client = Field(Client(), description="The web client's settings.")
    incidents: tuple[AnyIncident, ...] = Field((), description="What goes wrong during the run.")
    thresholds: Thresholds = Field(Thresholds(), description="Bounds that the run's figures must keep.")
    neighbours: tuple[Neighbour, ...] = Field(
        (), description="Further app monitors of the account, under the same quota; `run` sends to all of them."
    )

    @classmethod
    def load(cls, path: str | Path, lasts: float | None = None) -> Scenario:
        """Read and check a scenario file, or the shipped scenario of that name.

        Args:
            path: The file or the name.
            lasts: The duration in seconds for a file that states none, or its stages' length if that is longer.

        Raises:
            ScenarioError: It has a line for each problem of the file, or one line if there are very many.
        """
        return cls.parse(read_text(path), str(path), lasts)

    @classmethod
    def parse(cls, text: str, file: str, lasts: float | None = None) -> Scenario:
        """Read and check the text of a scenario file.

        `file` is its name in messages; `lasts` and the ScenarioError are those of `load`.
        """
        raw = parse_toml(text, file)
        if lasts is not None and "duration" not in raw:
            raw["duration"] = max(lasts, sum_stages(raw) or 0.0)
        return _check(freeze(raw), file)

    @model_validator(mode="after")
    def _check_members_together(self) -> Scenario:
        problems = find_problems(self.model_dump(exclude_unset=True))
        if problems:
            raise ValueError("; ".join(f"{problem.path}: {problem.text}" for problem in problems))
        return self

    @model_validator(mode="before")
    @classmethod
    def _fill_in_duration(cls, data: object) -> object:
        """Take the stages' length as the duration if the file states none."""
        staged = sum_stages(data) if isinstance(data, dict) and "duration" not in data else None
        return {**data, "duration": staged} if staged and isinstance(data, dict) else data

    @property
    def monitors(self) -> tuple[Scenario, ...]:
        """A scenario for each app monitor, without neighbours; the scenario's own monitor comes first."""
        own = self.model_copy(update={"neighbours": ()})
        others = (
            {"monitor": each.monitor, "arrivals": each.arrivals, "client": each.client or self.client, "incidents": ()}
            for each in self.neighbours
        )
        return (own, *(own.model_copy(update=other) for other in others))

    def adjust(self, *, duration: float | None = None, rate: float = 1.0, sample_rate: float | None = None) -> Scenario:
        """Return the scenario with another duration or sample rate, or with all its arrivals multiplied by `rate`.

        Raises LoadgenError for a value out of bounds, such as a negative one.
        """
        given = {"duration": duration, "rate": rate, "sample_rate": sample_rate}
        asked = resolve_options(Adjustment, given, on_command_line=False)

        def adjust_part(part: Scenario | Neighbour) -> dict[str, Any]:
            sampled = {} if asked.sample_rate is None else {"sample_rate": asked.sample_rate}
            return {
                "arrivals": part.arrivals if asked.rate == 1.0 else part.arrivals.scale(asked.rate),
                "monitor": part.monitor.model_copy(update=sampled),
            }

        return self.model_copy(
            update=adjust_part(self)
            | {
                "duration": self.duration if asked.duration is None else asked.duration,
                "neighbours": tuple(each.model_copy(update=adjust_part(each)) for each in self.neighbours),
            }
        )

    def find_stages(self, pace: float) -> tuple[tuple[float, Stage], ...]:
        """Return the stages that a run reaches and that are longer than 0, each with its end in real seconds.

        `pace` is how many scenario seconds pass in a real second.
        """
        reached: list[tuple[float, Stage]] = []
        at = last = 0.0
        for stage in self.arrivals.stages:
            at = min(at + stage.duration, self.duration)
            if at / pace > last:
                last = at / pace
                reached.append((last, stage))
        return tuple(reached)

    def find_stage_ends(self, pace: float) -> tuple[float, ...]:
        """Return the ends of the stages that a run reaches, in real seconds; none at an infinite pace.

        A run as fast as possible has no stages, because its batches have no intended moments.
        """
        return tuple(end for end, _ in self.find_stages(pace)) if pace != inf else ()

    def check_stages(self, file: str, pace: float) -> None:
        """Raise a LoadgenError, which names `file`, if stages have thresholds and a run at this pace has no stages."""
        stages = enumerate(self.arrivals.stages, 1)
        strict = [str(place) for place, stage in stages if stage.thresholds.model_fields_set]
        if pace == inf and strict:
            raise LoadgenError(
                f"{file}: arrivals.stages: stage {', '.join(strict)} has thresholds of its own, and --pace max has no "
                "stages; give --pace a factor such as 10x, or move them to [thresholds]"
            )


MOST_PROBLEMS = 100
"""The most problems that an error lists; a file with more is damaged or no scenario, and the error is one line."""

SEED_BITS = 32
"""Bits of a drawn seed: few enough that a person can copy the seed by hand."""


def resolve_seed(scenario: Scenario, given: int | None, otherwise: int | None = None) -> int:
    """Return a job's seed: the given seed, else the scenario's, else `otherwise`, else a random seed."""
    for seed in (given, scenario.seed, otherwise):
        if seed is not None:
            return seed
    return secrets.randbits(SEED_BITS)


def freeze(value: Any) -> Any:
    """Replace all lists in raw data by tuples, which strict models require."""
    if isinstance(value, list):
        return tuple(freeze(item) for item in value)
    return {key: freeze(item) for key, item in value.items()} if isinstance(value, dict) else value


def _check(raw: Mapping[str, Any], file: str) -> Scenario:
    """Make a scenario of raw data; else raise ScenarioError with each problem once, sorted by its path in the file."""
    try:
        return Scenario.model_validate(raw)
    except ValidationError as error:
        of_types = [reword(each, raw, Scenario) for each in error.errors(include_url=False) if each["loc"]]
    problems = sorted({*of_types, *find_problems(raw)})
    lines = [f"{file}: {problem.path}: {problem.text}" for problem in problems]
    if len(lines) > MOST_PROBLEMS:
        raise ScenarioError(f"{lines[0]} (the first of {len(lines):,} problems: is this a scenario file?)")
    raise ScenarioError(*lines)


def format_schema() -> str:
    """Return the text of scenarios/scenario.schema.json: the JSON Schema (draft 2020-12) of a scenario file."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Scenario.model_json_schema()}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
