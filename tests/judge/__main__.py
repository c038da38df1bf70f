"""Judge our visits: `python -m tests.judge [BODIES] [--seed N] [--write]`.

BODIES is a file of `loadgen generate`, such as one of tests/judge/shop.toml; without it the judge draws visits of that
scenario. `--write` puts the table into the README of the client model. Below the table stand the features by which ours
are known.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.judge.table import README, Samples, judge_all, replace_table, write_table
from tests.judge.visits import draw_shop, read_bodies

TELLING = 12
"""How many of the features that tell most are printed."""

SEED = 7
"""The seed of the table in the README."""


def main() -> None:
    """Print the judge's table, and write it where asked."""
    parser = argparse.ArgumentParser(prog="python -m tests.judge", description="How far are our visits from real ones?")
    parser.add_argument("bodies", nargs="?", type=Path, help="a file of `loadgen generate`; default: draws shop.toml")
    parser.add_argument("--seed", type=int, default=SEED, help="the seed of the visits that it draws")
    parser.add_argument("--write", action="store_true", help=f"put the table into {README.parent.name}/{README.name}")
    given = parser.parse_args()
    samples = Samples(read_bodies(given.bodies) if given.bodies else draw_shop(given.seed))
    judged = judge_all(samples)
    table = write_table(samples, judged)
    print(table)
    for name, (ours, _) in judged.items():
        print(f"\n{name}: ours are known by")
        print(*(f"  {feature}" for feature in ours.telling[:TELLING]), sep="\n")
    if given.write:
        replace_table(README, table)


if __name__ == "__main__":
    main()
