"""Ablation: leave one out, see what changes."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from pellucid.core.grouped import Grouped
from pellucid.core.intake import Data
from pellucid.core.masker import Masker
from pellucid.core.run import Run
from pellucid.core.types import NpArray
from pellucid.core.views import Game
from pellucid.methods.params import param

from .family import GameMethod


class Ablation(GameMethod):
    r"""Leave one column, region or word out, or one group of them: what the output loses is what it was worth.

    .. math:: \phi_G = v(N) - v(N \setminus G)

    The plainest question that can be put to a model, and the cheapest. Of two parts that can stand in for each other
    both look worthless, since the other is still there; leave them out together, with `groups`: columns that correlate
    in the background, regions that lie together, words that follow each other. Every feature of a group shows the
    value of the whole group, so the values do not add up to anything.

    Shapes: ``x, values: (n, *features)``.
    Cost: one evaluation per player or group and row, and two more.
    Raises: `ParameterError` for fewer than one group.

    >>> Ablation(groups=10)(forest, X[:2], background=X).values.shape
    (2, 30)
    """

    paper = (
        "Robnik-Sikonja, Kononenko (2008). Explaining Classifications For Individual Instances. "
        "doi:10.1109/TKDE.2007.190734; Li, Monroe, Jurafsky (2016). Understanding Neural Networks through "
        "Representation Erasure. arXiv:1612.08220"
    )
    title: ClassVar[str] = "Ablation"
    complete: ClassVar[bool] = False
    divided: ClassVar[bool] = False

    groups: int | None = param(
        default=None,
        doc="how many groups of features that belong together are left out; None leaves out one by one",
        min=1,
    )

    def attribute(self, game: Game) -> NpArray:
        everybody = game.ends[1]
        left_out = game(~np.eye(game.players, dtype=bool))
        game.notes.certify(kind="exact", exact=True)
        return everybody[:, None] - left_out

    def _maskers(
        self, data: Data, masker: Masker | None, baseline: Any, background: Any, run: Run
    ) -> list[Masker]:
        maskers = super()._maskers(data, masker, baseline, background, run)
        return maskers if self.groups is None else [Grouped(self.groups, each) for each in maskers]
