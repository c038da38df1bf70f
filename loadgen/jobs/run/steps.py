"""The steps of a run: target, folder, Locust process, live view, ledger.

Rule: Locust runs in a process and a process group of its own, so that Ctrl-C reaches it as our wish to stop, once.
"""

from __future__ import annotations

import platform
import secrets
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import click
import msgspec

from loadgen import units
from loadgen.aws import Account, MonitorTarget
from loadgen.endpoint import Endpoint, EndpointSettings, Faults, parse_faults
from loadgen.errors import LoadgenError
from loadgen.jobs import ground_truth
from loadgen.jobs.plan import estimate_volume
from loadgen.jobs.run import otel
from loadgen.jobs.run.finalize import draw, name_what_was_not_run, with_note
from loadgen.jobs.run.ledgers import compared, kept_for
from loadgen.jobs.run.live import watch
from loadgen.jobs.run.locust_process import LocustProcess
from loadgen.jobs.run.options import Options, locust_arguments
from loadgen.jobs.targets import agreed, checked_url
from loadgen.results import RunFolder, Summary
from loadgen.results.recovery import recovered_summary
from loadgen.results.summarize import check_stages
from loadgen.results.verdict import with_ledgers
from loadgen.rum.quotas import DOLLARS_PER_EVENT
from loadgen.scenario import Scenario, load, resolve_seed
from loadgen.traffic import check_size
from loadgen.wire.sigv4 import Credentials

EXIT_BAD_INPUT = 2  # it has said why it did not even start
LEAVE_SECONDS = 10.0  # for workers of a run that is summed up: they say good-bye to whom they report to


def run_scenario(file: Path, options: Options) -> tuple[Summary, RunFolder]:
    """Do the whole run."""
    options.check()
    scenario = load(file).adjusted(duration=options.duration, rate=options.rate, sample_rate=options.sample_rate)
    check_stages(str(file), scenario, units.parse_pace(options.pace))
    scenarios = scenario.monitors
    for each in scenarios:
        check_size(each)
    if options.monitor and scenario.neighbours:
        raise LoadgenError(
            f"--monitor: {file} has neighbours, and each app monitor is found by the name that the file gives it; "
            "write the other name there, as monitor.name"
        )
    seed = resolve_seed(scenario, options.seed)
    with opened_targets(scenarios, seed, options) as (targets, endpoint):
        folder = RunFolder.new(options.out, scenario.name, datetime.now(UTC))
        folder.describe(file, facts(options, seed, targets))
        monitors = "monitor" if len(targets) == 1 else "monitors"
        names = ", ".join(target.monitor_name for target in targets)
        say(options, f"{scenario.name} → {targets[0].url}, {monitors} {names}, seed {seed}")
        if options.web is not None:
            say(options, f"Locust's web UI: http://127.0.0.1:{options.web}")
        given = locust_arguments(file, options, seed, targets, folder)
        before = kept_for(targets)
        process = LocustProcess(given, folder, endpoint.credentials if endpoint else None)
        died = watch(process, folder, scenario.duration / units.parse_pace(options.pace), endpoint, options.quiet)
        process.bury(LEAVE_SECONDS if folder.finished else 0.0)
        summary = folder.summary() if folder.finished else salvaged(folder, process)
        summary = with_ledgers(summary, compared(before, kept_for(targets), summary), died)
        folder.write_summary(summary)
        summary = name_what_was_not_run(folder, scenario, summary)
        summary = with_note(folder, summary, otel.complaint(folder.log) if options.otel else None)
        ground_truth.of_run(scenario, folder, summary)
    draw(folder)
    return summary, folder


def salvaged(folder: RunFolder, process: LocustProcess) -> Summary:
    """What is left when the Locust process ended without a summary, if anything is."""
    if not folder.spools or process.code == EXIT_BAD_INPUT:
        process.fail()
    said = f"Locust ended with code {process.code} before its summary (see {folder.log})"
    summary = recovered_summary(folder)
    return msgspec.structs.replace(summary, reasons=(said, *summary.reasons))


@contextmanager
def opened_targets(
    scenarios: Sequence[Scenario], seed: int, options: Options
) -> Iterator[tuple[tuple[MonitorTarget, ...], Endpoint | None]]:
    """The app monitors to send to; for `local` an endpoint that lives as long as the run."""
    monitors = [each.monitor.model_copy(update={"name": options.monitor or each.monitor.name}) for each in scenarios]
    if options.target == "local":
        key = Credentials("AKIA" + secrets.token_hex(8).upper(), secrets.token_urlsafe(30))
        settings = EndpointSettings(
            credentials=(key,),
            keeps=options.store is not None,  # nobody has the key: a long run must not fill the memory for nothing
            quota=options.quota,
            faults=parse_faults(options.faults) if options.faults else Faults(),
            max_batch_events=max(100, *(each.client.batchLimit for each in scenarios)),
        )
        with Endpoint(settings, options.store) as endpoint:
            account = Account(endpoint.region, endpoint.credentials, endpoint.url)
            yield tuple(account.find_or_create(monitor) for monitor in monitors), endpoint
    elif options.target == "aws":
        account = Account(options.region)
        targets = tuple(account.find(monitor.name) for monitor in monitors)
        confirm(scenarios, seed, targets, account.fetch_number(), options)
        yield targets, None
    elif options.target.startswith(("http://", "https://")):
        account = Account(options.region, endpoint_url=checked_url(options.target))
        yield tuple(account.find(monitor.name) for monitor in monitors), None
    else:
        raise LoadgenError(
            f"--target {options.target!r} is no target; write local, aws, or a URL such as http://127.0.0.1:8000"
        )


def confirm(
    scenarios: Sequence[Scenario], seed: int, targets: Sequence[MonitorTarget], number: str, options: Options
) -> None:
    """Say what will be sent to AWS and what it costs, and go on only after a yes."""
    expected = [estimate_volume(scenario, its) for its, scenario in enumerate(scenarios, seed)]
    about = "" if all(each.exact for each in expected) else "about "
    requests, events = sum(each.requests for each in expected), sum(each.events for each in expected)
    events = min(events, options.max_events or events)
    named = ", ".join(f"{target.monitor_name} ({target.monitor_id})" for target in targets)
    monitors = "app monitor" if len(targets) == 1 else "app monitors"
    click.echo(
        f"This sends to AWS: region {targets[0].region}, account {number}, {monitors} {named}\n"
        f"expected: {about}{requests:,} requests, {about}{events:,} events, "
        f"{about}${events * DOLLARS_PER_EVENT:,.2f} (retries cost nothing until they are accepted)",
        err=True,
    )
    if not options.yes and not agreed("Send it?"):
        raise LoadgenError("nothing was sent; type yes when asked, or give --yes")


def facts(options: Options, seed: int, targets: Sequence[MonitorTarget]) -> dict[str, object]:
    """`run.json`: how it was run, on what, with which versions; never a credential."""
    packages = ("rum-loadgen", "locust", "gevent", "numpy", "faker", "boto3")
    target = targets[0]
    return {
        "seed": seed,
        "command": shlex.join(["loadgen", *sys.argv[1:]]),
        "target": {"url": target.url, "region": target.region, "monitor": target.monitor_name, "id": target.monitor_id},
        "monitors": [{"name": each.monitor_name, "id": each.monitor_id} for each in targets],
        "options": {
            key: str(value) if isinstance(value, Path) else value
            for key, value in msgspec.structs.asdict(options).items()
        },
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
        "machine": {"system": platform.platform(), "processor": platform.machine()},
    }


def say(options: Options, line: str) -> None:
    """A line for people: off standard output when that belongs to --json."""
    click.echo(line, err=options.quiet)
