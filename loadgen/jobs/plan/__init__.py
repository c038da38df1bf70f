"""Scenario → Plan: what a run will send, cost and lose, known before it sends a byte. Pure but for its stopwatch."""

from loadgen.jobs.plan.expectation import DOLLARS_PER_EVENT, Expectation, expect

__all__ = ["DOLLARS_PER_EVENT", "Expectation", "expect"]
