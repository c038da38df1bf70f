"""Synthetic traffic and load tests for Amazon CloudWatch RUM, with a local RUM endpoint to test against.

The names below are the Python API, and the command line calls nothing else but views, which format results. A verb
takes a scenario (a `Scenario`, a path, or the name of a shipped scenario) and its options by keyword, prints nothing,
reports its progress to `on_progress`, and raises `LoadgenError` for an error that the caller can mend. `help`
shows a verb's options, and `loadgen VERB --help` what they mean. A name is imported at its first use, so that `import
loadgen` is cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loadgen.endpoint import Endpoint
    from loadgen.errors import LoadgenError
    from loadgen.jobs.check import check
    from loadgen.jobs.compare import compare
    from loadgen.jobs.find_limit import find_limit
    from loadgen.jobs.fit import fit
    from loadgen.jobs.generate import generate, write_bodies
    from loadgen.jobs.init import init
    from loadgen.jobs.monitors import Monitors
    from loadgen.jobs.plan import plan
    from loadgen.jobs.preview import preview
    from loadgen.jobs.run import Run, run, worker
    from loadgen.jobs.sampling import sampling
    from loadgen.jobs.scenarios import scenarios
    from loadgen.jobs.seed import clean, seed, verify
    from loadgen.scenario import Scenario

__all__ = [
    "Endpoint",
    "LoadgenError",
    "Monitors",
    "Run",
    "Scenario",
    "check",
    "clean",
    "compare",
    "find_limit",
    "fit",
    "generate",
    "init",
    "plan",
    "preview",
    "run",
    "sampling",
    "scenarios",
    "seed",
    "verify",
    "worker",
    "write_bodies",
]

_HOMES = {
    "Endpoint": "loadgen.endpoint",
    "LoadgenError": "loadgen.errors",
    "Monitors": "loadgen.jobs.monitors",
    "Run": "loadgen.jobs.run",
    "Scenario": "loadgen.scenario",
    "clean": "loadgen.jobs.seed",
    "verify": "loadgen.jobs.seed",
    "worker": "loadgen.jobs.run",
    "write_bodies": "loadgen.jobs.generate",
}
"""The module of each name that has no module of its own; any other verb, such as `plan`, is in `loadgen.jobs.plan`."""


def __getattr__(name: str) -> Any:
    """Import a name of the API at its first use."""
    if name not in __all__:
        raise AttributeError(f"module 'loadgen' has no attribute {name!r}")
    value = getattr(import_module(_HOMES.get(name, f"loadgen.jobs.{name}")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
