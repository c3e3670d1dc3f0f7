"""Whether a model adds up over its columns, found out by asking: weights of numbers, effects of categories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pellucid.core.types import NpArray
from pellucid.core.views import Query

AGREES = {4: 2e-4, 2: 1e-2}
"""By bytes of an output: the largest error, as a share of the spread, of a model that adds up; else 1e-7."""
CERTAIN = 1e-5
"""Probabilities nearer than this to 0 or 1 have lost the digits that tell whether they add up."""


@dataclass(frozen=True, eq=False)
class Additive:
    """A model whose scores add up over the columns.

    Attributes:
        constant: (outputs,).
        weight: (columns, outputs) of numbers; 0 for categories.
        effect: column -> (categories allowed, outputs).
        is_log: whether the scores are logarithms of probabilities.
    """

    constant: NpArray
    weight: NpArray
    effect: dict[int, NpArray]
    is_log: bool


def additive(q: Query) -> Additive | None:
    """The model as a sum over columns, or None where it is none.

    Scores are compared up to what all outputs share, since only their differences decide.
    """
    words = q.limits.allowed
    design_columns = [j for j in range(q.X.shape[1]) if j not in words]
    count = 1 + len(design_columns) + sum(len(codes) for codes in words.values())
    rng = q.run.generator(1)
    rows = _probes(q, 4 * count + 40, rng)
    y = q.outputs(rows)
    y = y.reshape(len(y), int(np.prod(y.shape[1:])))
    kept, scores = _scores(q, y)
    rows = rows[kept]
    if len(rows) < 2 * count + 10:
        return None
    centre, scale = rows.mean(0), rows.std(0) + 1e-300
    design = _design(rows, design_columns, words, centre, scale)
    half = len(rows) * 2 // 3
    solution = np.linalg.lstsq(design[:half], scores[:half], rcond=1e-12)[0]
    off = np.abs(design[half:] @ solution - scores[half:]).max()
    if not off <= AGREES.get(y.dtype.itemsize, 1e-7) * (scores.std() + 1e-300):
        return None
    weight = np.zeros((q.X.shape[1], scores.shape[1]))
    weight[design_columns] = solution[1 : 1 + len(design_columns)] / scale[design_columns, None]
    constant = solution[0] - centre[design_columns] @ weight[design_columns]
    effect, at = dict[int, NpArray](), 1 + len(design_columns)
    for j, codes in words.items():
        effect[j] = solution[at : at + len(codes)]
        at += len(codes)
    return Additive(constant, weight, effect, q.is_probability)


def _probes(q: Query, count: int, rng: np.random.Generator) -> NpArray:
    """Rows that differ in everything: each cell from another real row, numbers shaken."""
    real = q.background[np.isfinite(q.background).all(1)]
    real = real if len(real) else np.nan_to_num(q.background)
    pick = rng.integers(0, len(real), (count, real.shape[1]))
    rows = np.take_along_axis(real, pick, 0)
    shaken = rows + rng.normal(size=rows.shape) * 0.1 * real.std(0)
    rows = np.where(q.limits.word | q.limits.whole, rows, shaken)
    for j, codes in q.limits.allowed.items():
        rows[:, j] = rng.choice(codes, count)
    return rows


def _scores(q: Query, y: NpArray) -> tuple[NpArray, NpArray]:
    """Which probes can be judged, and their scores less what all outputs share."""
    if not q.is_probability:
        return np.ones(len(y), bool), (y - y.mean(1, keepdims=True) if y.shape[1] > 1 else y).astype(float)
    kept = np.asarray(((y > CERTAIN) & (y < 1 - CERTAIN)).all(1))
    logs = np.log(y[kept].astype(float))
    return kept, logs - logs.mean(1, keepdims=True)


def _design(
    rows: NpArray, numbers: list[int], words: Mapping[int, NpArray], centre: NpArray, scale: NpArray
) -> NpArray:
    """One, the numbers, and a mark for each category."""
    marks = [(rows[:, [j]] == codes[None]).astype(float) for j, codes in words.items()]
    shifted = (rows[:, numbers] - centre[numbers]) / scale[numbers]
    return np.concatenate([np.ones((len(rows), 1)), shifted, *marks], axis=1)
