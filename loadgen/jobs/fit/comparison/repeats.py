"""Generate the traffic that recorded traffic is compared with: as many sessions as were recorded, once for each seed.

Rule: the draws of one seed lie to one side, by chance: some seeds' first thousands of visitors have networks and
machines that are slower by three standard deviations. Every fit would compare with these same visitors, as the default
seed is the same for all. So traffic is generated several times, with seeds of their own, and its chance becomes small
beside that of the recorded sessions. With much data both are small, and once is enough.
"""

from __future__ import annotations

from collections.abc import Callable

from loadgen.jobs.fit.calibration.generated import add_generated
from loadgen.jobs.fit.reading.recorded import Recorded, Recorder
from loadgen.scenario import Scenario
from loadgen.traffic import compute_mean_rate, draw_starts

MOST_GENERATED = 100_000
"""Sessions that are generated at most."""

ENOUGH_EVENTS, MOST_REPEATS = 400_000, 4
"""Events after which no further seed is begun, some seven seconds of work; and the most seeds, with which a difference
has a variance of 1.25 of that of the recorded sessions alone, not 2."""

SEED_STEP = 1_000_003
"""From one seed of a comparison to the next, so that two comparisons whose seeds are near share none."""


class RepeatedTraffic:
    """The sessions of a scenario by seed, about as many with each as were recorded."""

    def __init__(self, scenario: Scenario, sessions: int, events: int, seed: int) -> None:
        wanted = min(sessions, MOST_GENERATED)
        self._scenario = scenario.adjust(rate=wanted / max(compute_mean_rate(scenario).expected, 1e-9))
        seeds = range(seed, seed + SEED_STEP * count_repeats(wanted, events), SEED_STEP)
        # by seed; fewer sessions than are wanted start if the rate falls to 0
        self.sessions = {each: min(wanted, len(draw_starts(self._scenario, each))) for each in seeds}

    def record(self, start: str, on_read: Callable[[int], None]) -> Recorded:
        """Generate the sessions and read them as recorded traffic; those of each seed begin at `start`."""
        recorder = Recorder()
        for seed, sessions in self.sessions.items():
            add_generated(recorder, self._scenario, sessions, seed, start, on_read)
        return recorder.finish()


def count_repeats(sessions: int, events: int) -> int:
    """Return with how many seeds to generate as many sessions as have so many events."""
    most = min(MOST_REPEATS, MOST_GENERATED // max(sessions, 1))
    return max(min(-(-ENOUGH_EVENTS // max(events, 1)), most), 1)
