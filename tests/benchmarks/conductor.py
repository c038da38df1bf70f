"""How many workers can one conductor lead: `python -m tests.benchmarks.conductor` (`make bench`).

Simulated workers report a second each, in Locust's own messages, sealed under a secret as between machines. The
processor time is what the master spends on them: unseal, decode, unpack, count, and once a second write what is
settled. There is no network and no waiting; ZeroMQ's own work is not in it. Writes results/benchmarks/conductor.md.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from locust.env import Environment
from locust.rpc.protocol import Message

from loadgen.model import Result, Volume
from loadgen.results import EventCounts, IntervalReport, RunFolder, RunMonitor, RunSpec, make_run_options
from loadgen.results.meter import Meter
from loadgen.swarm.conductor import Conductor
from loadgen.swarm.locust_private.frames import DroppedFrames, decode_message, seal
from loadgen.swarm.messages import SECOND, WorkerShare, pack
from loadgen.swarm.node_role import NodeRole
from tests.benchmarks.machine import described
from tests.benchmarks.ready import MONITOR_ID, STOREFRONT
from tests.paths import ROOT

SECRET = b"a secret of the benchmark's own"
SECONDS, WARM_SECONDS = 12, 4
HALF_A_CORE = 0.5
EVENTS, WIRE_BYTES, RAW_BYTES = 9, 1_000, 4_800  # of a storefront request, rounded (results/benchmarks/generator.md)
TYPES = tuple(f"com.amazon.rum.{kind}_event" for kind in ("page_view", "performance_navigation", "http", "js_error"))
LADDER = ((10, 0), (10, 10), (10, 100), (10, 1000), (100, 10), (200, 10), (200, 100))
"""Workers, and the requests a second of each."""


class Cost(msgspec.Struct):
    """Processor seconds of the conductor in one second of a run, by part."""

    workers: int
    requests: int  # a second of each worker
    frame_bytes: int  # the mean of a frame
    decode: float  # unseal, msgpack, Locust's message
    count: float  # our noun, the records' file, the sums
    settle: float  # the timeline's and the histograms' lines

    @property
    def core(self) -> float:
        """Share of a core."""
        return self.decode + self.count + self.settle


def frame_of(worker: int, second: int, requests: int, draw: random.Random) -> bytes:
    """A worker's sealed frame about a second, with records as a worker on another machine sends them."""
    meter = Meter(worker)
    for _ in range(requests):
        at = second + draw.random() * 0.9
        started = at + draw.expovariate(1000)
        done = started + draw.lognormvariate(-3.5, 0.5)
        status = 200 if draw.random() < 0.98 else 429
        meter.record(Result(at, started, done, status, EVENTS, WIRE_BYTES, RAW_BYTES, session=draw.randrange(10**6)))
        meter.offer(at, Volume(1, EVENTS, WIRE_BYTES, RAW_BYTES), TYPES)
    tally = EventCounts(sessions=(second + 1) * requests, generated=(second + 1) * requests * EVENTS)
    gauges = {"sessions_active": requests * 17, "in_flight": 3, "cpu_percent": 40.0, "rss_bytes": 2 * 10**8}
    report: IntervalReport = msgspec.structs.replace(meter.take(second), tallies=(tally,), **gauges)
    message: Any = Message
    return seal(message(SECOND, pack(report), name_worker(worker)).serialize(), SECRET)


def name_worker(worker: int) -> str:
    """A client id as Locust makes it: the machine's name and 32 hexadecimal digits."""
    return f"worker-{worker}_{worker:032x}"


def conduct(folder: Path, workers: int) -> NodeRole:
    """A master's role in the middle of a run, with a share for each worker."""
    role = NodeRole(Environment(), DroppedFrames())
    options = make_run_options(seed=7, target="https://rum.example.com")
    spec = RunSpec.resolve(options, str(STOREFRONT), STOREFRONT.read_text())
    spec = msgspec.structs.replace(spec, monitors=(RunMonitor(spec.scenario.monitor.name, MONITOR_ID),))
    role.conductor = conductor = Conductor(role.environment, spec, RunFolder.ensure(folder), print, DroppedFrames())
    for worker in range(workers):
        conductor._shares[name_worker(worker)] = WorkerShare(worker, workers, 0.0, spec)
    return role


Worked = TypeVar("Worked")


def timed(work: Callable[..., Worked], *arguments: Any) -> tuple[float, Worked]:
    """The processor seconds of a piece of work, and what it returned."""
    began = time.process_time()
    done = work(*arguments)
    return time.process_time() - began, done


def decode_all(frames: list[bytes]) -> list[Message]:
    """The messages of frames, as the master reads them."""
    return [decode_message(frame, SECRET) for frame in frames]


def hear_all(role: NodeRole, messages: list[Message]) -> None:
    """Hand the workers' messages to the master's role."""
    for each in messages:
        role.receive_report(each.node_id, each.data)


def measure(workers: int, requests: int) -> Cost:
    """The mean cost of a second, after the warm-up, over the seconds of one run."""
    draw, sizes, parts = random.Random(workers + requests), [], [0.0, 0.0, 0.0]
    with tempfile.TemporaryDirectory(prefix="loadgen-bench-") as folder:
        role = conduct(Path(folder) / "run", workers)
        assert role.conductor is not None
        recording = role.conductor._recording
        for second in range(SECONDS):
            frames = [frame_of(worker, second, requests, draw) for worker in range(workers)]
            decoding, messages = timed(decode_all, frames)
            counting, _ = timed(hear_all, role, messages)
            settling, _ = timed(recording.settle, second)
            sizes += [len(frame) for frame in frames]
            if second >= WARM_SECONDS:
                parts = [sum(pair) for pair in zip(parts, (decoding, counting, settling), strict=True)]
        sent = role.conductor.measured.metrics.outcomes.requests.sent
        if sent != workers * requests * SECONDS:
            raise RuntimeError(f"the conductor counted {sent} requests of {workers * requests * SECONDS}")
    each = [part / (SECONDS - WARM_SECONDS) for part in parts]
    return Cost(workers, requests, sum(sizes) // len(sizes), *each)


def show(costs: list[Cost], machine: str) -> str:
    """The table and what follows from it, as Markdown."""
    lines = [
        "# One conductor, many workers",
        "",
        f"Processor time of the master for the reports of simulated workers, one a second each; {machine}.",
        "",
        "| workers | requests a second of each | bytes a report | ms a second: decode | count | settle "
        "| share of a core | µs a report | workers under half a core |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for cost in costs:
        ms = " | ".join(f"{1000 * part:.1f}" for part in (cost.decode, cost.count, cost.settle))
        each = (cost.decode + cost.count) / cost.workers
        most = int((HALF_A_CORE - cost.settle) / each)
        lines.append(
            f"| {cost.workers} | {cost.requests:,} | {cost.frame_bytes:,} | {ms} | {cost.core:.1%} "
            f"| {1e6 * each:,.0f} | {most:,} |"
        )
    return "\n".join([*lines, "", *conclude(costs), ""])


def conclude(costs: list[Cost]) -> list[str]:
    """What limits the conductor: a report's cost and a request's, from ten workers with few and with many requests."""
    few, many = costs[1], costs[3]
    cost_few, cost_many = ((each.decode + each.count) / each.workers for each in (few, many))
    request = (cost_many - cost_few) / (many.requests - few.requests)
    report = cost_few - few.requests * request
    record = (many.frame_bytes - few.frame_bytes) / (many.requests - few.requests)
    fleet = 100 * report + many.settle
    room = (HALF_A_CORE - fleet) / request
    return [
        f"A report with requests in it costs {1e6 * report:,.0f} µs whatever their number, and {1e6 * request:.2f} µs "
        "for each. What limits the number of workers is the former, the adding of a small batch of records to the sums "
        "of second, stage and run; decoding and checking the message is a hundredth of it with few requests. To merge "
        "a worker's messages would not help: it sends one a second. If more workers were needed, what several report "
        "of a second could be added as one batch.",
        "",
        f"100 workers on 25 machines, four on each: {fleet:.0%} of a core for their reports and the lines of the "
        f"timeline. Beside that, half a core holds {room:,.0f} requests a second of all together, {room / 100:,.0f} of "
        f"each worker. At 1,000 of each it is {fleet + 100_000 * request:.0%} of a core, and the master receives "
        f"{100_000 * record * 8 / 1e6:,.0f} Mbit/s.",
        "",
        "Not measured: ZeroMQ's own work, Locust's heartbeats and statistics, live figures for the web UI.",
    ]


def main() -> None:
    """Measure the ladder and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "benchmarks" / "conductor.md")
    given = parser.parse_args()
    text = show([measure(*step) for step in LADDER], described())
    given.out.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
