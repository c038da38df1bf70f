"""Scenario and options → a run: target, Locust process, ledgers, summary, page."""

from loadgen.jobs.run.locust_process import worker
from loadgen.jobs.run.steps import Run, run
from loadgen.jobs.run.view import LiveView, OnProgress, Progress, RunNotice, RunStarted

__all__ = ["LiveView", "OnProgress", "Progress", "Run", "RunNotice", "RunStarted", "run", "worker"]
