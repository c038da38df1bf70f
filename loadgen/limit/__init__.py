"""Windows at one rate each → the highest request rate that keeps the conditions. Pure.

The search runs in the Locust process (`swarm.rate_probe`), because that process sends the windows; the job reads its
steps and finishes a search that was interrupted (`jobs.find_limit`). So the search stands below both.
"""

from loadgen.limit.search import (
    Cause,
    Conditions,
    Limit,
    RateWindow,
    SearchRange,
    SearchStep,
    limit_so_far,
    search_limit,
)
from loadgen.limit.window import (
    LONGEST_SECONDS,
    GeneratorLoad,
    LimitSearch,
    RateHold,
    extend_for_search,
    measure_window,
)

__all__ = [
    "LONGEST_SECONDS",
    "Cause",
    "Conditions",
    "GeneratorLoad",
    "Limit",
    "LimitSearch",
    "RateHold",
    "RateWindow",
    "SearchRange",
    "SearchStep",
    "extend_for_search",
    "limit_so_far",
    "measure_window",
    "search_limit",
]
