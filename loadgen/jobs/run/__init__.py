"""Scenario and options → a run: target, Locust process, ledgers, summary, page."""

from loadgen.jobs.run.progress import OnProgress, Progress, RunNotice, RunStarted
from loadgen.jobs.run.steps import Run, run
from loadgen.jobs.run.view import LiveView
from loadgen.jobs.run.worker_process import worker

__all__ = ["LiveView", "OnProgress", "Progress", "Run", "RunNotice", "RunStarted", "run", "worker"]
