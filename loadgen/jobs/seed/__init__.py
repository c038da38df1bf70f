"""Scenario, seed and period → every batch accepted exactly once, whatever happens; and read back. Sends and waits."""
