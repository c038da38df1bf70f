"""How many visitors can one process be: `python -m tests.benchmarks.visitors`.

Storefront visitors come so fast that the wanted number of them is there at once by the end, in real time, from one
process on one core; nginx on the other answers. Told are the most visitors that were there together, the generator's
memory, and the schedule lag of the last minute, in which almost all of them are there. Takes eleven minutes; writes
results/benchmarks/visitors.json and visitors.md.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
import numpy as np

from loadgen import traffic
from loadgen.scenario import Scenario
from tests.benchmarks.generator import LOCUSTFILE, pinned, sink
from tests.benchmarks.machine import described
from tests.benchmarks.ready import MONITOR_ID, STOREFRONT
from tests.paths import ROOT

LAST_SECONDS = 60
"""Over which the lag is told."""

LOOKED_AT = 2000
"""Visits from which the mean length is taken."""


class Found(msgspec.Struct):
    """What one process did; times in milliseconds, memory in bytes, CPU in per cent of its core."""

    machine: str
    seconds: float
    sessions_a_second: float
    visitors: int  # most at once
    requests_a_second: float  # in the last minute
    lag_p50: float
    lag_p99: float
    lag_max: float
    memory: int  # most at once
    cpu: float  # in the last minute
    user: float  # of the whole run, in per cent of the core
    system: float

    def text(self) -> str:
        """For people."""
        return "\n".join(
            [
                "# Visitors of one process",
                "",
                f"Storefront in real time for {self.seconds:,.0f} s, one process on one core, nginx on the other; "
                f"{self.machine}.",
                "",
                "| | |",
                "|---|---|",
                f"| visitors there at once | {self.visitors:,} |",
                f"| sessions started a second | {self.sessions_a_second:,.0f} |",
                f"| requests a second, last minute | {self.requests_a_second:,.0f} |",
                f"| schedule lag, last minute: p50, p99, max | {self.lag_p50:,.1f}, {self.lag_p99:,.1f}, "
                f"{self.lag_max:,.1f} ms |",
                f"| memory | {self.memory / 2**20:,.0f} MiB |",
                f"| CPU, last minute | {self.cpu:.0f} % of the core |",
                f"| CPU, whole run: user, system | {self.user:.0f}, {self.system:.0f} % of the core |",
                "",
            ]
        )


def rate_for(visitors: int, seconds: float) -> float:
    """Sessions a second so that so many visitors are there after these seconds: each is there as long as it stays."""
    scenario = Scenario.load(STOREFRONT)
    sessions = zip(range(LOOKED_AT), traffic.draw_sessions(scenario, 1, only_recordable=True), strict=False)
    stays = [min(session.loads[-1].hides[-1], seconds) for _, session in sessions]
    return visitors / float(np.mean(stays))


def crowd(folder: Path, rate: float, seconds: float) -> Path:
    """The storefront at a constant rate of sessions, as a file."""
    text = STOREFRONT.read_text()
    begin, end = text.index("[arrivals]"), text.index("[pools]")
    file = folder / "crowd.toml"
    file.write_text(
        f'{text[:begin]}[arrivals]\nrate = {rate:.3f}\nstages = [{{ duration = "{seconds:g}s", target = '
        f"{rate:.3f} }}]\n\n{text[end:]}"
    )
    return file


def measured(url: str, visitors: int, seconds: float) -> Found:
    """Run it, and read the run's folder."""
    rate = rate_for(visitors, seconds)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, "-m", "locust", "--headless", "--only-summary", "-f", str(LOCUSTFILE)]
        command += ["-u", "500", "-r", "500", "--host", url, "--scenario", str(crowd(folder, rate, seconds))]
        command += ["--monitor-id", MONITOR_ID, "--seed", "1", "--out", str(folder / "run")]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        pinned(*command, stdout=subprocess.DEVNULL).wait(seconds + 180)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = (after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime)
        return read_figures(folder / "run", rate, seconds, spent)


def read_figures(run: Path, rate: float, seconds: float, spent: tuple[float, float]) -> Found:
    """The figures of a run's folder, with its seconds of processor time of the user and of the system."""
    import pyarrow.parquet as parquet

    summary = json.loads((run / "summary.json").read_text())
    rows = list(csv.DictReader((run / "timeline.csv").open()))
    late = [row for row in rows if seconds - LAST_SECONDS <= int(row["second"]) < seconds]
    table = parquet.read_table(run / "requests.parquet", columns=["intended", "started", "attempt"])
    intended, started = table["intended"].to_numpy(), table["started"].to_numpy()
    lag = (started - intended)[(intended >= seconds - LAST_SECONDS) & (intended < seconds)] * 1000
    p50, p99 = np.percentile(lag, [50, 99]).tolist()
    if summary["requests"]["failed"]:
        raise RuntimeError(f"requests failed: {summary['errors']}")
    return Found(
        described(),
        seconds,
        rate,
        max(int(row["sessions_active"]) for row in rows),
        sum(int(row["sent"]) for row in late) / len(late),
        p50,
        p99,
        float(lag.max()),
        max(int(row["rss_bytes"]) for row in rows),
        sum(float(row["cpu_percent"]) for row in late) / len(late),
        100 * spent[0] / seconds,
        100 * spent[1] / seconds,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=51_000, help="how many are aimed at")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--port", type=int, default=18080)
    options = parser.parse_args()
    with sink(options.port) as url:
        result = measured(url, options.visitors, options.seconds)
    folder = ROOT / "results" / "benchmarks"
    (folder / "visitors.json").write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    (folder / "visitors.md").write_text(result.text())
    print(result.text())


if __name__ == "__main__":
    main()
