"""The sending of a seed: a probe, the past, then the present.

Rule: the age of timestamps that RUM accepts is not documented, so nothing more is sent to AWS before a probe was kept:
a few of the run's own batches, from over the period, sent first and read back. A probe's batches are in the ledger like
all others, and are not sent again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from loadgen import wire
from loadgen.aws import Account, Guest, make_signer, read_events
from loadgen.errors import LoadgenError, interrupt
from loadgen.jobs.plan import ExpectedVolume, estimate_volume
from loadgen.jobs.progress import OnLine
from loadgen.jobs.seed.in_doubt import ReadEvents, Visibility, choose_visibility, look_up
from loadgen.jobs.seed.ledger import BatchLedger, SeedIdentity
from loadgen.jobs.seed.options import PastPeriod, SeedOptions, format_moment
from loadgen.jobs.seed.rate_limiter import RateLimiter
from loadgen.jobs.seed.seeder import Dependencies, Seeder, SeedProgress
from loadgen.jobs.seed.senders import SenderThreads
from loadgen.jobs.seed.stream import EncodedBatch, encode_batch, place_past, plan_batches
from loadgen.jobs.stop_signals import StopSignals
from loadgen.model import Noun
from loadgen.rum.quotas import REQUESTS_PER_SECOND
from loadgen.scenario import Scenario
from loadgen.transport import BlockingConnection, FirstAnswer, find_route

PROBES = 4
LONG_SECONDS, WANTED_SECONDS = 3600.0, 600.0


class SeedTask(Noun):
    """A seeding that may begin or go on."""

    scenario: Scenario
    identity: SeedIdentity
    account: Account
    folder: Path
    options: SeedOptions
    finished: bool  # by an earlier run: the whole past was accepted


class SeedStart(Noun):
    """What is about to be sent."""

    identity: SeedIdentity
    expected: ExpectedVolume
    quota: float | None  # requests a second
    learned: float | None  # by an earlier run


class SeedResult(Noun):
    """What a seeding has come to."""

    folder: Path
    identity: SeedIdentity
    whole: bool  # False: stopped before the past was in
    progress: SeedProgress | None = None  # None: the past was in before
    live: bool = False  # it went on in real time after the past


OnProgress = Callable[[str | SeedStart | SeedProgress | SeedResult], None]
"""Gets lines for people, and how a seeding goes; a SeedResult when the past has ended and when the present has."""


class SeedRun:
    """One run of the sending."""

    def __init__(self, task: SeedTask, ledger: BatchLedger, on_progress: OnProgress) -> None:
        self._task, self._ledger, self._tell = task, ledger, on_progress

    def send(self) -> SeedResult:
        """Probe, send the past, then the present."""
        identity, options = self._task.identity, self._task.options
        expected = estimate_size(self._task.scenario, identity)
        quota = options.quota or self._task.account.fetch_rate_quota()
        self._tell(SeedStart(identity, expected, quota, self._ledger.learned_rate))
        if hint := suggest_thinning(expected.requests, quota, options.rate):
            self._tell(hint)
        route = find_route(identity.target)
        senders = SenderThreads(lambda: BlockingConnection(route), options.senders, options.accept)
        try:
            needs = self._gather(senders, RateLimiter(quota, time.monotonic(), self._ledger.learned_rate))
            self._probe(needs)
            return self._send_past(needs)
        finally:
            senders.close()

    def _gather(self, senders: SenderThreads, limiter: RateLimiter) -> Dependencies:
        identity, account, options = self._task.identity, self._task.account, self._task.options
        guest = Guest(options.identity_pool, options.guest_role) if options.identity_pool else None
        signing = self._task.scenario.client.signing
        return Dependencies(
            ledger=self._ledger,
            senders=senders,
            limiter=limiter,
            signer=make_signer(identity.region, guest, identity.target, account.credentials) if signing else None,
            read=partial(read_events, account, identity.monitor),
            visibility=choose_visibility(account),
            on_progress=self._tell,
            first_answer=FirstAnswer(identity.target, "PutRumEvents", self._tell),
        )

    def _probe(self, needs: Dependencies) -> None:
        probe = self._task.options.probe
        wanted = probe if probe is not None else not self._task.account.is_local
        if not wanted or self._ledger.read_fact("probe"):
            return
        sent = list(choose_probes(self._encode_batches(live=False), self._task.identity.period))
        if not run_until_stopped(Seeder(iter(sent), needs), self._tell):
            raise LoadgenError("stopped while probing; run the same command again to go on")
        found = read_probes_back(sent, needs.read, needs.visibility, self._tell)
        for line in describe_probes(found):
            self._tell(line)
        check_probes(found)
        self._ledger.keep_fact("probe", msgspec.json.encode(found))

    def _send_past(self, needs: Dependencies) -> SeedResult:
        seeder = Seeder(self._encode_batches(live=False), needs)
        whole = self._ledger.finished or run_until_stopped(seeder, self._tell)
        if whole:
            self._ledger.keep_fact("finished", b"1")
        result = SeedResult(self._task.folder, self._task.identity, whole, seeder.progress)
        self._tell(result)
        return self._go_live(needs, result) if whole and self._task.options.live else result

    def _go_live(self, needs: Dependencies, past: SeedResult) -> SeedResult:
        """Go on from the period's end until Ctrl-C."""
        self._tell("live: going on in real time; Ctrl-C stops")
        seeder = Seeder(self._encode_batches(live=True), needs)
        run_until_stopped(seeder, self._tell)
        result = msgspec.structs.replace(past, progress=seeder.progress, live=True)
        self._tell(result)
        return result

    def _encode_batches(self, live: bool) -> Iterator[EncodedBatch]:
        """The batches of the past, or all that follow it."""
        identity, scenario = self._task.identity, self._task.scenario
        parts = urlsplit(identity.target)
        destination = wire.Destination.for_scenario(
            scenario, identity.monitor_id, parts.netloc, prefix=parts.path.rstrip("/")
        )
        clock, seconds = wire.Clock(identity.period.start), identity.period.seconds
        stream = plan_batches(scenario, identity.seed, identity.period, live)
        return (
            encode_batch(number, batch, destination, clock)
            for number, batch in enumerate(stream)
            if not live or batch.due >= seconds
        )


def run_until_stopped(seeder: Seeder, tell: OnLine) -> bool:
    """Run it; the first Ctrl-C, SIGTERM or SIGHUP asks it to end well, a second one ends it at once."""

    def stop() -> None:
        if seeder.stopping:
            interrupt()
        tell("stopping: waiting for what is in flight (Ctrl-C again ends at once)")
        seeder.stopping = True

    with StopSignals(stop):
        return seeder.run()


# Size


def estimate_size(scenario: Scenario, identity: SeedIdentity) -> ExpectedVolume:
    """How many requests and events the whole period holds."""
    return estimate_volume(place_past(scenario, identity.period), identity.seed)


def suggest_thinning(requests: int, quota: float | None, rate: float) -> str | None:
    """What to write instead when a run would take hours; an unknown quota is taken for RUM's default."""
    seconds = requests / (quota or REQUESTS_PER_SECOND)
    if seconds < LONG_SECONDS:
        return None
    thinner = float(f"{rate * WANTED_SECONDS / seconds:.1g}")
    return (
        f"that takes about {seconds / 3600:,.1f} h at {quota or REQUESTS_PER_SECOND:g} requests a second; "
        f"with --rate {thinner:g} it would take {seconds * thinner / rate / 60:.0f} min"
    )


# Probe


class AgeProbe(Noun):
    """What became of one batch that was sent to see whether the service keeps events of its age."""

    date: float  # Unix time of the batch
    events: int
    kept: bool
    seconds: float  # until it showed; if it never did, how long was waited


def choose_probes(stream: Iterable[EncodedBatch], period: PastPeriod, count: int = PROBES) -> Iterator[EncodedBatch]:
    """The first batch of each of `count` equal parts of the period."""
    wanted, part = period.start, period.seconds / count
    for batch in stream:
        if batch.due >= wanted:
            yield batch
            wanted += part * (1 + int((batch.due - wanted) // part))
        if wanted >= period.end:
            return


def read_probes_back(
    sent: list[EncodedBatch], read: ReadEvents, visibility: Visibility, tell: OnLine
) -> list[AgeProbe]:
    """Look until all show, or as long as the service may take."""
    began = time.time()
    shown: dict[int, float] = {}
    while len(shown) < len(sent):
        waiting = [batch.entry for batch in sent if batch.entry.number not in shown]
        waited = time.time() - began
        shown |= dict.fromkeys(look_up(waiting, read), waited)
        if len(shown) == len(sent) or waited >= visibility.settle:
            break
        tell(f"probe: {len(sent) - len(shown)} of {len(sent)} batches do not show yet, after {waited:.0f} s")
        time.sleep(visibility.poll)
    waited = time.time() - began
    return [
        AgeProbe(each.due, len(each.entry.ids), number in shown, round(shown.get(number, waited), 3))
        for each, number in ((batch, batch.entry.number) for batch in sent)
    ]


def describe_probes(found: list[AgeProbe]) -> list[str]:
    """What each probe has shown."""
    return [
        f"probe: {probe.events} events of {format_moment(probe.date)} were "
        + (f"kept, and showed after {probe.seconds:.0f} s" if probe.kept else f"not shown after {probe.seconds:.0f} s")
        for probe in found
    ]


def check_probes(found: list[AgeProbe]) -> None:
    """Refuse to go on when something was not kept, and say what was."""
    lost = [probe for probe in found if not probe.kept]
    if not lost:
        return
    kept = [probe.date for probe in found if probe.kept]
    advice = (
        f"those from {format_moment(min(kept))} on were kept: begin there, with --from"
        if kept
        else "none was: try a shorter period"
    )
    raise LoadgenError(
        f"the service took events of {', '.join(format_moment(probe.date) for probe in lost)} but does not show them "
        f"after {max(probe.seconds for probe in lost):.0f} s; {advice}, and give --out another folder. "
        "Nothing else was sent"
    )
