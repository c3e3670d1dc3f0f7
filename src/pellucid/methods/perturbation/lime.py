"""LIME."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np

from pellucid.core.features import Columns, Pixels, Steps
from pellucid.core.intake import Data
from pellucid.core.masker import Background, Fill, Masker, Segments, Windows
from pellucid.core.types import NpArray
from pellucid.core.views import Game
from pellucid.methods.params import param

from .even_samples import masked
from .family import GameMethod
from .neighbours import Near, Neighbours, Points
from .weighted_line import Line, Sums, fit

TABLE, PARTS = 5000, 1000
"""Samples where no budget is given: of a table's rows, of hidden parts."""
WINDOWS = 20


class LIME(GameMethod):
    r"""The ridge line that best follows the model near the row, in as few features as people can read.

    .. math:: \min_{\beta, c} \sum_k w(z_k) \bigl(f(z_k) - c - \beta^\top z'_k\bigr)^2 + \lambda \|\beta\|^2,
              \quad \phi_i = \beta_i x'_i

    Tables with a background are sampled around it, column by column; z' are the columns in standard deviations from
    their mean, and a value is what the column's distance from the usual adds to the line. Categories are compared with
    the row's own. With `discretize` z' says whether a column lies in the row's quarter, as lime's users know it; that
    is far from the model where it bends within a quarter. Everything else (images by regions, texts by words, series
    by windows, tables without a background) is hidden part by part. The sample is a low-discrepancy sequence, shared
    by all rows. A line may be a poor picture of the model: read R² (the check `unexplained`), the intervals, and
    `stability`, which says whether another seed would choose the same features.

    Shapes: ``x, values: (n, *features)``; half-widths alike. Features that were not chosen have 0.
    Cost: ``budget`` evaluations per row; of a table with a background, per target.
    Raises: `ParameterError` for a knob outside its limits.

    >>> LIME(top=5, budget=500)(forest, X[:2], background=X).values.shape
    (2, 30)
    """

    paper = 'Ribeiro, Singh, Guestrin (2016). "Why Should I Trust You?". arXiv:1602.04938'
    title: ClassVar[str] = "LIME"
    complete: ClassVar[bool] = False

    budget: int | None = param(
        default=None, doc="model calls for the sample; None is 5,000 for tables and 1,000 for parts", min=50
    )
    top: int = param(default=10, doc="how many features are chosen, at most", min=1)
    discretize: bool = param(default=False, doc="cut continuous columns of a table into quarters")
    width: float | None = param(
        default=None,
        doc="width of the neighbourhood; None is 0.75 times the root of the number of columns, or a quarter for parts",
    )
    ridge: float = param(default=1.0, doc="penalty on squared coefficients", min=0)

    def hide(self, data: Data, point: NpArray, background: NpArray | None, given: bool) -> Masker:
        if background is not None and isinstance(data.features, Columns):
            return Neighbours(background, self.discretize)
        if background is not None:
            return Background(background)
        if isinstance(data.features, Steps):
            return _windows(data, point)
        return Segments() if isinstance(data.features, Pixels) and not given else Fill(point)

    def attribute(self, game: Game) -> NpArray:
        lines, parts = zip(
            *(self._by_table(game) if isinstance(game.hidden[0], Near) else self._by_parts(game)), strict=True
        )
        values = np.stack([line.coefficients * part for line, part in zip(lines, parts, strict=True)])
        errors = np.stack([line.error * np.abs(part) for line, part in zip(lines, parts, strict=True)])
        game.notes.certify(half_width=1.96 * errors, kind="fit")
        self._judge(game, lines)
        return values

    def calls(self, players: int) -> int:
        return self.budget or TABLE

    def _by_table(self, game: Game) -> Iterator[tuple[Line, NpArray]]:
        """Lines through answers at neighbours that all rows share, and what their coefficients are multiplied by."""
        near: list[Near] = [h for h in game.hidden if isinstance(h, Near)]
        table, count = near[0].table, self.budget or TABLE
        points = game.once("points", lambda: Points(table, table.sample(count, game.rng)))
        answers = game.at(points.rows.astype(near[0].x.dtype))
        width = self.width or 0.75 * np.sqrt(len(near[0].x))
        for row, own in enumerate(near):
            z, distance, here = own.coordinates(points)
            weight = np.exp(-distance / (2 * width**2))
            line = self._line(game, z, answers[row], weight, here)
            usual = np.where(own.categorical, z.mean(0), 0.0) if not table.discretize else 0.0
            yield line, here - usual

    def _by_parts(self, game: Game) -> Iterator[tuple[Line, NpArray]]:
        """Lines through answers with parts hidden, the same parts in all rows."""
        count, width = self.budget or PARTS, self.width or 0.25
        masks, back = game.once("masks", lambda: masked(game.players, count, game.rng))
        z = masks[back].astype(float)
        distance = 1 - np.sqrt(z.mean(1))
        weight = np.exp(-(distance**2) / (2 * width**2))
        for answers in game(masks):
            yield self._line(game, z, answers[back], weight, np.ones(game.players)), np.ones(game.players)

    def _line(self, game: Game, z: NpArray, y: NpArray, weight: NpArray, here: NpArray) -> Line:
        return fit(Sums.of(z, y, weight), here, self.top, self.ridge, game.run.generator(0))

    def _judge(self, game: Game, lines: Sequence[Line]) -> None:
        game.notes.check(
            "unexplained",
            [1 - line.r2 for line in lines],
            warn=0.5,
            fail=0.9,
            meaning="The line follows less than half of what the model does near the row.",
            advice="Choose more features (top), a smaller width, or a Shapley method.",
        )
        game.notes.check(
            "stability",
            [1 - line.agreement for line in lines],
            warn=0.1,
            fail=0.5,
            meaning="Another sample would choose other features.",
            advice="Raise budget, or choose fewer features (top).",
        )
        game.notes.check(
            "sample_size",
            [5 * game.players / line.size for line in lines],
            warn=1.0,
            fail=5.0,
            meaning="Fewer than five samples count for each feature, so near the row hardly anything is known.",
            advice="Raise budget, or width.",
        )


def _windows(data: Data, point: NpArray) -> Masker:
    """Some twenty windows along the steps, each through all channels."""
    shape = point.shape
    steps = data.features.layout.split(",").index("steps")  # type: ignore[attr-defined]  # Steps, tested above
    window = tuple(max(1, -(-s // WINDOWS)) if axis == steps else s for axis, s in enumerate(shape))
    return Windows(window, None, point)
