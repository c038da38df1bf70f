"""A scenario file → Scenario: the file is read and checked, and all its problems are reported at once.

This room reads that one file and is pure otherwise.
"""

from loadgen.scenario.arrivals import Arrivals, Day, FlashCrowd, Noise, Stage
from loadgen.scenario.incidents import ErrorRelease, Incident, LayoutShift, Outage, SlowApi, Spike, Targeted
from loadgen.scenario.monitor import Metric, Monitor, Statement, covers_domain
from loadgen.scenario.pages import ApiCall, Click, CustomEvent, FileKind, PageSpec, Pool, Resources, find_placeholders
from loadgen.scenario.population import (
    Browser,
    Exponential,
    Lognormal,
    Population,
    Quantiles,
    System,
    ThinkTime,
    Versions,
    Weibull,
)
from loadgen.scenario.problems import bound_members, find_bounds
from loadgen.scenario.scenario import Client, Scenario, format_schema, resolve_seed
from loadgen.scenario.telemetry import Telemetry, ThrownValue
from loadgen.scenario.thresholds import LOWEST, Thresholds
from loadgen.scenario.toml_file import find_scenario, format_scenario, list_shipped, read_text, write_toml

__all__ = [
    "LOWEST",
    "ApiCall",
    "Arrivals",
    "Browser",
    "Click",
    "Client",
    "CustomEvent",
    "Day",
    "ErrorRelease",
    "Exponential",
    "FileKind",
    "FlashCrowd",
    "Incident",
    "LayoutShift",
    "Lognormal",
    "Metric",
    "Monitor",
    "Noise",
    "Outage",
    "PageSpec",
    "Pool",
    "Population",
    "Quantiles",
    "Resources",
    "Scenario",
    "SlowApi",
    "Spike",
    "Stage",
    "Statement",
    "System",
    "Targeted",
    "Telemetry",
    "ThinkTime",
    "Thresholds",
    "ThrownValue",
    "Versions",
    "Weibull",
    "bound_members",
    "covers_domain",
    "find_bounds",
    "find_placeholders",
    "find_scenario",
    "format_scenario",
    "format_schema",
    "list_shipped",
    "read_text",
    "resolve_seed",
    "write_toml",
]
