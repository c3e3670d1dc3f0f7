"""Counterfactuals of images: the smallest change of some regions, or of a generator's code, for another answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pellucid.core.arrays import to_numpy
from pellucid.core.constraints import Constraints
from pellucid.core.errors import ParameterError, ShapeError
from pellucid.core.features import Columns, Pixels
from pellucid.core.generator import Generator
from pellucid.core.masker import Segments
from pellucid.core.model import differentiable, wrap
from pellucid.core.types import NpArray
from pellucid.core.views import Query

from .distance import Distance
from .family import Asked
from .gradients import gradients

FILLS = 2
"""Real images with the wanted answer whose regions are tried."""
MASKS = 24
"""Random sets of regions that the search may begin at."""
USUAL = 200
"""Codes drawn where none are given."""


@dataclass(frozen=True, eq=False)
class Space:
    """What is changed of one image, in numbers.

    Attributes:
        start: (columns,) the image as it is.
        columns: their names.
        usual: (b, columns) where the search may begin.
        unit: (columns,) what a change of 1 costs.
        draw: (m, columns) -> images (m, *image).
        pull: (m, columns), gradients (m, *image) -> gradients (m, columns); None where there are none.
        regions: (H, W) the region of each pixel; (0, 0) where there are none.
    """

    start: NpArray
    columns: Columns
    usual: NpArray
    unit: NpArray
    draw: Callable[[NpArray], NpArray]
    pull: Callable[[NpArray, NpArray], NpArray] | None
    regions: NpArray


def spaces_of(asked: Asked, row: int, segments: Segments, squared: bool) -> list[Space]:
    """Regions of an image, filled as the caller says, or as in the nearest real images with the wanted answer.

    Args:
        asked: the model and the images.
        row: which.
        segments: the regions, and what they are filled with.
        squared: whether the distance is that of squares.
    """
    x, features = asked.data.x[row], asked.data.features
    if not isinstance(features, Pixels):
        raise ParameterError("Segments are regions of images.", got=f"{features.kind} features")
    regions = segments.regions(x, features)
    member = regions[None] == np.arange(int(regions.max()) + 1)[:, None, None]
    member = member if features.axis is None else np.expand_dims(member, 1 + features.axis)
    real = _real(asked, row)
    fills = real if len(real) else segments.filled(x, features)[None]
    return [
        _in_regions(asked, x, fill, np.broadcast_to(member, (len(member), *x.shape)), regions, squared)
        for fill in fills
    ]


def _real(asked: Asked, row: int) -> NpArray:
    """The nearest real images that the model answers as wanted."""
    real = asked.background
    if not len(real):
        return real
    goals = asked.goals
    kinds, goal = goals.kinds
    index, present = (np.full(len(real), int(v)) for v in kinds[goal[row]])
    fits = np.flatnonzero(goals.lead(asked.outputs(real), index, present) >= 0)
    off = np.abs(real[fits] - asked.data.x[row]).reshape(len(fits), -1).mean(1)
    return real[fits[np.argsort(off, kind="stable")[:FILLS]]]


def _in_regions(
    asked: Asked, x: NpArray, fill: NpArray, member: NpArray, regions: NpArray, squared: bool
) -> Space:
    """How far each region is on the way to its filling, from 0 to 1."""
    count, step = len(member), np.asarray(fill, float) - x
    flat = member.reshape(count, -1).astype(float)
    size = (step**2 if squared else np.abs(step)).ravel()
    unit = flat @ size / x.size
    rng = asked.run.generator(5)
    masks = (rng.random((MASKS, count)) < rng.random((MASKS, 1))).astype(float)
    usual = np.concatenate([np.ones((1, count)), np.full((1, count), 0.5), np.zeros((1, count)), masks])
    return Space(
        start=np.zeros(count),
        columns=Columns(tuple(f"region {k}" for k in range(count))),
        usual=usual,
        unit=np.sqrt(unit) if squared else unit,
        draw=lambda A: (x + (A @ flat).reshape(-1, *x.shape) * step).astype(x.dtype),
        pull=lambda A, grad: (grad * step).reshape(len(A), -1) @ flat.T,
        regions=regions,
    )


def drawn_by(asked: Asked, generator: Generator) -> tuple[Asked, list[Space]]:
    """The images as the generator draws them, and their codes as what is changed.

    Raises:
        ShapeError: codes or images of another number or shape.
    """
    codes, shape = np.asarray(to_numpy(generator.codes), float), asked.data.x.shape
    if codes.ndim != 2 or len(codes) != shape[0]:
        raise ShapeError(
            f"The generator needs one code for each of {shape[0]} images.", got=f"shape {codes.shape}"
        )
    model: Any = wrap(generator.decode)
    kind = np.asarray(to_numpy(generator.codes)).dtype
    kind = kind if kind.kind == "f" else asked.data.x.dtype

    def draw(A: NpArray) -> NpArray:
        images = np.asarray(model.numpy(model.predict(model.native(A.astype(kind)))), asked.data.x.dtype)
        if images.shape != (len(A), *shape[1:]):
            raise ShapeError(
                f"The generator must draw images of shape {shape[1:]}.", got=f"shape {images.shape}"
            )
        return images

    def pull(A: NpArray, grad: NpArray) -> NpArray:
        native = model.native(A.astype(kind))
        back = model.vjp((native,), lambda y: model.native(grad.astype(model.numpy(y).dtype)))
        return model.numpy(back[1][0]).reshape(A.shape)

    usual = asked.run.generator(5).normal(size=(USUAL, codes.shape[1]))
    usual = usual if generator.usual is None else np.asarray(to_numpy(generator.usual), float)
    names = Columns(tuple(f"z{k}" for k in range(codes.shape[1])))
    with model.at_rest():
        images = draw(codes)
    x = replace(asked.data, x=images, inputs=(asked.data.model.native(images),))
    none = np.zeros((0, 0), int)
    spaces = [
        Space(code, names, usual, np.ones(len(code)), draw, pull if differentiable(model) else None, none)
        for code in codes
    ]
    return replace(asked, data=x), spaces


def query_of(asked: Asked, row: int, space: Space, constraints: Constraints) -> Query:
    """The view of one image: the columns are what is changed of it."""
    goals = asked.goals
    kinds, goal = goals.kinds
    kind = kinds[goal[row]]

    def sides(m: int) -> NpArray:
        return np.repeat(kind[None], m, 0).T

    def f(A: NpArray, own: NpArray) -> NpArray:
        images = space.draw(A)
        leads = [goals.lead(ask(images), *sides(len(A))) for ask in (asked.outputs, *asked.others)]
        return np.min(leads, 0)

    def slope(A: NpArray, own: NpArray) -> NpArray:
        grad = gradients(asked, space.draw(A), lambda y, part: goals.cotangent(y, *sides(len(y))))
        return pull(A, grad)

    pull: Any = space.pull
    start = space.start[None]
    limits = constraints.bind(space.columns, start, space.usual)
    real = np.zeros((1, len(space.usual)), bool)
    real[0] = f(space.usual, np.zeros(len(space.usual), int)) >= 0
    smooth = differentiable(asked.data.model) and pull is not None and not asked.others
    return Query(
        run=asked.run, f=f, X=start, columns=space.columns, background=space.usual, real=real,
        goal=np.zeros(1, int), limits=limits, outputs=lambda A: asked.outputs(space.draw(A)),
        conditions=lambda row, logs: [], is_probability=goals.is_probability, open=f(start, np.zeros(1, int)) < 0,
        slope=slope if smooth else None, asked=np.zeros(1, int),
    )  # fmt: skip


def distance_of(name: Any, space: Space, query: Query) -> Distance:
    """The distance of images: the mean change of a pixel, or the root of the mean square; of codes, of their numbers.

    Raises:
        ParameterError: another distance than l1 or l2.
    """
    if not isinstance(name, str) or name not in ("mad_l1", "l1", "l2"):
        raise ParameterError("Images are compared by l1 or l2.", got=repr(name), fix="Pass distance='l1'.")
    return Distance("l2" if name == "l2" else "l1", space.unit * query.limits.costs, query.limits.word)
