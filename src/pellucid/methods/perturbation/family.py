"""Perturbation methods: a `Game` of many rows, from any model that predicts, to an `Attribution`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import chain
from typing import Any, ClassVar

import numpy as np

from pellucid.core import baseline as baselines
from pellucid.core.errors import Cancelled, CapabilityError, DataError, ParameterError
from pellucid.core.features import Features, Pixels
from pellucid.core.grouped import Grouped
from pellucid.core.intake import Data, read
from pellucid.core.masker import Background, Fill, Hidden, Masker, Segments
from pellucid.core.model import layered, pace_of, spending
from pellucid.core.run import Pace, Part, Run, current, stop_if_cancelled, tracking
from pellucid.core.several import chosen
from pellucid.core.target import Neuron, Target, space_of
from pellucid.core.texts import Texts, Unsaid, Words
from pellucid.core.types import Array, NpArray
from pellucid.core.views import Aim, Game
from pellucid.methods.base import Method, independent_rows, one, quality, resting
from pellucid.results import Attribution, PairAttribution

from .played import Played, Whole, neutral, repeatable

BACKGROUND_ROWS = 100
"""Rows kept of a larger background; pass `Background(rows)` as the masker to keep all."""
BATCHES = 8
"""Model calls that rows are collected for before they are played together."""
SHARING, TOGETHER = 12, 1 << 21
"""So many rows, with at most so many variants, are collected where several rows share what lies behind them."""


class GameMethod(Method, abstract=True):
    """Attributes f(x) by hiding features: needs only predictions."""

    family: ClassVar[str] = "perturbation"
    complete: ClassVar[bool] = True
    """Whether the values add up to f(x) - f(all hidden)."""
    pairs: ClassVar[bool] = False
    """Whether `attribute` gives (rows, players, players) values of players and pairs of them."""
    divided: ClassVar[bool] = True
    """Whether a player's value is divided among its features, so that sums over features mean something."""

    def attribute(self, game: Game) -> NpArray:
        """The formula: (rows, players) values of the game of some rows with equally many players."""
        raise NotImplementedError

    def calls(self, players: int) -> int:
        """How many coalitions of so many players are asked per row, at most: progress is measured against it."""
        return players + 2

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
        masker: Masker | Sequence[Masker] | Mapping[str, Masker] | None = None,
        baseline: Any = None,
        background: Any = None,
        features: Features | Words | None = None,
        classes: Sequence[str] = (),
        output: str | int | None = None,
    ) -> Any:
        """Explain rows of `x`: an `Attribution`, or a `PairAttribution` where pairs are asked for.

        Args:
            model: anything that predicts.
            x: rows, (n, *features), as arrays, a frame or pictures; a tuple of several inputs.
            target: what is explained: a class number or name, a tuple index, one per row, `Neuron`, `Margin`,
                `LogProb`, a function of the output; None is each row's predicted class.
            masker: how features are hidden; None hides them behind `background`, else behind `baseline`. One for each
                of several inputs, in their order or by name.
            baseline: what a hidden feature becomes: a name, a number, a row, or one per row.
            background: rows that stand in for hidden features, averaged over; at most 100 are kept. With a `baseline`
                by name, the rows that it is taken from.
            features: what the rows are made of; for texts, how they are cut.
            classes: names of the outputs.
            output: which of several outputs, by key or position.

        Raises:
            TargetError, ShapeError, DataError, ParameterError: see their texts.
        """
        run = current().fresh()
        try:
            whole = not isinstance(masker, Grouped) or masker.of is not None
            if masker is not None and whole and not (baseline is None and background is None):
                raise ParameterError(
                    "A masker says itself what hides a feature.", fix="Leave baseline and background out."
                )
            data = read(model, x, features=features, background=background, output=output)
            masker = masker if masker is None else chosen(masker, data.parts, data.model.facts.channels)
            with resting(data.model, target, masker and masker.bind):
                asked = Asked(data, run, target, tuple(map(str, classes)))
                result, stopped = self._explained(asked, masker, baseline, background)
                if stopped or len(result) < len(data.x):
                    raise Cancelled("The run was cancelled.", result=result)
        except Exception as error:
            self._noted(error, model, x, target=target)
            raise
        return self._finished(result, run)

    def _explained(
        self, asked: Asked, masker: Masker | None, baseline: Any, background: Any
    ) -> tuple[Any, bool]:
        """The result for the rows that were finished, and whether the run was cancelled while one was improved."""
        maskers = self._maskers(asked.data, masker, baseline, background, asked.run)
        played = self._played(asked, maskers)
        return self._result(asked, played, maskers[0].describe()), any(p.notes.stopped for p in played)

    def _maskers(
        self, data: Data, masker: Masker | None, baseline: Any, background: Any, run: Run
    ) -> list[Masker]:
        if isinstance(masker, Grouped) and masker.of is None:
            inner = self._maskers(data, None, baseline, background, run)
            return [replace(masker, of=each) for each in inner]
        if masker is not None and not isinstance(data.model, Texts):
            return [masker] * len(data.x)
        if isinstance(data.model, Texts):
            if not (masker is None and baseline is None and background is None):
                raise ParameterError(
                    "Absent words are left out of a text, or replaced.",
                    fix="Pass features=Words(absent='[MASK]').",
                )
            return [Unsaid(data.model)] * len(data.x)
        if background is not None and baseline is not None:
            baselines.check_used(baseline)
        usual = None if background is None else data.like(background)
        points = baselines.resolve(data.flat(baseline), data.x, data.features, usual, run)
        if usual is not None and baseline is None:
            return [self.hide(data, points[0], usual, False)] * len(data.x)
        return [self.hide(data, point, None, baseline is not None) for point in points]

    def _played(self, asked: Asked, maskers: list[Masker]) -> list[Played]:
        """Play the games of all rows; where the run is cancelled, those that were finished before."""
        out, shared, f = list[Played](), dict[int, dict[str, Any]](), asked.about()
        blocks = self._blocks(asked, maskers)
        first = next(blocks)
        per_row = self.calls(len(first[0][1].players))
        with tracking(asked.run, self.title, len(maskers) * per_row) as advance:
            try:
                for team in (t for block in chain([first], blocks) for t in _teams(block)):
                    hidden = tuple(h for _, h in team)
                    calls = self.calls(len(hidden[0].players))
                    part = Part(advance, worth=len(team) * per_row, steps=len(team) * calls)
                    game = Game(
                        run=asked.run,
                        f=f,
                        hidden=hidden,
                        rows=np.array([row for row, _ in team]),
                        pace=asked.pace,
                        advance=part.advance,
                        alike=asked.alike[[row for row, _ in team]],
                        shared=shared.setdefault(len(hidden[0].players), {}),
                    )
                    out.append(Played.of(game, np.asarray(self.attribute(game), float), self.divided))
                    part.finish()
                    if game.notes.stopped:
                        break
            except Cancelled:
                if not out:
                    raise
        return out

    def _blocks(self, asked: Asked, maskers: list[Masker]) -> Iterator[list[tuple[int, Hidden]]]:
        """Rows bound to their maskers, as many at once as fill some batches."""
        block, variants = list[tuple[int, Hidden]](), 0
        early = asked.run.cancel is not None  # the rows of finished blocks survive
        for row, masker in enumerate(maskers):
            stop_if_cancelled(asked.run)
            hidden = masker.bind(asked.data.x[row], asked.data.features)
            block.append((row, hidden))
            variants += self.calls(len(hidden.players)) * hidden.fillings
            full = early or len(block) >= SHARING or hidden.fillings == 1 or variants >= TOGETHER
            if full and variants >= (1 if early else BATCHES) * asked.pace.size:
                yield block
                block, variants = [], 0
        if block:
            yield block

    def _result(self, asked: Asked, played: list[Played], hiding: str) -> Any:
        data, facts, y = asked.data, asked.data.model.facts, asked.y
        whole = Whole(played)
        rows, (nobody, everybody) = whole.rows, whole.ends
        notes = whole.notes
        independent_rows(notes, facts.mixes_rows)
        repeatable(notes, asked.output[rows], asked.again(rows, everybody), nobody)
        if isinstance(data.model, Texts):
            neutral(notes, asked.output[rows], asked.spaced()[rows], nobody)
        labels = asked.goal.labels(asked.aim.classes, len(data.x))
        outputs = space_of(y, asked.aim.space)
        space = asked.goal.counts_in(outputs)
        known: dict[str, Any] = {
            "values": whole.values,
            "features": data.features,
            "quality": quality(
                notes, asked.run, f"{self.called} of {space} {one(labels)}, {hiding}", whole.half_width
            ),
            "provenance": self._provenance(facts.name, asked.run, (*facts.notes, *notes.said)),
            "space": space,
            "x": data.x[rows],
            "output": asked.output[rows],
            "target": tuple(labels[r] for r in rows),
            "scores": y[rows] if y.ndim == 2 and not asked.aim.layer else None,
            "classes": asked.aim.classes,
            "score_space": outputs if outputs != space else "",
            "players": () if whole.are_columns(data.features) else whole.players,
            "regions": whole.regions(data.features),
            "index": tuple(data.index[r] for r in rows) if data.index else (),
            "frame": data.frame,
        }
        if self.pairs:
            return PairAttribution(**known, base=nobody)
        return Attribution(
            **known,
            base=nobody if self.complete else None,
            player_values=whole.player_values,
            parts=data.parts,
        )


class Asked:
    """What the caller's model is asked: its outputs, the target in them, and f of one row's variants."""

    def __init__(self, data: Data, run: Run, target: Any, classes: tuple[str, ...]) -> None:
        self.data, self.run, self.model, facts = data, run, data.model, data.model.facts
        differentiate = getattr(data.model, "differentiate", None)
        self.aim = Aim(target, classes or facts.classes, facts.space, differentiate, facts.classifier)
        if isinstance(target, Neuron):
            if not layered(data.model):
                raise CapabilityError("This model has no layers.", got=facts.name)
            data.model.check(target.layer, data.inputs)
            self.model = data.model[: target.layer]
            self.aim = Aim(target.index, space="raw", layer=target.layer)

    @cached_property
    def pace(self) -> Pace:
        """Rows per call, by the memory that a row takes."""
        return pace_of(self.model, self.data.inputs, self.data.x[0].nbytes, self.run)

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

    def again(self, rows: NpArray, known: NpArray) -> NpArray:
        """What a second question about the same rows gave, (n,); of methods that put none, it is put for the first."""
        if not np.isnan(known).all():
            return known
        y = self.model.predict(*(a[rows[:1]] for a in self.data.inputs))
        self.run.meter.count(1, grad=False)
        found = known.copy()
        found[:1] = self.model.numpy(self.goal.value(y, rows[:1]))
        return found

    @cached_property
    def alike(self) -> NpArray:
        """(n,) equal numbers for rows with the same target, whose f is the same function of the features."""
        if len(self.data.inputs) > 1:
            return np.arange(len(self.data.x))
        return np.unique(np.array(self.goal.labels((), len(self.data.x))), return_inverse=True)[1]

    def spaced(self) -> NpArray:
        """F of texts with a space more before every word, (n,)."""
        model: Texts = self.data.model
        y = model.model.predict([model.text(row, spaced=True) for row in self.data.x.tolist()])
        self.run.meter.count(len(self.data.x), grad=False)
        return np.asarray(model.numpy(self.goal.value(y, np.arange(len(self.data.x)))))

    def about(self) -> Callable[[NpArray, NpArray], NpArray]:
        """F of variants of rows that nobody else needs: (m, *features), and which row each is of -> (m,)."""
        rest, goal, model = self.data.inputs[1:], self.goal, self.model
        predict = model.spend if spending(model) else model.predict

        def f(variants: NpArray, which: NpArray) -> NpArray:
            y = predict(model.native(variants), *(a[which] for a in rest))
            return model.numpy(goal.value(y, which))

        return f


def _teams(block: list[tuple[int, Hidden]]) -> Iterable[list[tuple[int, Hidden]]]:
    """The rows of a block, those with as many players together."""
    teams: dict[int, list[tuple[int, Hidden]]] = {}
    for row, hidden in block:
        teams.setdefault(len(hidden.players), []).append((row, hidden))
    return teams.values()
