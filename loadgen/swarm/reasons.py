"""Why a run is not whole, in words: a line for each worker that was lost or cut its share short, and for strangers."""

from __future__ import annotations

from loadgen.errors import LoadgenError
from loadgen.results import Aggregate
from loadgen.swarm.locust_private import DroppedFrames
from loadgen.swarm.workers import LEFT, Done


def describe_error(error: BaseException | None) -> str:
    """An error in words."""
    if isinstance(error, LoadgenError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror} ({error.filename})" if error.filename else error.strerror
    return f"{type(error).__name__}: {error}"


def describe_loss(measured: Aggregate, index: int, workers: int) -> str:
    """A line on a worker that has not sent its last report."""
    drawn, last = measured.find_progress(index)
    heard = "before it reported anything" if last is None else f"after second {last}, {drawn:,} sessions drawn"
    return f"worker {index} of {workers} was lost {heard}"


def describe_cut(done: Done, workers: int) -> list[str]:
    """Lines on a worker that has sent its last report, and not its whole share."""
    lines = []
    if done.stop_reason == LEFT:
        at = f"after {done.stopped_at or 0.0:.0f} s"
        lines.append(f"worker {done.index} of {workers} was told to leave {at}: its share was not sent whole")
    if done.failure:
        lines.append(f"worker {done.index} could draw no more sessions: {done.failure}")
    return lines


def describe_strangers(dropped: DroppedFrames) -> list[str]:
    """A line on what else came to the master's port."""
    if not dropped.count:
        return []
    frames = f"{dropped.count:,} frame(s) on the master's port"
    return [f"{frames} were no message of this run's workers, and were dropped (the last: {dropped.reason})"]
