"""Sensitivity analysis: one feature moved at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from pellucid.core import baseline as baselines
from pellucid.core.errors import Cancelled, CapabilityError, ParameterError
from pellucid.core.features import Columns, Pixels
from pellucid.core.intake import Data
from pellucid.core.masker import Fill, Masker, Segments
from pellucid.core.notes import Notes
from pellucid.core.run import Part, Run, batches, stop_if_cancelled, tracking
from pellucid.core.target import space_of
from pellucid.core.texts import Texts
from pellucid.core.types import NpArray
from pellucid.methods.base import independent_rows, one, quality
from pellucid.methods.params import param
from pellucid.results import Sensitivity

from .deciding import Decides, Found, curves, flips
from .family import BATCHES, Asked, GameMethod
from .moving import Places, Ways
from .played import joined, repeatable


class SensitivityAnalysis(GameMethod):
    r"""What the model says of a row as one feature is moved along its range, or by a step, and all others stay.

    .. math:: g_j(v) = f(x_1, \dots, x_{j-1}, v, x_{j+1}, \dots, x_p)

    The curve of each feature with its mean and its greatest slope, and the first value on either side at which the
    model decides otherwise, found between the points by halving. Columns are moved through the range of the background
    (or of the rows, where there are several), categories and columns of few values through these, and the row's own
    value is always among the points. Images, series and arrays have no ranges: their parts are faded from what they are
    to what hides them. One feature alone is moved, so what two do together is not seen; where columns go together, the
    model is asked about rows that do not occur.

    Shapes: ``values: (n, features, points)``.
    Cost: ``features * (points + 1)`` evaluations per row, and 16 for each feature and side at which a decision turns.
    Raises: `ParameterError` for a column that holds a single value; `CapabilityError` for texts.

    >>> SensitivityAnalysis(points=11)(forest, X[:2], background=X, target=0).first_flip.shape
    (2, 30)
    """

    paper = (
        "Saltelli et al. (2008). Global Sensitivity Analysis: The Primer. doi:10.1002/9780470725184; Goldstein et al. "
        "(2015). Peeking Inside the Black Box. arXiv:1309.6392"
    )
    title: ClassVar[str] = "Sensitivity analysis"
    complete: ClassVar[bool] = False
    data: ClassVar[tuple[str, ...]] = ("table", "image", "series")

    points: int = param(default=20, doc="points along the range, or steps on both sides together", min=2)
    trim: float = param(
        default=0.0, doc="share of rows left out beyond each end of the range", min=0, max=0.45
    )
    step: float | None = param(
        default=None, doc="move by steps of this size, in each column's own units; None moves along the range"
    )
    threshold: float | None = param(
        default=None,
        doc="of a model of one output: from where on it decides otherwise; None is a half of a probability",
    )

    def _explained(
        self, asked: Asked, masker: Masker | None, baseline: Any, background: Any
    ) -> tuple[Sensitivity, bool]:
        data, say, found = asked.data, Decides(asked, self.threshold), list[Found]()
        ways = self._ways(data, masker, baseline, background, asked.run)
        per_row = max(1, int((~np.isnan(ways(np.arange(1)).grid)).sum()))
        size = max(1, BATCHES * asked.pace.size // per_row)
        with tracking(asked.run, self.title, len(data.x) * per_row) as advance:
            try:
                for part in batches(len(data.x), size):
                    stop_if_cancelled(asked.run)
                    some = ways(np.arange(part.start, part.stop))
                    told = Part(advance, worth=len(some.rows) * per_row, steps=len(some.rows) * per_row)
                    values, decided = curves(some, say, told.advance)
                    found.append(Found(some, values, *flips(some, say, decided)))
                    told.finish()
            except Cancelled:
                if not found:
                    raise
        return self._sensitivity(asked, say, found), False

    def _sensitivity(self, asked: Asked, say: Decides, found: list[Found]) -> Sensitivity:
        data, facts = asked.data, asked.data.model.facts
        ways = [f.ways for f in found]
        done = sum(len(w.rows) for w in ways)
        y, notes = asked.y[:done], Notes()
        notes.certify(kind="exact", exact=True)
        independent_rows(notes, facts.mixes_rows)
        again = np.concatenate([f.again for f in found])
        repeatable(notes, asked.output[:done], again, np.full(done, np.nan))
        labels = asked.goal.labels(asked.aim.classes, len(data.x))
        outputs = space_of(asked.y, asked.aim.space)
        space = asked.goal.counts_in(outputs)
        is_table = isinstance(data.features, Columns) and ways[0].names[0] == data.features.names
        return Sensitivity(
            values=joined([f.values for f in found]),
            grid=joined([w.grid for w in ways]),
            own=joined([w.own for w in ways]),
            flips=joined([f.flips for f in found]),
            becomes=np.nan_to_num(joined([f.becomes for f in found]), nan=-1).astype(int),
            decided=say.decided(y),
            decisions=say.names,
            features=data.features,
            quality=quality(notes, asked.run, f"{space} {one(labels)} with one feature moved", None),
            provenance=self._provenance(facts.name, asked.run, (*facts.notes, *notes.said)),
            space=space,
            x=data.x[:done],
            output=asked.output[:done],
            target=labels[:done],
            scores=y if y.ndim == 2 and not asked.aim.layer else None,
            classes=asked.aim.classes,
            score_space=outputs if outputs != space else "",
            players=() if is_table else tuple(names for w in ways for names in w.names),
            index=data.index[:done],
            frame=data.frame,
        )

    def _ways(
        self, data: Data, masker: Masker | None, baseline: Any, background: Any, run: Run
    ) -> Callable[[NpArray], Ways]:
        """The ways of some of the rows, by number."""
        x, kind = data.x, data.features
        if isinstance(data.model, Texts):
            raise CapabilityError("Words have no range.", fix="Use Ablation, which leaves them out.")
        if isinstance(kind, Columns) and masker is None and baseline is None:
            known = x if background is None else data.like(background)
            places = Places.along(known.astype(float), kind, self.points, self.trim, self.step)
            return lambda rows: Ways.of_columns(x[rows], rows, kind, places)
        if background is not None or self.step is not None:
            raise ParameterError(
                "Parts that fade to what hides them have neither range nor steps.",
                fix="Leave background and step out.",
            )
        if masker is None:
            points = baselines.resolve(data.flat(baseline), x, kind, None, run)
            segmented = isinstance(kind, Pixels) and baseline is None
            maskers: list[Masker] = [Segments() if segmented else Fill(point) for point in points]
        else:
            maskers = [masker] * len(x)
        return lambda rows: Ways.fading(x[rows], rows, [maskers[r] for r in rows], kind, self.points)
