"""The sending of `loadgen seed`: probe, the past, then the present."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import click
import msgspec

from loadgen import wire
from loadgen.aws import Account, Guest, make_signer, read_events
from loadgen.errors import LoadgenError
from loadgen.jobs.plan import Expectation, expect
from loadgen.jobs.seed.encoded_batch import Parcel, packed
from loadgen.jobs.seed.identity import Identity
from loadgen.jobs.seed.in_doubt import AWS, LOCAL
from loadgen.jobs.seed.ledger import Ledger
from loadgen.jobs.seed.probe import judge, probes, read_back
from loadgen.jobs.seed.rate_limiter import Pace
from loadgen.jobs.seed.seeder import Seeder, Tools
from loadgen.jobs.seed.senders import Senders
from loadgen.jobs.seed.stream import batches_due, past
from loadgen.jobs.seed.view import View, probe_lines
from loadgen.model import Noun
from loadgen.scenario import Scenario
from loadgen.transport import BlockingConnection, find_route

DEFAULT_QUOTA = 50.0  # requests a second (Service Quotas L-35851224)
LONG_SECONDS, WANTED_SECONDS = 3600.0, 600.0


class Options(Noun, kw_only=True):
    """What the command line asked for."""

    target: str | None
    region: str | None
    monitor: str | None
    days: float | None
    start: str | None
    end: str | None
    live: bool
    rate: float
    sample_rate: float | None
    seed: int | None
    quota: float | None
    senders: int
    identity_pool: str | None
    guest_role: str | None
    probe: bool | None
    out: Path | None
    yes: bool

    @property
    def asked(self) -> str:
        """The period as the options say it."""
        end = None if self.end == "now" else self.end
        days = 7.0 if self.days is None and self.start is None else self.days
        given = (("--days", days and f"{days:g}"), ("--from", self.start), ("--to", end))
        return " ".join(f"{name} {value}" for name, value in given if value)


class Job(Noun):
    """A run that may begin or go on."""

    scenario: Scenario
    identity: Identity
    account: Account
    folder: Path


def expectation(scenario: Scenario, identity: Identity) -> Expectation:
    """What the whole period holds."""
    return expect(past(scenario, identity.period), identity.seed)


def too_long(requests: int, quota: float | None, rate: float) -> str | None:
    """What to write instead when a run would take hours; an unknown quota is taken for RUM's default."""
    seconds = requests / (quota or DEFAULT_QUOTA)
    if seconds < LONG_SECONDS:
        return None
    thinner = float(f"{rate * WANTED_SECONDS / seconds:.1g}")
    return (
        f"that takes about {seconds / 3600:,.1f} h at {quota or DEFAULT_QUOTA:g} requests a second; "
        f"with --rate {thinner:g} it would take {seconds * thinner / rate / 60:.0f} min"
    )


def ran(seeder: Seeder) -> bool:
    """Run it; the first Ctrl-C (or SIGTERM) asks it to end well, a second one ends it at once."""

    def stop(*_: object) -> None:
        if seeder.stopping:
            raise KeyboardInterrupt
        click.echo("stopping: waiting for what is in flight (Ctrl-C again ends at once)", err=True)
        seeder.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return seeder.run()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Run:
    """One run of the sending."""

    def __init__(self, job: Job, ledger: Ledger, options: Options) -> None:
        self._job, self._ledger, self._options = job, ledger, options
        self._guest = Guest(options.identity_pool, options.guest_role) if options.identity_pool else None
        self._clock = wire.Clock(job.identity.period.start)
        self._read = partial(read_events, job.account, job.identity.monitor)
        self._visibility = LOCAL if job.account.is_local else AWS

    def go(self) -> bool:
        """Probe, send the past, then the present."""
        identity, options = self._job.identity, self._options
        expected = expectation(self._job.scenario, identity)
        quota = options.quota or self._job.account.fetch_rate_quota()
        learnt = self._ledger.learnt
        said = f"{quota:g} requests a second" if quota else "learnt from 429s" + (" before" if learnt else "")
        click.echo(f"{identity.scenario} → {identity.target}, monitor {identity.monitor}, seed {identity.seed}")
        click.echo(f"{identity.period}: about {expected.requests:,} requests, {expected.events:,} events; quota {said}")
        if hint := too_long(expected.requests, quota, options.rate):
            click.echo(hint)
        route = find_route(identity.target)
        senders = Senders(lambda: BlockingConnection(route), options.senders)
        try:
            with View(identity.period, expected.requests) as view:
                tools = self._tools(senders, Pace(quota, time.monotonic(), learnt), view)
                self._probe(tools)
                return self._send(tools, view)
        finally:
            senders.close()

    def _tools(self, senders: Senders, pace: Pace, view: View) -> Tools:
        signing = self._job.scenario.client.signing
        return Tools(
            ledger=self._ledger,
            senders=senders,
            pace=pace,
            signer=make_signer(self._job.identity.region, self._guest) if signing else None,
            read=self._read,
            visibility=self._visibility,
            watch=view.show,
        )

    def _probe(self, tools: Tools) -> None:
        wanted = self._options.probe if self._options.probe is not None else not self._job.account.is_local
        if not wanted or self._ledger.fact("probe"):
            return
        sent = list(probes(self._parcels(live=False), self._job.identity.period))
        if not ran(Seeder(iter(sent), tools)):
            raise LoadgenError("stopped while probing; run the same command again to go on")
        found = read_back(sent, self._read, self._visibility, click.echo)
        for line in probe_lines(found):
            click.echo(line)
        judge(found)
        self._ledger.note("probe", msgspec.json.encode(found))

    def _send(self, tools: Tools, view: View) -> bool:
        seeder = Seeder(self._parcels(live=False), tools)
        whole = self._ledger.finished or ran(seeder)
        if whole:
            self._ledger.finish()
        view.close(seeder.progress, whole, self._job.folder)
        if whole and self._options.live:
            self._live(tools, view)
        return whole

    def _live(self, tools: Tools, view: View) -> None:
        """Go on from the period's end until Ctrl-C."""
        view.goes_live()
        seeder = Seeder(self._parcels(live=True), tools)
        ran(seeder)
        view.ended(seeder.progress)

    def _parcels(self, live: bool) -> Iterator[Parcel]:
        """The batches of the past, or all that follow it."""
        job = self._job
        parts = urlsplit(job.identity.target)
        scenario = job.scenario
        destination = wire.Destination.of(
            scenario, job.identity.monitor_id, parts.netloc, prefix=parts.path.rstrip("/")
        )
        seconds = job.identity.period.seconds
        stream = batches_due(scenario, job.identity.seed, job.identity.period, live)
        return (packed(each, destination, self._clock) for each in stream if not live or each.batch.due >= seconds)
