"""A random forest that tells two samples of visits apart, judged on visits that it has not seen.

The figure is the AUC: how often the forest holds the one of a pair for the more real that is real. 0.5 is a coin, 1.0
tells all. Folds are stratified, and grouped by session.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold

from loadgen.traffic.draws import Floats, Ints
from tests.judge.features import SETS, Features
from tests.judge.visits import SeenVisit

FOLDS = 5
REPEATS = 3
"""Times that the folds are drawn anew: of 67 visits the AUC of one drawing is uncertain by some 0.05."""
TREES = 200
MISSING = -1.0
"""A feature that a visit lacks; no feature is negative."""


class Judgement(NamedTuple):
    """How well two samples are told apart by a set of features."""

    auc: float
    telling: list[str]  # the features that tell most, the best first


def judge(
    real: list[SeenVisit], other: list[SeenVisit], of: str | Callable[[SeenVisit], Features], repeats: int = REPEATS
) -> Judgement:
    """Tell the visits of two samples apart by the set of features `of`: the name of one, or a function."""
    see = SETS[of] if isinstance(of, str) else of
    groups = np.unique([visit.session for visit in (*real, *other)], return_inverse=True)[1]
    return judge_rows(list(map(see, real)), list(map(see, other)), repeats, groups)


def judge_rows(real: list[Features], other: list[Features], repeats: int, groups: Ints | None = None) -> Judgement:
    """The same of features; without `groups` every row is of a session of its own."""
    rows = [*real, *other]
    names = sorted({name for row in rows for name in row})
    table = _tabulate(rows, names)
    labels = np.array([1] * len(real) + [0] * len(other))
    whose = np.arange(len(rows)) if groups is None else groups
    aucs, weights = zip(*(_judge_once(table, labels, whose, seed) for seed in range(repeats)), strict=True)
    weight = np.mean(weights, axis=0)
    return Judgement(float(np.mean(aucs)), [names[index] for index in np.argsort(-weight)])


def _tabulate(rows: list[Features], names: list[str]) -> Floats:
    return np.array([[row.get(name, MISSING) for name in names] for row in rows], dtype=np.float64)


def _judge_once(table: Floats, labels: Ints, groups: Ints, seed: int) -> tuple[float, Floats]:
    """The AUC over all folds, and how much each feature told."""
    scores, weights = np.zeros(len(labels)), []
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for train, test in folds.split(table, labels, groups):
        forest = RandomForestClassifier(TREES, class_weight="balanced", min_samples_leaf=2, random_state=seed)
        forest.fit(table[train], labels[train])
        scores[test] = forest.predict_proba(table[test])[:, 1]
        weights.append(forest.feature_importances_)
    return float(roc_auc_score(labels, scores)), np.mean(weights, axis=0)
