"""A scenario file → Scenario: read and check, every problem at once. Reads one file, else pure."""

from loadgen.scenario.arrivals import Arrivals
from loadgen.scenario.client import Client
from loadgen.scenario.monitor import Metric, Monitor, Statement
from loadgen.scenario.scenario import Scenario, load, parse, resolve_seed

__all__ = ["Arrivals", "Client", "Metric", "Monitor", "Scenario", "Statement", "load", "parse", "resolve_seed"]
