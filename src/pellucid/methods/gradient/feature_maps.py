"""What class activation maps share: which layer, which of its axes are places, and what may be wrong with the map."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from pellucid.core.errors import CapabilityError, LayerError, ParameterError
from pellucid.core.field import Field
from pellucid.core.types import Array
from pellucid.methods.params import param

from .family import GradientMethod

RESIZING = ("Pool", "Upsample", "Pad", "Dropout", "Identity", "Flatten")
"""Kinds of layers that give no feature maps of their own, only those before them on another grid."""


class MapMethod(GradientMethod, abstract=True):
    """One value per place of a layer, made of its feature maps."""

    data: ClassVar[tuple[str, ...]] = ("image", "series", "text")

    blind: ClassVar[bool] = False
    """Whether the map is the same for every target."""

    relu: bool = param(default=True, doc="keep only the evidence for the target")
    channels: str = param(
        default="auto",
        doc="the axis of the layer's channels; auto is the first after the rows, the last for tokens of an image, "
        "and asks where a layer may be either",
        choices=("auto", "first", "last"),
    )
    grid: tuple[int, int] | None = param(
        default=None,
        doc="height and width of the grid that a layer's tokens lie on; None recognises a grid shaped like the image",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.grid is None:
            return
        if not isinstance(self.grid, tuple | list) or not all(type(g) is int and g > 0 for g in self.grid):
            raise ParameterError("grid must be the height and width of a grid.", got=repr(self.grid))
        if len(self.grid) != 2:
            raise ParameterError("grid must be two numbers.", got=repr(self.grid), fix="Pass, say, (14, 14).")
        object.__setattr__(self, "grid", tuple(self.grid))

    def map(self, f: Field, maps: Maps) -> Array:
        """The formula: (n, *places)."""
        raise NotImplementedError

    def place(self, data: Any) -> str:
        """The last layer with spatial extent."""
        if not hasattr(data.model, "layers"):
            raise CapabilityError(f"{self.title} needs a network with layers.", got=data.model.facts.name)
        found = [
            layer.name
            for layer in data.model.layers(data.inputs)
            if self._has_places(layer.shape or (), data) and not any(word in layer.kind for word in RESIZING)
        ]
        if not found:
            raise LayerError(
                "No layer of the network has feature maps.", fix="Name the layer to look at with at=."
            )
        return found[-1]

    def _has_places(self, shape: tuple[int, ...], data: Any) -> bool:
        if len(shape) != 2 or data.x.ndim != 4 or self.channels == "first":
            return len(shape) > 2 or (len(shape) == 2 and data.x.ndim != 4)
        return bool(self.grid or recognised(shape[0], data.x, data.model.facts.channels))

    def attribute(self, f: Field) -> Array:
        maps = self._maps(f)
        cam = self.map(f, maps)
        self._check(f, maps, cam)
        f.notes.certify(kind="exact", exact=True)
        return positive(cam) if self.relu else cam

    def _maps(self, f: Field) -> Maps:
        if f.x.ndim < 3:
            raise LayerError(
                f"Layer {f.at!r} has no places, only {tuple(f.x.shape[1:])} units.",
                fix="Choose a convolution, or another layer with height and width.",
            )
        grid = self._grid(f)
        if self.channels == "auto" and f.x.ndim == 3 and grid is None:
            raise ParameterError(
                f"Layer {f.at!r} gives {tuple(f.x.shape[1:])}: its channels may be either axis.",
                fix="Pass channels='first' (series), channels='last' (tokens), or the tokens' grid=.",
            )
        first = grid is None and (
            self.channels == "first" or (self.channels == "auto" and f.channels == "first")
        )
        return Maps(f, 1 if first else f.x.ndim - 1, grid)

    def _grid(self, f: Field) -> tuple[int, int] | None:
        """The grid of a layer of tokens, as given or as the image's height and width tell it."""
        if f.x.ndim != 3 or self.channels == "first":
            return None
        tokens, first = int(f.x.shape[1]), f.below[0][0] if f.below else f.x
        found = self.grid or (recognised(tokens, first, f.channels) if first.ndim == 4 else None)
        if found is None:
            return None
        extra = tokens - found[0] * found[1]
        if extra < 0:
            raise ParameterError(
                f"A grid of {found} has more cells than layer {f.at!r} has tokens.", got=tokens
            )
        beside = f" behind {extra} other{'s' if extra > 1 else ''}" if extra else ""
        f.notes.said.append(
            f"The tokens of layer {f.at} were read as a grid of {found[0]} x {found[1]}{beside}."
        )
        return found

    def _check(self, f: Field, maps: Maps, cam: Array) -> None:
        cells = f.numbers(cam).reshape(f.n, -1)
        if self.relu and not self.blind:
            f.notes.check(
                "negative_evidence",
                np.where(cells < 0, -cells, 0).sum(1) / np.maximum(np.abs(cells).sum(1), 1e-30),
                warn=0.5,
                fail=0.999,
                meaning="Most of the layer's evidence speaks against the target and is not in the picture.",
                advice="Look at relu=False, or explain another target.",
            )
        if f.x.ndim == 3 and maps.axis == 2:
            f.notes.check(
                "class_token",
                (cells == 0).all(1),
                warn=0,
                fail=1,
                meaning="No place of this layer reaches the output, which may read another token alone.",
                advice="Name the last layer that attention still reads with at=.",
            )
        f.notes.check(
            "resolution",
            float(min(cam.shape[1:]) < 4),
            warn=0,
            fail=np.inf,
            meaning=f"The layer has only {'x'.join(map(str, cam.shape[1:]))} cells: the map says little of where.",
            advice="Name an earlier layer with at=.",
        )


class Maps:
    """A layer's value read as feature maps: channels on axis 1, places behind, tokens laid out on their grid.

    Attributes:
        f: the field at the layer.
        axis: the layer's axis of channels.
        grid: the grid that its tokens, but for those in front of it, lie on.
        values: (n, channels, *places).
    """

    def __init__(self, f: Field, axis: int, grid: tuple[int, int] | None) -> None:
        self.f, self.axis, self.grid = f, axis, grid
        self.values = self.read(f.x)
        self.places = tuple(range(2, self.values.ndim))

    def read(self, array: Array) -> Array:
        """An array shaped like the layer as (n, channels, *places)."""
        maps = self.f.xp.moveaxis(array, self.axis, 1)
        if self.grid is None:
            return maps
        extra = int(maps.shape[2]) - self.grid[0] * self.grid[1]
        return maps[:, :, extra:].reshape((*maps.shape[:2], *self.grid))

    def gradient(self) -> Array:
        """df/d(layer) as (n, channels, *places)."""
        return self.read(self.f.grad(self.f.x))

    def over_places(self, array: Array) -> Array:
        """The sum over places, which stay as axes of one."""
        return self.f.xp.sum(array, axis=self.places, keepdims=True)

    def over_channels(self, array: Array) -> Array:
        """The sum over channels: (n, *places)."""
        return self.f.xp.sum(array, axis=1)

    def weighted(self, weights: Array) -> Array:
        """The maps added up, each times its weight (n, channels)."""
        return self.over_channels(weights.reshape((*weights.shape, *(1,) * len(self.places))) * self.values)


def positive(a: Array) -> Array:
    """The positive part."""
    return (a + abs(a)) / 2


def ratio(top: Array, bottom: Array) -> Array:
    """`top / bottom`, and zero where the bottom is."""
    zero = bottom == 0
    return top * ~zero / (bottom + zero)


def recognised(tokens: int, image: Array, channels: str) -> tuple[int, int] | None:
    """The grid in the image's proportions that has so many cells, or one fewer (a class token in front)."""
    height, width = (int(s) for s in (image.shape[2:] if channels == "first" else image.shape[1:3]))
    for cells in (tokens, tokens - 1):
        h = round((cells * height / width) ** 0.5)
        if h and h * h * width == cells * height and cells % h == 0:
            return h, cells // h
    return None
