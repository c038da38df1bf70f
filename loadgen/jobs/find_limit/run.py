"""The steps of a search for a limit: target, folder, Locust process, a line a window, what was found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from loadgen.errors import LoadgenError
from loadgen.jobs.find_limit.view import step_line
from loadgen.jobs.first_monitor import first_alone
from loadgen.jobs.run.ledgers import compared, kept_for
from loadgen.jobs.run.locust_process import LocustProcess
from loadgen.jobs.run.preflight import confirm_aws
from loadgen.jobs.run.steps import open_run
from loadgen.jobs.targets import Confirm
from loadgen.limit import LONGEST_SECONDS, Conditions, Limit, LimitSearch, SearchRange, SearchStep, limit_so_far
from loadgen.output import format_json, write_output
from loadgen.results import RunFolder, RunOptions, RunSpec, add_ledgers
from loadgen.scenario import load, read_text

FOUND, STEPS = "limit.json", "limit-steps.ndjson"
LOOK_SECONDS, SETTLE_SECONDS = 0.25, 1.0
FEWEST = 2  # requests in a window


def hunt(file: Path, confirm: Confirm, given: dict[str, Any]) -> tuple[Limit, RunFolder]:
    """Do the whole search."""
    search = wanted(given)
    scenario = first_alone(load(file), "find-limit")
    if given["target"] == "aws":
        warn(given)
    same = {name: given[name] for name in ("target", "monitor", "region", "seed", "senders", "quota")}
    options = RunOptions.of(**same, duration=LONGEST_SECONDS, sample_rate=1.0)
    spec = RunSpec.resolve(options, str(file), read_text(file))
    own = msgspec.structs.replace(spec, duration=scenario.duration, sample_rate=None)
    spec = msgspec.structs.replace(spec, find_limit=msgspec.to_builtins(search))
    with open_run(
        spec,
        given["out"],
        f"{scenario.name}-limit",
        lambda targets: confirm_aws(own, targets, confirm),
    ) as (aimed, folder, targets):
        before = kept_for(targets.monitors)
        process = LocustProcess(aimed, folder, targets.endpoint.credentials if targets.endpoint else None)
        stopped = watch(process, folder)
        if folder.finished:
            summary = folder.summary()
            folder.write_summary(add_ledgers(summary, compared(before, kept_for(targets.monitors), summary), None))
    return interrupted(folder, search) if stopped else found_in(folder, process), folder


def warn(given: dict[str, Any]) -> None:
    """Say what a search may send to AWS; the question that follows tells of the scenario's own run alone."""
    most = given["max_windows"] * given["max_rate"] * (given["hold"] + SETTLE_SECONDS)
    click.echo(
        f"A search sends at rates of its own: {most:,.0f} requests at most in {given['max_windows']} windows up to "
        f"{given['max_rate']:g} a second, each with its events; lower --max-rate to bound the cost.",
        err=True,
    )


def wanted(given: dict[str, Any]) -> LimitSearch:
    """The search that the command line asks for."""
    conditions = Conditions(
        most_throttled=given["max_throttled"], most_failed=given["max_failed"], most_p99_ms=given["max_p99"]
    )
    if given["start"] * given["hold"] < FEWEST:
        raise LoadgenError(
            f"--start {given['start']:g} sends fewer than {FEWEST} requests in a window of {given['hold']:g} s; "
            f"give a --hold of {FEWEST / given['start']:g} s at least"
        )
    where = SearchRange(
        start=given["start"],
        floor=max(SearchRange().floor, FEWEST / given["hold"]),
        ceiling=given["max_rate"],
        precision=given["precision"],
        most_windows=given["max_windows"],
    )
    return LimitSearch(
        conditions=conditions, where=where, hold=given["hold"], settle=SETTLE_SECONDS, senders=given["senders"]
    )


def watch(process: LocustProcess, folder: RunFolder) -> bool:
    """Print each window as it ends; the first Ctrl-C ends the search well, a second one at once. Whether one came."""
    steps, interrupts, running = followed(folder.path / STEPS), 0, True
    while running:
        try:
            running = process.running(LOOK_SECONDS)
            for step in next(steps):
                click.echo(step_line(step), err=True)
        except KeyboardInterrupt:
            interrupts += 1
            process.interrupt() if interrupts == 1 else process.kill()
    return interrupts > 0


def followed(path: Path) -> Iterator[list[SearchStep]]:
    """Each time it is asked, the steps that were written since."""
    place = 0
    while True:
        whole = path.read_bytes().rpartition(b"\n")[0].splitlines() if path.exists() else []
        yield [msgspec.json.decode(line, type=SearchStep) for line in whole[place:]]
        place = len(whole)


def found_in(folder: RunFolder, process: LocustProcess) -> Limit:
    """What the search left in the run's folder."""
    file = folder.path / FOUND
    if not file.exists():
        process.fail()
    read = file.read_bytes()
    if b'"refused"' in read:
        raise LoadgenError(f"{msgspec.json.decode(read)['refused']} ({folder.path})")
    return msgspec.json.decode(read, type=Limit)


def interrupted(folder: RunFolder, hunt: LimitSearch) -> Limit:
    """What was found until Ctrl-C, kept as a limit that is not confirmed."""
    found = limit_so_far(next(followed(folder.path / STEPS)), hunt.conditions, hunt.where)
    if found is None:
        click.echo(f"no rate was known to keep the conditions yet; the windows are in {folder.path}", err=True)
        raise click.Abort
    write_output(folder.path / FOUND, format_json(found))
    return found
