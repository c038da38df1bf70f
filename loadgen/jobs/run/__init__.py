"""Scenario and options → a run: target, Locust process, ledgers, summary, page."""
