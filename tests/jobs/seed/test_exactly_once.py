"""The promise of `loadgen seed`: each event once, whatever happens to it or to the endpoint."""

from __future__ import annotations

from pathlib import Path

from loadgen.jobs.seed.ledger import BatchLedger
from loadgen.jobs.seed.period import PastPeriod
from loadgen.jobs.seed.stream import plan_batches
from loadgen.scenario import Scenario
from tests.jobs.seed.trial import BURSTS, trial
from tests.paths import SCENARIOS

QUICKSTART = SCENARIOS / "quickstart.toml"
DAYS, RATE, SEED = 1.0, 0.0005, 5
SMALL = [QUICKSTART, "--days", DAYS, "--rate", RATE, "--seed", SEED]


def test_five_kills_two_restarts_500s_and_lost_answers_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    found = trial(tmp_path, [*SMALL, "--quota", 300], 450, BURSTS, 300.0, 1)
    assert found["exit"] == 0, found
    assert (found["missing"], found["duplicated"], found["in_doubt"], found["others"]) == (0, 0, 0, 0)
    assert found["present"] == found["expected"] > 5000
    with BatchLedger(tmp_path / "run") as ledger:
        assert ledger.identity
        sent = {event for entry in ledger.read_entries() for event in entry.ids}
        assert sent == planned_events(ledger.identity.period)


def planned_events(period: PastPeriod) -> set[bytes]:
    """What the same command sends when nothing goes wrong."""
    scenario = Scenario.load(QUICKSTART).adjust(rate=RATE)
    batches = plan_batches(scenario, SEED, period)
    return {bytes.fromhex(event.id.replace("-", "")) for batch in batches for event in batch.events}
