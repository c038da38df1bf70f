"""`loadgen clean`: delete the app monitors that a seeding created. They carry its run's tag; others stay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from loadgen.aws import Account, make_call
from loadgen.errors import LoadgenError
from loadgen.jobs.progress import OnLine, ignore_progress
from loadgen.jobs.seed.ledger import RUN_TAG, BatchLedger
from loadgen.jobs.seed.verification import open_account_of
from loadgen.jobs.targets import Confirm, ConsentQuestion, reach_target, require_yes
from loadgen.model import Noun
from loadgen.options import require_callback, require_path, resolve_options, show_options
from loadgen.verb_options import CleanOptions


class Cleanup(Noun):
    """The app monitors that a cleaning found and deleted, by name."""

    run: str  # the run's id, the value of the tag
    found: tuple[str, ...]
    deleted: tuple[str, ...] = ()


@show_options(CleanOptions)
def clean(
    folder: Path | str,
    *,
    confirm: Confirm | None = None,
    on_progress: OnLine = ignore_progress,
    **options: Any,
) -> Cleanup:
    """Delete the app monitors that the seeding in `folder` created, if `confirm` agrees; `dry_run` only finds them.

    `options` are fields of `CleanOptions`. Raises LoadgenError when the folder has no ledger, or the answer is no.
    """
    require_callback(on_progress, "on_progress")
    require_callback(confirm, "confirm", may_be_none=True)
    asked = resolve_options(CleanOptions, options)
    with BatchLedger(require_path(folder, "folder")) as ledger:
        identity = ledger.identity
    if identity is None:
        raise LoadgenError(f"{folder}: its seeding created nothing; name the folder of a `loadgen seed` that has begun")
    with reach_target(identity.target, asked.proxy, asked.ca_bundle):
        account = open_account_of(identity, on_progress)
        found = tuple(_find_tagged(account, identity.run))
        if not found or asked.dry_run:
            return Cleanup(identity.run, found)
        require_yes(confirm, ConsentQuestion(tuple(map(describe_deletion, found)), "Delete?"), "nothing was deleted")
        for name in found:
            make_call(account, "DeleteAppMonitor", {"Name": name})
    return Cleanup(identity.run, found, found)


def _find_tagged(account: Account, run: str) -> list[str]:
    """Return the names of the app monitors that carry a run's tag."""
    return [
        name
        for name in account.list_names()
        if (found := account.look_up(name)) is not None and found.get("Tags", {}).get(RUN_TAG) == run
    ]


def describe_cleanup(cleanup: Cleanup) -> list[str]:
    """Describe the monitors that were deleted or, after a dry run, would be: one line each."""
    if not cleanup.found:
        return ["nothing to delete: no app monitor carries the tag", f"  {RUN_TAG} = {cleanup.run}"]
    return [f"deleted {name}" for name in cleanup.deleted] or [describe_deletion(name) for name in cleanup.found]


def describe_deletion(name: str) -> str:
    """Return one line that says what is deleted together with an app monitor."""
    return f"app monitor {name}: goes with its events, metric definitions, policy and tags"
