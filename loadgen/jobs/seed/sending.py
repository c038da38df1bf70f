"""The steps of a seeding that send: a probe, the past, then the present.

Rule: RUM does not document how old a timestamp may be. So a probe goes to AWS first: a few of the run's own batches,
spread over the period, are sent and read back, and nothing more is sent unless they were kept. The ledger has a probe's
batches like all others, and they are not sent again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import msgspec

from loadgen import wire
from loadgen.aws import Account, Guest, make_signer, read_events
from loadgen.errors import LoadgenError, interrupt
from loadgen.jobs.plan import ExpectedVolume, estimate_volume
from loadgen.jobs.progress import OnLine
from loadgen.jobs.seed.in_doubt import ReadEvents, Visibility, choose_visibility, look_up
from loadgen.jobs.seed.ledger import BatchLedger, SeedIdentity
from loadgen.jobs.seed.period import PastPeriod, format_moment
from loadgen.jobs.seed.rate_limiter import RateLimiter
from loadgen.jobs.seed.seeder import Dependencies, Seeder, SeedProgress
from loadgen.jobs.seed.senders import SenderThreads
from loadgen.jobs.seed.stream import EncodedBatch, encode_batch, place_past, plan_batches
from loadgen.jobs.stop_signals import StopSignals
from loadgen.model import Noun
from loadgen.rum.quotas import REQUESTS_PER_SECOND
from loadgen.scenario import Scenario
from loadgen.transport import BlockingConnection, FirstAnswer, find_route
from loadgen.units import format_items
from loadgen.verb_options import SeedOptions

PROBES = 4
LONG_SECONDS, WANTED_SECONDS = 3600.0, 600.0  # a longer run gets a hint; the run that the hint proposes


class SeedTask(Noun):
    """A seeding that was checked and may begin or go on."""

    scenario: Scenario
    identity: SeedIdentity
    account: Account
    folder: Path
    options: SeedOptions
    finished: bool  # an earlier run has sent the whole past


class SeedStart(Noun):
    """What a seeding is about to send."""

    identity: SeedIdentity
    expected: ExpectedVolume
    quota: float | None  # requests a second
    learned: float | None  # requests a second that an earlier run learned


class SeedResult(Noun):
    """The result of a seeding."""

    folder: Path
    identity: SeedIdentity
    whole: bool  # False: stopped before the whole past was accepted
    progress: SeedProgress | None = None  # None: an earlier run has sent the past
    live: bool = False  # True: the result of --live, after the past
    earlier: int = 0  # requests of `progress.accepted` that earlier runs had sent; its troubles are of this run alone


OnSeedProgress = Callable[[str | SeedStart | SeedProgress | SeedResult], None]
"""Is called with lines of text and with a seeding's start, progress and results (of the past, and of --live)."""


class SeedRun:
    """One run of a seeding's probe, past and present."""

    def __init__(self, task: SeedTask, ledger: BatchLedger, on_progress: OnSeedProgress) -> None:
        self._task, self._ledger, self._on_progress = task, ledger, on_progress
        self._earlier = ledger.count_totals().accepted

    def send(self) -> SeedResult:
        """Send a probe if needed, the past, and with --live the present."""
        identity, options = self._task.identity, self._task.options
        expected = estimate_size(self._task.scenario, identity)
        quota = options.quota or self._task.account.fetch_rate_quota()
        self._on_progress(SeedStart(identity, expected, quota, self._ledger.learned_rate))
        if hint := suggest_thinning(expected.requests, quota, options.rate):
            self._on_progress(hint)
        route = find_route(identity.target)
        senders = SenderThreads(lambda: BlockingConnection(route), options.senders, options.accept)
        try:
            needs = self._make_dependencies(senders, RateLimiter(quota, time.monotonic(), self._ledger.learned_rate))
            self._probe(needs)
            return self._send_past(needs)
        finally:
            senders.close()

    def _make_dependencies(self, senders: SenderThreads, limiter: RateLimiter) -> Dependencies:
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
            on_progress=self._on_progress,
            first_answer=FirstAnswer(identity.target, "PutRumEvents", self._on_progress),
        )

    def _probe(self, needs: Dependencies) -> None:
        probe = self._task.options.probe
        wanted = probe if probe is not None else not self._task.account.is_local
        if not wanted or self._ledger.read_fact("probe"):
            return
        sent = list(choose_probes(self._encode_batches(live=False), self._task.identity.period))
        if not run_until_stopped(Seeder(iter(sent), needs), self._on_progress):
            raise LoadgenError("stopped while probing; run the same command again to go on")
        found = read_probes_back(sent, needs.read, needs.visibility, self._on_progress)
        for line in describe_probes(found):
            self._on_progress(line)
        check_probes(found)
        self._ledger.keep_fact("probe", msgspec.json.encode(found))

    def _send_past(self, needs: Dependencies) -> SeedResult:
        seeder = Seeder(self._encode_batches(live=False), needs)
        whole = self._ledger.finished or run_until_stopped(seeder, self._on_progress)
        if whole:
            self._ledger.keep_fact("finished", b"1")
        result = SeedResult(self._task.folder, self._task.identity, whole, seeder.progress, earlier=self._earlier)
        self._on_progress(result)
        return self._go_live(needs, result) if whole and self._task.options.live else result

    def _go_live(self, needs: Dependencies, past: SeedResult) -> SeedResult:
        """Send batches from the period's end on, in real time, until Ctrl-C."""
        self._on_progress("live: going on in real time; Ctrl-C stops")
        seeder = Seeder(self._encode_batches(live=True), needs)
        run_until_stopped(seeder, self._on_progress)
        result = msgspec.structs.replace(past, progress=seeder.progress, live=True)
        self._on_progress(result)
        return result

    def _encode_batches(self, live: bool) -> Iterator[EncodedBatch]:
        """Encode the batches of the past, or with `live` all later batches."""
        identity, scenario = self._task.identity, self._task.scenario
        destination = wire.Destination.for_scenario(scenario, identity.monitor_id, identity.target)
        clock, seconds = wire.Clock(identity.period.start), identity.period.seconds
        stream = plan_batches(scenario, identity.seed, identity.period, live)
        return (
            encode_batch(number, batch, destination, clock)
            for number, batch in enumerate(stream)
            if not live or batch.due >= seconds
        )


def run_until_stopped(seeder: Seeder, on_line: OnLine) -> bool:
    """Run a seeder. A first Ctrl-C, SIGTERM or SIGHUP lets it finish the batches in flight; a second ends it now."""

    def stop() -> None:
        if seeder.stopping:
            interrupt()
        on_line("stopping: waiting for the requests in flight (Ctrl-C again ends at once)")
        seeder.stopping = True

    with StopSignals(stop):
        return seeder.run()


# Size


def estimate_size(scenario: Scenario, identity: SeedIdentity) -> ExpectedVolume:
    """Estimate the requests and events of the whole period."""
    return estimate_volume(place_past(scenario, identity.period), identity.seed)


def suggest_thinning(requests: int, quota: float | None, rate: float) -> str | None:
    """Return a hint with a lower --rate if a run would take hours, else None; None as quota means RUM's default."""
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
    """The result of one probe: whether the service keeps events as old as this batch's."""

    date: float  # Unix time of the batch
    events: int
    kept: bool
    seconds: float  # until the batch showed; if it did not, the time waited


def choose_probes(stream: Iterable[EncodedBatch], period: PastPeriod) -> Iterator[EncodedBatch]:
    """Yield the first batch in each of PROBES equal parts of the period."""
    wanted, part = period.start, period.seconds / PROBES
    for batch in stream:
        if batch.due >= wanted:
            yield batch
            wanted += part * (1 + int((batch.due - wanted) // part))
        if wanted >= period.end:
            return


def read_probes_back(
    sent: list[EncodedBatch], read: ReadEvents, visibility: Visibility, on_line: OnLine
) -> list[AgeProbe]:
    """Look the probes up until all show, or for as long as the service may take."""
    began = time.time()
    shown: dict[int, float] = {}
    while len(shown) < len(sent):
        waiting = [batch.entry for batch in sent if batch.entry.number not in shown]
        waited = time.time() - began
        shown |= dict.fromkeys(look_up(waiting, read), waited)
        if len(shown) == len(sent) or waited >= visibility.settle:
            break
        on_line(f"probe: {len(sent) - len(shown)} of {len(sent)} batches do not show yet, after {waited:.0f} s")
        time.sleep(visibility.poll)
    waited = time.time() - began
    return [
        AgeProbe(each.due, len(each.entry.ids), number in shown, round(shown.get(number, waited), 3))
        for each, number in ((batch, batch.entry.number) for batch in sent)
    ]


def describe_probes(found: list[AgeProbe]) -> list[str]:
    """Return one line for each probe: whether its events were kept."""
    return [
        f"probe: {format_items(probe.events, 'event')} of {format_moment(probe.date)} were "
        + (f"kept, and showed after {probe.seconds:.0f} s" if probe.kept else f"not shown after {probe.seconds:.0f} s")
        for probe in found
    ]


def check_probes(found: list[AgeProbe]) -> None:
    """Raise LoadgenError if a probe was not kept; the message says from which date on events were kept."""
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
