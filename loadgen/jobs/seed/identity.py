"""What a ledger belongs to: with the same identity the same batches come out, so that a run can go on.

Rule: whatever differs is told with both values and with what to do, and nothing is changed.
"""

from __future__ import annotations

from hashlib import blake2b

from loadgen.errors import LoadgenError
from loadgen.jobs.seed.period import Period
from loadgen.model import Noun
from loadgen.scenario import Scenario

NOT_TRAFFIC: dict[str, bool | dict[str, bool]] = {"description": True, "thresholds": True, "seed": True}
"""Parts of a scenario that change no byte of the traffic; of the monitor, only these do:"""

OF_THE_MONITOR = frozenset({"domain", "sample_rate", "telemetries", "custom_events", "version"})


class Identity(Noun):
    """Everything that the batches are a function of, and where they go."""

    run: str  # UUID: the tag of what the run creates
    scenario: str
    fingerprint: str  # of the scenario's traffic, factors on the command line included
    seed: int
    target: str  # data plane URL
    region: str
    monitor: str
    monitor_id: str  # empty until the monitor is made
    asked: str  # the period as it was asked for, "--days 7 --to now"
    period: Period


def fingerprint(scenario: Scenario) -> str:
    """16 hex digits that change whenever the scenario's traffic does."""
    monitor = {name: True for name in type(scenario.monitor).model_fields if name not in OF_THE_MONITOR}
    text = scenario.model_dump_json(exclude={**NOT_TRAFFIC, "monitor": monitor})
    return blake2b(text.encode(), digest_size=8).hexdigest()


def check(kept: Identity, wanted: Identity, where: str) -> None:
    """Refuse to go on with a ledger that belongs to something else."""
    found = [
        f"it belongs to {name} {ours}, not {theirs or 'none'}; {advice}, or "
        for name, ours, theirs, advice in _pairs(kept, wanted)
        if ours != theirs
    ]
    if kept.monitor_id and kept.monitor_id != wanted.monitor_id:
        now = f"one that was made since has its name (id {wanted.monitor_id})" if wanted.monitor_id else "it is gone"
        found.append(f"its events went to the app monitor {kept.monitor} with the id {kept.monitor_id}; {now}; ")
    if kept.asked != wanted.asked and kept.period != wanted.period:
        found.append(
            f"it belongs to the period {kept.period} ({kept.asked}), not {wanted.period} ({wanted.asked}); "
            f"ask for that one again ({kept.asked}), or "
        )
    if found:
        other = "give --out another folder to begin a new one; nothing was changed"
        raise LoadgenError("\n".join(f"{where}: {line}{other}" for line in found))


def _pairs(kept: Identity, wanted: Identity) -> list[tuple[str, object, object, str]]:
    return [
        ("scenario", kept.scenario, wanted.scenario, f"seed {kept.scenario}"),
        (
            "traffic with the fingerprint",
            kept.fingerprint,
            wanted.fingerprint,
            "undo the change of the scenario (or of --rate, --sample-rate)",
        ),
        ("seed", kept.seed, wanted.seed, f"give --seed {kept.seed}"),
        ("target", kept.target, wanted.target, "give the same --target and region"),
        ("app monitor", kept.monitor, wanted.monitor, f"give --monitor {kept.monitor}"),
    ]
