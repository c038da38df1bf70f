"""The judge's table, which stands in the README of the client model between two marks."""

from __future__ import annotations

import math
from pathlib import Path

from tests.judge.classifier import Judgement, judge
from tests.judge.features import SETS
from tests.judge.laws import LAWS, Law, share_of
from tests.judge.visits import SeenVisit, read_recorded
from tests.paths import ROOT

README = ROOT / "loadgen" / "client" / "README.md"
BEGIN, END = "<!-- the judge's table: python -m tests.judge --write -->", "<!-- end of the judge's table -->"


class Samples:
    """The recorded visits beside ours. As many of ours as there are three times of theirs are judged."""

    def __init__(self, ours: list[SeenVisit]) -> None:
        self.scripted, self.unscripted = read_recorded("scripted"), read_recorded("unscripted")
        self.ours = ours
        self.judged = ours[:: max(1, len(ours) // (3 * len(self.unscripted)))]


def write_law_rows(samples: Samples) -> list[str]:
    """A row for each law: its share in the scripted and unscripted real visits and in ours."""
    return [
        f"| {name} | {' | '.join(_write_share(law, each) for each in (samples.scripted, samples.unscripted))} "
        f"| {_write_share(law, samples.ours)} |"
        for name, law in LAWS.items()
    ]


def _write_share(law: Law, visits: list[SeenVisit]) -> str:
    share, count = share_of(law, visits)
    return "–" if math.isnan(share) else f"{share:.2f} of {count:,}"


def judge_all(samples: Samples) -> dict[str, tuple[Judgement, Judgement]]:
    """By set of features: ours against the unscripted visits, and every second of those against the others."""
    real = samples.unscripted
    return {name: (judge(real, samples.judged, name), judge(real[::2], real[1::2], name)) for name in SETS}


def write_table(samples: Samples, judged: dict[str, tuple[Judgement, Judgement]]) -> str:
    """Both tables as Markdown."""
    return "\n".join(
        [
            "| law | real, scripted | real, unscripted | ours |",
            "|---|---|---|---|",
            *write_law_rows(samples),
            "",
            "| what the classifier sees | AUC, ours against real | AUC, real against real |",
            "|---|---|---|",
            *(f"| {name} | {ours.auc:.2f} | {real.auc:.2f} |" for name, (ours, real) in judged.items()),
        ]
    )


def replace_table(page: Path, table: str) -> None:
    """Put the table between the marks of a page."""
    before, _, rest = page.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}")


def read_table(page: Path) -> list[str]:
    """The lines that stand between the marks of a page."""
    return page.read_text().partition(BEGIN)[2].partition(END)[0].strip().splitlines()
