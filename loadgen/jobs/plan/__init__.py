"""Scenario → Plan: what a run will send, cost and lose, known before it sends a byte. Pure but for its stopwatch."""

from loadgen.jobs.plan.expectation import Expectation, expect

__all__ = ["Expectation", "expect"]
