"""How a feature is hidden. A masker names the players of a row and fills in the absent ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import Any, Protocol, cast

import numpy as np

from .baseline import blurred
from .errors import ParameterError, ShapeError
from .features import Columns, Features, Pixels
from .inpaint import inpainted
from .mixing import Mixed
from .types import Bools, Filling, NpArray


@dataclass(frozen=True)
class Hidden:
    """A masker bound to one row.

    Attributes:
        players: what each player is called.
        fill: coalitions (m, players) -> rows (m, b, *features), b fillings each.
        label: (*features) of int, the player that holds each feature, where players share none.
        member: (players, *features) of bool, the features each player holds, where players overlap.
        weight: (b,) how much each filling counts, adding up to 1; None where all count alike.
    """

    players: tuple[str, ...]
    fill: Filling
    label: NpArray | None = None
    member: Bools | None = None
    weight: NpArray | None = None

    @cached_property
    def fillings(self) -> int:
        """How many rows stand for one coalition."""
        if isinstance(self.fill, Mixed):
            return len(self.fill.behind)
        return self.fill(np.zeros((1, len(self.players)), bool)).shape[1]

    def spread(self, values: NpArray, *, share: bool) -> NpArray:
        """Player values (players,) back on the features (*features).

        With `share` a player's value is divided among its features, so that the sum stays; without, every feature
        shows the mean of the players that hold it.
        """
        if self.label is not None:
            if share and self.label.size > len(values):
                values = values / np.bincount(self.label.ravel())
            return values[self.label]
        if self.member is None:
            return values
        member = self.member.reshape(len(self.players), -1).astype(float)
        held = member.sum(1 if share else 0, keepdims=True)
        return (values @ (member / np.maximum(held, 1))).reshape(self.member.shape[1:])


class Masker(Protocol):
    """How absent features are filled in."""

    def bind(self, x: NpArray, features: Features) -> Hidden:
        """Hide features of one row `x`, (*features)."""
        ...

    def describe(self) -> str:
        """In words, for the estimand: "100 background rows"."""
        ...


@dataclass(frozen=True, eq=False)
class Background:
    """Absent columns take the values of background rows: the marginal (interventional) game.

    Attributes:
        data: (b, columns).
        weight: (b,) how much each row counts; None where all count alike.
    """

    data: NpArray
    weight: NpArray | None = None

    def __post_init__(self) -> None:
        if self.data.ndim < 2 or len(self.data) == 0:
            raise ShapeError(
                "A background is rows like those explained, at least one.", got=f"shape {self.data.shape}"
            )

    @classmethod
    def sample(cls, data: NpArray, rows: int, rng: np.random.Generator) -> Background:
        """At most `rows` of `data`, drawn without replacement."""
        return cls(data if len(data) <= rows else data[np.sort(rng.choice(len(data), rows, replace=False))])

    @classmethod
    def centres(cls, data: NpArray, count: int) -> Background:
        """At most `count` rows that stand for all of `data`: k-means, each centre as heavy as the rows around it.

        A centre takes, column by column, the real value nearest to its own, so that whole numbers and codes stay such.
        """
        data = np.asarray(data)
        if data.ndim != 2 or count < 1:
            raise ParameterError(
                "Centres are made of tables, at least one.", got=f"shape {data.shape}, count {count}"
            )
        if len(np.unique(data, axis=0)) <= count:
            rows, sizes = np.unique(data, axis=0, return_counts=True)
            return cls(rows, sizes / sizes.sum())
        from sklearn.cluster import KMeans

        if not np.isfinite(data).all():
            raise ParameterError("Centres need numbers without gaps.", fix="Fill them in, or pass rows.")
        spread = np.where(data.std(0) > 0, data.std(0), 1.0)
        means: Any = KMeans(count, random_state=0)
        means = means.set_params(n_init=3).fit(data / spread)
        near = np.abs(data[:, None] - means.cluster_centers_ * spread).argmin(0)
        sizes = np.bincount(means.labels_, minlength=count)
        return cls(np.take_along_axis(data, near, 0), sizes / sizes.sum())

    def bind(self, x: NpArray, features: Features) -> Hidden:
        if self.data.shape[1:] != x.shape:
            raise ShapeError(f"The background has rows of shape {self.data.shape[1:]}, the data {x.shape}.")
        names, label = _players(x, features)
        kind = np.result_type(self.data, x)
        if kind not in self._as:
            self._as[kind] = np.ascontiguousarray(self.data, kind)
        mixed = Mixed(np.ascontiguousarray(x, kind), self._as[kind], label)
        return Hidden(names, mixed, label, weight=self.weight)

    @cached_property
    def _as(self) -> dict[Any, NpArray]:
        """The rows in the dtypes that were asked for, so that the rows explained share them."""
        return {}

    def describe(self) -> str:
        what = "background row" if self.weight is None else "centre"
        return f"{len(self.data)} {what}" + "s" * (len(self.data) != 1)


@dataclass(frozen=True, eq=False)
class Fill:
    """Absent features take one value: a number, or that of a baseline row.

    Attributes:
        value: a number, or (*features).
        labels: (*features) of int, the player each feature belongs to; None takes every feature (for images: every
            pixel, its channels together) as a player of its own.
    """

    value: float | NpArray = 0.0
    labels: NpArray | None = None

    def bind(self, x: NpArray, features: Features) -> Hidden:
        names, label = _players(x, features, self.labels)
        value = np.broadcast_to(np.asarray(self.value, x.dtype), x.shape)
        return Hidden(names, Mixed(x, value[None], label), label)

    def describe(self) -> str:
        return (
            f"filled with {self.value:g}" if isinstance(self.value, int | float) else "filled with a baseline"
        )


@dataclass(frozen=True, eq=False)
class Segments:
    """Absent regions of an image are blurred, or take the colours around them, or their mean colour, or one value.

    Attributes:
        labels: "superpixels" (regions of like colour), "grid", or (H, W) of int from 0.
        count: about how many regions, where they are made here.
        fill: "blur", "inpaint" (from what is present around the hole), "mean" (each channel's over the image), or a
            number.
    """

    labels: str | NpArray = "superpixels"
    count: int = 49
    fill: str | float = "blur"

    def __post_init__(self) -> None:
        if isinstance(self.labels, str) and self.labels not in ("superpixels", "grid"):
            raise ParameterError("labels must be 'superpixels', 'grid' or an array.", got=repr(self.labels))
        if isinstance(self.fill, str) and self.fill not in ("blur", "inpaint", "mean"):
            raise ParameterError("fill must be 'blur', 'inpaint', 'mean' or a number.", got=repr(self.fill))

    def bind(self, x: NpArray, features: Features) -> Hidden:
        if not isinstance(features, Pixels):
            raise ParameterError("Segments hide regions of images.", got=f"{features.kind} features")
        label = self._full(self.regions(x, features), x, features)
        names = tuple(f"region {i}" for i in range(int(label.max()) + 1))
        if self.fill == "inpaint":
            return Hidden(names, lambda S: inpainted(x, ~S[:, label], features.axis)[:, None], label)
        value = self.filled(x, features).astype(x.dtype)
        return Hidden(names, Mixed(x, value[None], label), label)

    def regions(self, x: NpArray, features: Pixels) -> NpArray:
        """(H, W) of int: the region of each pixel."""
        size = features.size(x.shape)
        if isinstance(self.labels, str):
            return (
                grid(size, self.count)
                if self.labels == "grid"
                else superpixels(features.image(x), self.count)
            )
        if self.labels.shape != size:
            raise ShapeError(f"The segment map has shape {self.labels.shape}, the image {size}.")
        return np.unique(self.labels, return_inverse=True)[1].reshape(size)

    def _full(self, regions: NpArray, x: NpArray, features: Pixels) -> NpArray:
        return np.broadcast_to(
            regions if features.axis is None else np.expand_dims(regions, features.axis), x.shape
        )

    def filled(self, x: NpArray, features: Pixels) -> NpArray:
        """What takes the place of absent pixels, shaped like the row.

        Raises:
            ParameterError: it depends on which pixels are absent.
        """
        if self.fill == "inpaint":
            raise ParameterError(
                "What is painted in depends on what is absent.", fix="Choose blur, mean or a number."
            )
        if self.fill == "blur":
            return blurred(x[None], features)[0]
        if self.fill == "mean":
            spatial = tuple(a for a in range(x.ndim) if a != features.axis)
            return np.broadcast_to(x.mean(spatial, keepdims=True), x.shape)
        return np.full(x.shape, self.fill)

    def describe(self) -> str:
        kind = self.labels if isinstance(self.labels, str) else "given regions"
        return f"{kind}, filled with {self.fill if isinstance(self.fill, str) else f'{self.fill:g}'}"


@dataclass(frozen=True, eq=False)
class Windows:
    """A window slides over the row; each place is a player, and neighbours may overlap.

    Attributes:
        window: its size along each feature axis; a number stands for all axes.
        strides: how far it moves along each axis; None moves it by its own size.
        value: what the window is filled with: a number or (*features).
    """

    window: int | tuple[int, ...]
    strides: int | tuple[int, ...] | None = None
    value: float | NpArray = 0.0

    def bind(self, x: NpArray, features: Features) -> Hidden:
        window = per_axis(self.window, x.shape, "window")
        strides = window if self.strides is None else per_axis(self.strides, x.shape, "strides")
        if any(w > s for w, s in zip(window, x.shape, strict=True)):
            raise ParameterError(f"The window {window} is larger than a row of shape {x.shape}.")
        if any(s > w for w, s in zip(window, strides, strict=True)):
            raise ParameterError(
                f"Strides {strides} leave gaps between windows {window}.", fix="Make them smaller."
            )
        counts = [ceil((s - w) / d) + 1 for s, w, d in zip(x.shape, window, strides, strict=True)]
        starts = [tuple(i * d for i, d in zip(place, strides, strict=True)) for place in np.ndindex(*counts)]
        member = np.zeros((len(starts), *x.shape), bool)
        for player, start in enumerate(starts):
            member[(player, *(slice(a, a + w) for a, w in zip(start, window, strict=True)))] = True
        value = np.broadcast_to(np.asarray(self.value, x.dtype), x.shape)
        names = tuple("window at " + "x".join(map(str, start)) for start in starts)
        return Hidden(names, lambda S: np.where(_covered(~S, member), value, x)[:, None], member=member)

    def describe(self) -> str:
        return f"windows of {self.window} filled with " + (
            "a baseline" if np.ndim(self.value) else f"{self.value:g}"
        )


def grid(size: tuple[int, int], count: int) -> NpArray:
    """(H, W) labels of about `count` equal rectangles.

    >>> grid((2, 4), 2)
    array([[0, 0, 1, 1],
           [0, 0, 1, 1]])
    """
    height, width = size
    rows = min(height, max(1, round((count * height / width) ** 0.5)))
    columns = min(width, max(1, round(count / rows)))
    return (np.arange(height) * rows // height)[:, None] * columns + np.arange(width) * columns // width


def superpixels(picture: NpArray, count: int) -> NpArray:
    """(H, W) labels of about `count` regions of like colour: k-means on place and colour, from a grid.

    Regions that fall apart are counted as several; specks join the neighbour they touch most.

    Args:
        picture: (H, W, 3) in 0..1.
        count: about how many regions.
    """
    from sklearn.cluster import KMeans

    height, width, _ = picture.shape
    start = grid((height, width), count)
    places = np.moveaxis(np.mgrid[:height, :width], 0, -1) / (height * width / (start.max() + 1)) ** 0.5
    points = np.concatenate([places, picture * 3], axis=-1).reshape(height * width, -1)
    centres = np.stack([points[start.ravel() == k].mean(0) for k in range(start.max() + 1)])
    means: Any = KMeans(len(centres), max_iter=10)
    labels = means.set_params(init=centres, n_init=1).fit_predict(points).reshape(height, width)
    return _connected(labels, smallest=height * width // (4 * len(centres)))


def _connected(labels: NpArray, smallest: int) -> NpArray:
    """Split labels into connected regions, and give each region under `smallest` pixels to its neighbour."""
    from scipy.ndimage import distance_transform_edt, label

    regions, total = np.zeros_like(labels), 0
    for value in np.unique(labels):
        parts, found = cast("tuple[NpArray, int]", label(labels == value))
        regions[parts > 0] = parts[parts > 0] + total
        total += found
    large = np.bincount(regions.ravel())[regions] >= max(1, smallest)
    if not large.any():
        return np.zeros_like(labels)
    nearest: Any = distance_transform_edt(~large, return_distances=False, return_indices=True)
    return np.unique(regions[tuple(nearest)], return_inverse=True)[1].reshape(labels.shape)


def _players(
    x: NpArray, features: Features, labels: NpArray | None = None
) -> tuple[tuple[str, ...], NpArray]:
    """Names of the players, and the player that each feature of a row belongs to."""
    if labels is not None:
        if labels.shape != x.shape:
            raise ShapeError(f"The group map has shape {labels.shape}, a row {x.shape}.")
        values, label = np.unique(labels, return_inverse=True)
        return tuple(f"group {v}" for v in values), label.reshape(x.shape)
    if isinstance(features, Columns):
        return features.players()
    if isinstance(features, Pixels) and features.axis is not None:
        size = features.size(x.shape)
        plane = np.expand_dims(np.arange(size[0] * size[1]).reshape(size), features.axis)
        return tuple(f"pixel {i}" for i in np.ndindex(*size)), np.broadcast_to(plane, x.shape)
    return tuple(features.name(i) for i in np.ndindex(*x.shape)), np.arange(x.size).reshape(x.shape)


def _covered(absent: Bools, member: Bools) -> Bools:
    """(m, *features): features that some absent player holds."""
    flat = member.reshape(len(member), -1)
    if len(absent) and (absent.sum(1) == 1).all():  # leave one out: no product needed
        return member[absent.argmax(1)]
    return (absent.astype(np.float32) @ flat.astype(np.float32) > 0).reshape(-1, *member.shape[1:])


def per_axis(value: Any, shape: tuple[int, ...], name: str) -> tuple[int, ...]:
    """A size for each axis of a row: one number stands for all."""
    sizes = tuple(value) if isinstance(value, tuple | list) else (value,) * len(shape)
    whole = all(isinstance(s, int | np.integer) for s in sizes)
    if len(sizes) != len(shape) or not whole or any(s < 1 for s in sizes):
        raise ParameterError(f"{name} needs one positive size per axis of a row {shape}.", got=value)
    return tuple(int(s) for s in sizes)
