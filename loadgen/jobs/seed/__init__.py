"""Scenario, seed and period → every batch accepted exactly once, whatever happens; and read back. Sends and waits."""

from loadgen.jobs.seed.options import SeedOptions
from loadgen.jobs.seed.prepare import seed
from loadgen.jobs.seed.seeder import SeedProgress
from loadgen.jobs.seed.sending import Notice, SeedResult, SeedStart
from loadgen.jobs.seed.verification import Cleanup, Verification, clean, describe_cleanup, verify
from loadgen.jobs.seed.view import SeedView, describe_verification

__all__ = [
    "Cleanup",
    "Notice",
    "SeedOptions",
    "SeedProgress",
    "SeedResult",
    "SeedStart",
    "SeedView",
    "Verification",
    "clean",
    "describe_cleanup",
    "describe_verification",
    "seed",
    "verify",
]
