"""`loadgen clean`: take away what a seeding made: the app monitors that carry its run's tag, and nothing else."""

from __future__ import annotations

from pathlib import Path

from loadgen.aws import Account, make_call
from loadgen.errors import LoadgenError
from loadgen.jobs.progress import OnLine, ignore_progress
from loadgen.jobs.seed.ledger import RUN_TAG, BatchLedger
from loadgen.jobs.seed.verification import open_account_of
from loadgen.jobs.targets import Confirm, ConsentQuestion, reach_target, require_yes
from loadgen.model import Noun


class Cleanup(Noun):
    """What a cleaning has found and deleted: names of app monitors."""

    run: str  # the run's id, the value of the tag
    found: tuple[str, ...]
    deleted: tuple[str, ...] = ()


def clean(
    folder: Path | str,
    *,
    dry_run: bool = False,
    confirm: Confirm | None = None,
    on_progress: OnLine = ignore_progress,
    proxy: str | None = None,
    ca_bundle: str | None = None,
) -> Cleanup:
    """Delete the app monitors that the seeding in `folder` made, once `confirm` says yes; with `dry_run` find them.

    `proxy` and `ca_bundle`: as for `seed`. Raises LoadgenError when the folder has no ledger, or the answer is no.
    """
    with BatchLedger(Path(folder)) as ledger:
        identity = ledger.identity
    if identity is None:
        raise LoadgenError(f"{folder}: nothing was made from it")
    with reach_target(identity.target, proxy, ca_bundle):
        account = open_account_of(identity, on_progress)
        found = tuple(_find_made_by(account, identity.run))
        if not found or dry_run:
            return Cleanup(identity.run, found)
        require_yes(confirm, ConsentQuestion(tuple(map(describe_deletion, found)), "Delete?"), "nothing was deleted")
        for name in found:
            make_call(account, "DeleteAppMonitor", {"Name": name})
    return Cleanup(identity.run, found, found)


def _find_made_by(account: Account, run: str) -> list[str]:
    """The names of the monitors that carry a run's tag."""
    return [
        name
        for name in account.list_names()
        if (found := account.look_up(name)) is not None and found.get("Tags", {}).get(RUN_TAG) == run
    ]


def describe_cleanup(cleanup: Cleanup) -> list[str]:
    """What was deleted, or would be."""
    if not cleanup.found:
        return ["nothing to delete: no app monitor carries the tag", f"  {RUN_TAG} = {cleanup.run}"]
    return [f"deleted {name}" for name in cleanup.deleted] or [describe_deletion(name) for name in cleanup.found]


def describe_deletion(name: str) -> str:
    """What goes with an app monitor."""
    return f"app monitor {name}: goes with its events, metric definitions, policy and tags"
