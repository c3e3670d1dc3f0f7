"""Perturbation methods: one `Game` per row, from any model that predicts, to an `Attribution`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from pellucid.core import baseline as baselines
from pellucid.core.errors import CapabilityError, DataError, ParameterError
from pellucid.core.features import Columns, Features, Pixels
from pellucid.core.intake import Data, read
from pellucid.core.masker import Background, Fill, Masker, Segments
from pellucid.core.model import Differentiable, Layered
from pellucid.core.notes import merged
from pellucid.core.run import LARGEST, Pace, Run, current, stop_if_cancelled, tracking
from pellucid.core.target import Neuron, Target, space_of
from pellucid.core.types import Array, NpArray
from pellucid.core.views import BLACK_BOX_ROWS, Aim, Game
from pellucid.methods.base import Method, independent_rows, one, quality
from pellucid.results import Attribution

BACKGROUND_ROWS = 100
"""Rows kept of a larger background; pass `Background(rows)` as the masker to keep all."""


class GameMethod(Method, abstract=True):
    """Attributes f(x) by hiding features: needs only predictions."""

    family: ClassVar[str] = "perturbation"
    complete: ClassVar[bool] = True
    """Whether the values add up to f(x) - f(all hidden): then a player's value is divided among its features."""

    def attribute(self, game: Game) -> NpArray:
        """The formula: (players,) values of the game of one row."""
        raise NotImplementedError

    def hide(self, data: Data, point: NpArray, background: NpArray | None, given: bool) -> Masker:
        """The masker where the caller passes none.

        Args:
            data: the rows.
            point: the baseline of the row, (*features).
            background: the caller's background rows.
            given: whether the caller named the baseline.
        """
        if background is not None:
            return Background.sample(background, BACKGROUND_ROWS, current().generator())
        return Segments() if isinstance(data.features, Pixels) and not given else Fill(point)

    def __call__(
        self,
        model: Any,
        x: Any,
        *,
        target: Any = None,
        masker: Masker | None = None,
        baseline: Any = None,
        background: Any = None,
        features: Features | None = None,
        classes: Sequence[str] = (),
        output: str | int | None = None,
    ) -> Attribution:
        """Explain rows of `x`.

        Args:
            model: anything that predicts.
            x: rows, (n, *features), as arrays, a frame or pictures; a tuple of several inputs.
            target: what is explained: a class number or name, a tuple index, one per row, `Neuron`, `Margin`,
                `LogProb`, a function of the output; None is each row's predicted class.
            masker: how features are hidden; None hides them behind `background`, else behind `baseline`.
            baseline: what a hidden feature becomes: a name, a number, a row, or one per row.
            background: rows that stand in for hidden features, averaged over; at most 100 are kept. With a `baseline`
                by name, the rows that it is taken from.
            features: what the rows are made of.
            classes: names of the outputs.
            output: which of several outputs, by key or position.

        Raises:
            TargetError, ShapeError, DataError, ParameterError: see their texts.
        """
        run = current().fresh()
        try:
            if masker is not None and not (baseline is None and background is None):
                raise ParameterError(
                    "A masker says itself what hides a feature.", fix="Leave baseline and background out."
                )
            data = read(model, x, features=features, background=background, output=output)
            with data.model.at_rest():
                asked = Asked(data, run, target, tuple(map(str, classes)))
                maskers = self._maskers(data, masker, baseline, background, run)
                result = self._result(asked, self._games(asked, maskers))
        except Exception as error:
            self._noted(error, model, x, target=target)
            raise
        return self._finished(result, run)

    def _maskers(
        self, data: Data, masker: Masker | None, baseline: Any, background: Any, run: Run
    ) -> list[Masker]:
        if masker is not None:
            return [masker] * len(data.x)
        if background is not None and baseline is not None:
            baselines.check_used(baseline)
        usual = None if background is None else data.like(background)
        points = baselines.resolve(data.flat(baseline), data.x, data.features, usual, run)
        if usual is not None and baseline is None:
            return [self.hide(data, points[0], usual, False)] * len(data.x)
        return [self.hide(data, point, None, baseline is not None) for point in points]

    def _games(self, asked: Asked, maskers: list[Masker]) -> list[tuple[Game, NpArray, str]]:
        """Play the game of each row: its players' values, and how they were hidden."""
        out: list[tuple[Game, NpArray, str]] = []
        data, run = asked.data, asked.run
        with tracking(run, self.title, len(data.x)) as advance:
            for row, masker in enumerate(maskers):
                stop_if_cancelled(run)
                hidden = masker.bind(data.x[row], data.features)
                game = Game(run=run, f=asked.about(row), hidden=hidden, row=row, pace=asked.pace)
                out.append((game, np.asarray(self.attribute(game), float), masker.describe()))
                advance(1)
        return out

    def _result(self, asked: Asked, games: list[tuple[Game, NpArray, str]]) -> Attribution:
        data, facts, y = asked.data, asked.data.model.facts, asked.y
        notes = merged([game.notes for game, _, _ in games])
        independent_rows(notes, facts.mixes_rows)
        labels = asked.goal.labels(asked.aim.classes, len(data.x))
        outputs = space_of(y, asked.aim.space)
        space = asked.goal.counts_in(outputs)
        halves = [game.notes.half_width for game, _, _ in games]
        half = None
        if all(h is not None for h in halves):
            half = np.stack(
                [
                    g.hidden.spread(np.asarray(h), share=self.complete)
                    for (g, _, _), h in zip(games, halves, strict=True)
                ]
            )
        return Attribution(
            values=np.stack([g.hidden.spread(v, share=self.complete) for g, v, _ in games]),
            features=data.features,
            quality=quality(notes, asked.run, f"{self.called} of {space} {one(labels)}, {games[0][2]}", half),
            provenance=self._provenance(facts.name, asked.run, (*facts.notes, *notes.said)),
            space=space,
            x=data.x,
            output=asked.output,
            base=np.array([g.ends[0] for g, _, _ in games]) if self.complete else None,
            target=labels,
            scores=y if y.ndim == 2 and not asked.aim.layer else None,
            classes=asked.aim.classes,
            score_space=outputs if outputs != space else "",
            players=() if _is_columns(games[0][0], data) else tuple(g.hidden.players for g, _, _ in games),
            player_values=_padded([v for _, v, _ in games]),
            index=data.index,
            frame=data.frame,
            parts=data.parts,
        )


class Asked:
    """What the caller's model is asked: its outputs, the target in them, and f of one row's variants."""

    def __init__(self, data: Data, run: Run, target: Any, classes: tuple[str, ...]) -> None:
        self.data, self.run, self.model, facts = data, run, data.model, data.model.facts
        differentiate = getattr(data.model, "differentiate", None)
        self.aim = Aim(target, classes or facts.classes, facts.space, differentiate, facts.classifier)
        if isinstance(target, Neuron):
            if not isinstance(data.model, Layered):
                raise CapabilityError("This model has no layers.", got=facts.name)
            data.model.check(target.layer, data.inputs)
            self.model = data.model[: target.layer]
            self.aim = Aim(target.index, space="raw", layer=target.layer)

    @cached_property
    def pace(self) -> Pace:
        """Rows per call, by the memory that a row takes."""
        model, facts, largest = self.model, self.data.model.facts, BLACK_BOX_ROWS
        measured = self.data.x[0].nbytes * 4
        if isinstance(model, Differentiable):
            measured, largest = model.bytes_per_row(tuple(a[:1] for a in self.data.inputs)), LARGEST
        return Pace(self.run, self.run.size(measured, largest, facts.memory), model.out_of_memory)

    @cached_property
    def _native(self) -> Array:
        parts = list[Array]()
        inputs = self.data.inputs
        self.pace.over(len(self.data.x), lambda r: parts.append(self.model.predict(*(a[r] for a in inputs))))
        self.run.meter.count(len(self.data.x), grad=False)
        if len(parts) == 1:
            return parts[0]
        from array_api_compat import array_namespace

        return array_namespace(parts[0]).concat(parts)

    @cached_property
    def y(self) -> NpArray:
        """The outputs at x, (n, *outputs)."""
        y = self.model.numpy(self._native)
        bad = ~np.isfinite(y).reshape(len(y), -1).all(1)
        if bad.any():
            raise DataError(
                f"The output of the model holds NaN or infinity for row {int(bad.argmax())}.",
                fix="Check the model on this row, and its input for values far outside what it was trained on.",
            )
        return y

    @cached_property
    def goal(self) -> Target:
        """The scalar explained."""
        return self.aim.at(self._native if self.y is not None else None)

    @cached_property
    def output(self) -> NpArray:
        """f(x), (n,)."""
        return np.asarray(self.model.numpy(self.goal.value(self._native, np.arange(len(self.y)))))

    def about(self, row: int) -> Callable[[NpArray], NpArray]:
        """F of variants of one row: (m, *features) -> (m,)."""
        rest, goal, model = self.data.inputs[1:], self.goal, self.model

        def f(rows: NpArray) -> NpArray:
            same = np.full(len(rows), row)
            y = model.predict(model.native(rows), *(a[same] for a in rest))
            return model.numpy(goal.value(y, same))

        return f


def _is_columns(game: Game, data: Data) -> bool:
    """Whether the players are simply the columns, whose names the features know already."""
    return isinstance(data.features, Columns) and game.hidden.players == data.features.names


def _padded(values: list[NpArray]) -> NpArray:
    """Rows of different numbers of players as one array, NaN where a row has fewer."""
    width = max(len(v) for v in values)
    return np.stack([np.pad(v, (0, width - len(v)), constant_values=np.nan) for v in values])
