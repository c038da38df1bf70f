"""The options of each verb that does a job, each with its default and its bounds.

Rule: a default stands only here: an option of a verb is a field of its class, and a line in its file of `loadgen/cli/`.
`NEEDS` names the options that do nothing without another one, and are refused without it.
The module imports little, so that the help of a verb, which shows the defaults, comes at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar

from msgspec import Meta, Struct

from loadgen import units
from loadgen.options import Accept, Count, DialectName, Port, Positive, Price, SampleRate, Seconds, Seed, Share, Text
from loadgen.rum.quotas import DOLLARS_PER_EVENT, REQUESTS_PER_SECOND

NAME_FORM = "up to 64 letters, digits, dots, dashes and underscores"
ScenarioName = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z", description=NAME_FORM)]


class NetworkOptions(Struct, frozen=True, kw_only=True):
    """How a verb that sends reaches its target."""

    proxy: str | None = None  # http://HOST:PORT, in place of the environment's proxy
    ca_bundle: str | None = None  # PEM file of trusted certificates, in place of the environment's file


class TargetOptions(NetworkOptions, frozen=True, kw_only=True):
    """The RUM service that a verb calls."""

    target: Text | None = None  # a URL, or aws; AWS_ENDPOINT_URL_RUM unless given
    region: Text | None = None  # from boto3's usual chain unless given


class RunOptions(NetworkOptions, frozen=True, kw_only=True):
    """The options of a run, with their defaults. Times in seconds."""

    NEEDS: ClassVar = {"expect_workers": "master", "bind_host": "master", "bind_port": "master"}

    target: str = "local"  # local, aws, or an endpoint's URL
    monitor: Text | None = None  # name or id, in place of the scenario's app monitor
    region: Text | None = None
    duration: Positive | None = None  # scenario seconds; at a pace of 10x a run takes a tenth of them
    rate: Annotated[float, Meta(gt=0, le=1e6)] = 1.0  # a factor on the arrivals' rate
    pace: str = "realtime"
    seed: Seed | None = None
    sample_rate: Share | None = None
    senders: Annotated[int, Meta(ge=1, le=900)] = 500  # the most requests in flight, per process
    processes: Count | None = None
    master: bool = False  # wait for workers on other machines
    expect_workers: Count = 1
    bind_host: Text = "127.0.0.1"
    bind_port: Port = 5557
    max_events: Count | None = None
    quota: Positive | None = 50.0  # of the local endpoint, in requests a second; None: no quota
    faults: str | None = None  # that the local endpoint injects
    store: str | None = None  # the local endpoint's SQLite file
    dialect: DialectName = "web"
    web: Port | None = None
    prometheus: Port | None = None
    otel: bool = False
    unsigned: bool = False
    timeout: Positive = 30.0  # seconds to wait for an answer
    accept: Accept = "rum"
    tag: Text | None = None  # a label, for reports and comparisons
    threshold: tuple[str, ...] = ()  # such as "latency_p99_ms < 500": adds to or replaces the scenario's thresholds

    @property
    def factor(self) -> float:
        """The scenario seconds that pass in one second of the run; infinite for `--pace max`."""
        return units.parse_pace(self.pace)

    @property
    def workers(self) -> int:
        """The number of processes that send."""
        return self.expect_workers if self.master else self.processes or 1

    def find_differences(self, other: RunOptions) -> dict[str, tuple[Any, Any]]:
        """Return the options that differ from another run's: name → (own value, other value), in the fields' order."""
        pairs = {name: (getattr(self, name), getattr(other, name)) for name in RunOptions.__struct_fields__}
        return {name: (own, others) for name, (own, others) in pairs.items() if own != others}


class WorkerOptions(NetworkOptions, frozen=True, kw_only=True):
    """Options of a worker, which sends a share of the run of a master on another machine."""

    master_host: Text
    master_port: Port = 5557
    processes: Count | None = None  # workers on this machine; None: one
    otel: bool = False


class FindLimitOptions(NetworkOptions, frozen=True, kw_only=True):
    """The options of a search, except the scenario."""

    target: str = "local"  # local, aws, or a URL
    monitor: Text | None = None  # name or id, in place of the scenario's app monitor
    region: Text | None = None
    max_throttled: Share = 0.001  # share of requests that may get a 429
    max_failed: Share = 0.001  # share of requests that may fail otherwise
    max_p99: Positive | None = None  # milliseconds of latency
    start: Positive = 10.0  # first rate, in requests per second
    max_rate: Positive = 5000.0  # no higher rate is tried
    precision: Annotated[float, Meta(ge=0.005, le=0.5)] = 0.05  # relative gap between kept and broken rate
    hold: Seconds = 10.0  # length of a window in seconds
    max_windows: Annotated[int, Meta(ge=4, le=200)] = 40  # then the search stops, not confirmed
    senders: Annotated[int, Meta(ge=1, le=900)] = 500  # most requests in flight
    quota: Positive | None = 50.0  # of the local endpoint, in requests per second; None: no quota
    seed: Seed | None = None
    accept: Accept = "rum"


class PlanOptions(Struct, frozen=True, kw_only=True):
    """Options of a plan. The first eight change the scenarios, the others say what to compute about them."""

    NEEDS: ClassVar = {"peak_to_trough": "sessions_per_day"}

    duration: Seconds | None = None  # replaces the scenarios' duration
    rate: Positive = 1.0  # factor on the first scenario's arrivals
    sample_rate: Share | None = None  # replaces the monitors' sample rates
    seed: Seed | None = None
    sessions_per_day: Positive | None = None  # plan 24 hours with this number of visits to the first scenario
    peak_to_trough: Annotated[float, Meta(ge=1, le=1000)] | None = None  # busiest by quietest hour of a country
    growth: Annotated[float, Meta(ge=-0.99, le=1000)] = 0.0  # of all visits, relative: 0.3 is 30 % more
    weekday_peak: Annotated[float, Meta(ge=1, le=100)] = 1.0  # visits: busiest weekday divided by mean day
    quota: Positive = REQUESTS_PER_SECOND  # requests a second of the account and Region
    burst: Annotated[float, Meta(ge=1, le=1e12)] | None = None  # requests at once; None: one second's quota
    max_loss: Share = 0.001  # share of the events that may be lost under the quota needed
    rates: tuple[SampleRate, ...] = (0.01, 0.1, 0.25, 0.5, 1.0)  # sample rates to compare
    price: Price = DOLLARS_PER_EVENT
    free_events: Annotated[int, Meta(ge=0)] = 0  # a month
    precision: Annotated[float, Meta(ge=0.001, le=0.5)] = 0.02  # half the 95 % interval that a sample reaches
    exact: bool = False  # rehearse every session
    margin: Annotated[float, Meta(ge=0, le=10)] = 0.25  # quota to request above the quota needed, relative
    budget: Price | None = None  # dollars a month that the advised sample rate may cost
    wanted_precision: Annotated[float, Meta(gt=0, le=1)] | None = None  # of a day's figures at the advised rate
    answer_seconds: Annotated[float, Meta(ge=0, le=60)] = 0.05  # from a request to its answer, on average

    @property
    def burst_seconds(self) -> float:
        """The bucket's depth in seconds of quota; every quota that is tried gets a bucket of this depth."""
        return 1.0 if self.burst is None else self.burst / self.quota


class SamplingOptions(Struct, frozen=True, kw_only=True):
    """Options: the rates to compare, the change to detect, and changes of the scenario."""

    NEEDS: ClassVar = {"peak_to_trough": "sessions_per_day"}

    rates: tuple[SampleRate, ...] = (0.01, 0.1, 1.0)
    change: Annotated[float, Meta(ge=0.001, le=10)] = 0.1  # relative
    power: Annotated[float, Meta(ge=0.5, le=0.99)] = 0.8  # probability of detecting the change
    over: Seconds | None = None  # length of each period, before and after the change; None: the scenario's duration
    price: Price = DOLLARS_PER_EVENT
    sessions: Annotated[int, Meta(ge=100, le=1_000_000)] = 20_000  # visits drawn at most
    duration: Seconds | None = None  # replaces the scenario's duration
    rate: Positive = 1.0  # factor on the arrivals
    sessions_per_day: Positive | None = None  # 24 hours with this number of visits instead
    peak_to_trough: Annotated[float, Meta(ge=1, le=1000)] | None = None  # busiest by quietest hour of a country
    seed: Seed | None = None


class PreviewOptions(Struct, frozen=True, kw_only=True):
    """Options that change the scenario before it is drawn."""

    duration: Seconds | None = None  # replaces the scenario's duration
    rate: Positive = 1.0  # factor on the arrivals
    seed: Seed | None = None


class GenerateOptions(Struct, frozen=True, kw_only=True):
    """The options of `generate`: how many sessions, and how their bodies are written."""

    sessions: Annotated[int, Meta(ge=1, le=10_000_000)]
    seed: Seed | None = None
    start: str | None = None  # the run's zero: now, or an ISO 8601 date and time, UTC unless it has an offset
    dialect: DialectName = "web"  # bodies as the RUM web client or as an AWS SDK writes them
    workers: Annotated[int, Meta(ge=1, le=256)] = 1  # number of processes


class SeedOptions(TargetOptions, frozen=True, kw_only=True):
    """All options of `seed`, besides the scenario."""

    NEEDS: ClassVar = {"guest_role": "identity_pool"}

    monitor: Text | None = None  # name or id, replaces the scenario's
    days: Annotated[float, Meta(gt=0, le=366)] | None = None  # length of the period, 7 unless given
    start: str | None = None  # ISO 8601, instead of days
    end: str | None = None  # ISO 8601 or "now"
    live: bool = False  # go on in real time after the past
    rate: Annotated[float, Meta(gt=0, le=1e6)] = 1.0  # factor on the arrivals
    sample_rate: Share | None = None
    seed: Seed | None = None
    quota: Positive | None = None  # PutRumEvents a second; asked of Service Quotas or learned unless given
    senders: Annotated[int, Meta(ge=1, le=256)] = 16  # requests in flight
    accept: Accept = "rum"  # answers that mean accepted: RUM's own, or "2xx" for a backend with other answers
    identity_pool: Text | None = None  # send as a guest of this Cognito identity pool
    guest_role: Text | None = None
    probe: bool | None = None  # send a few old events first and read them back; on AWS unless given
    out: Path | None = None  # folder; results/seed-<monitor>-<scenario> unless given


class VerifyOptions(NetworkOptions, frozen=True, kw_only=True):
    """Options of reading back what was seeded."""

    wait: Annotated[float, Meta(ge=0)] | None = None  # seconds; None: as long as the service may take


class CleanOptions(NetworkOptions, frozen=True, kw_only=True):
    """Options of deleting the app monitors that a seeding created."""

    dry_run: bool = False


class FitOptions(TargetOptions, frozen=True, kw_only=True):
    """Options of a fit: facts about the data that it does not show, sources, and how the fit is judged."""

    NEEDS: ClassVar = dict.fromkeys(("target", "region", "proxy", "ca_bundle", "after", "before"), "monitor")

    name: ScenarioName | None = None  # None: from the scenario's file, else "fitted"
    sample_rate: SampleRate | None = None  # at which the client recorded; None: 1 is assumed, and a note says so
    at_least: Annotated[int, Meta(ge=1)] = 5  # visitors who must have a text before it is written
    page: tuple[str, ...] = ()  # patterns of pages, such as /help/{topic}
    holdout: Annotated[float, Meta(ge=0, lt=1)] = 0.0  # share of the sessions that are judged and not fitted
    seed: Seed = 0  # of the generated sessions
    monitor: Text | None = None  # an app monitor to read live, in addition to the files
    after: str | None = None  # read from this moment on; 30 days ago unless given
    before: str = "now"
