"""Small results built by hand, shaped as the methods give them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from pellucid.core.features import Columns, Features, Pixels, Steps, Tokens
from pellucid.results import (
    ActivationUnits,
    AttentionMaps,
    Attribution,
    Check,
    Clusters,
    FlowUnits,
    ForwardPass,
    Importance,
    KernelUnits,
    LinearUnits,
    Maps,
    Optima,
    Projected,
    Provenance,
    Quality,
    WeightUnits,
)
from pellucid.results.units import joined
from tests.plots import change_builders, effect_builders

CAUTION = Check("completeness", 0.2, 0.02, "warn", "The values miss 20 % of their sum.", "Raise steps.")


def attribution(
    values: Any, features: Features, *, x: Any = None, half: Any = None, **more: Any
) -> Attribution:
    """An attribution of `values` (n, *features), for classes cat and dog."""
    values = np.asarray(values, float)
    n = len(values)
    checks = more.pop("checks", ())
    given = {
        "x": values * 0 + 0.5 if x is None else np.asarray(x),
        "output": np.linspace(0.9, 0.6, n),
        "target": ("dog",) * n,
        "scores": np.tile([0.2, 0.8], (n, 1)),
        "classes": ("cat", "dog"),
        "space": "probability",
        **more,
    }
    return Attribution(
        values=values,
        features=features,
        quality=Quality("test", half_width=half, checks=checks),
        provenance=Provenance("integrated_gradients", "Integrated gradients"),
        **given,
    )


def table(
    n: int = 1, p: int = 5, *, base: bool = True, names: tuple[str, ...] = (), **more: Any
) -> Attribution:
    """Rows of a table whose values add up to output - base."""
    rng = np.random.default_rng(p)
    values = rng.normal(size=(n, p)) / p
    output = np.linspace(0.9, 0.6, n)
    given = {"x": rng.normal(size=(n, p)), "base": output - values.sum(1) if base else None, **more}
    return attribution(values, Columns(names) if names else Columns.numbered(p), **given)


def images(n: int = 2, size: tuple[int, int] = (8, 8), channels: str = "first", **more: Any) -> Attribution:
    """Images with values at every pixel."""
    rng = np.random.default_rng(n)
    shape = {"first": (3, *size), "last": (*size, 3), "none": size}[channels]
    given = {"x": rng.random((n, *shape)), **more}
    return attribution(rng.normal(size=(n, *shape)), Pixels(channels), **given)


def cam(n: int = 1, cells: int = 7, size: int = 56) -> Attribution:
    """A class activation map: coarse cells at a layer, the image beside them."""
    rng = np.random.default_rng(0)
    x = rng.random((n, 3, size, size))
    return attribution(rng.normal(size=(n, cells, cells)), Pixels(), x=x, at="layer4.2.conv3")


def text(n: int = 1) -> Attribution:
    """Rows of words, the shorter ones padded."""
    words = ("the", "film", "is", "not", "good", "", "")
    values = np.tile([0.01, 0.2, 0.0, -0.6, 0.5, 0.0, 0.0], (n, 1))
    return attribution(values, Tokens((words,) * n), base=np.full(n, 0.7))


def steps(channels: int = 1, length: int = 40) -> Attribution:
    """A time series."""
    rng = np.random.default_rng(1)
    values, x = rng.normal(size=(2, 1, channels, length))
    names = tuple(f"sensor {i}" for i in range(channels))
    return attribution(values, Steps(names, unit="day"), x=x.cumsum(-1))


def importance(p: int = 6, repeats: int = 5, *, names: tuple[str, ...] = ()) -> Importance:
    """Importance of p columns, the last of them nothing."""
    rng = np.random.default_rng(2)
    drops = np.linspace(0.2, 0.0, p)[:, None] + 0.02 * rng.normal(size=(p, repeats))
    names = names or tuple(f"column {i}" for i in range(p))
    half = 2.78 * drops.std(1, ddof=1) / np.sqrt(repeats) if repeats > 1 else None
    return Importance(
        values=drops.mean(1),
        features=Columns(names),
        quality=Quality("test", half_width=half),
        provenance=Provenance("permutation_importance", "Permutation importance"),
        repeats=drops,
        names=names,
        score="accuracy",
        intact=0.95,
        rows=143,
    )


def learned(kind: Any, *shapes: tuple[int, ...], **more: Any) -> Any:
    """Weights of layers of these shapes, the first unit of the first layer dead."""
    rng = np.random.default_rng(3)
    arrays = [rng.normal(size=s) for s in shapes]
    arrays[0][0] = 0
    names = tuple(f"features.layer{i}" for i in range(len(shapes)))
    return kind(
        values=joined(arrays),
        features=Features(),
        quality=Quality("test", exact=True),
        provenance=Provenance("kernels" if kind is KernelUnits else "weights", "Kernels"),
        layers=names,
        kinds=("Layer",) * len(shapes),
        shapes=shapes,
        dead=((0,), *((),) * (len(shapes) - 1)),
        **more,
    )


def inside(kind: Any, *arrays: np.ndarray, method: str = "feature_maps", **more: Any) -> Any:
    """What was seen inside layers that give these arrays."""
    features = more.pop("features", Pixels())
    return kind(
        values=joined(list(arrays)),
        features=features,
        quality=Quality("test", exact=True),
        provenance=Provenance(method, "Feature maps"),
        layers=tuple(f"block.layer{i}" for i in range(len(arrays))),
        kinds=("Layer",) * len(arrays),
        shapes=tuple(a.shape for a in arrays),
        **more,
    )


def maps(pooled: bool = False, flat: bool = False) -> Maps:
    """Maps of two rows; after pooling, or of a layer without places."""
    rng = np.random.default_rng(4)
    before = np.maximum(rng.normal(size=(2, 5, 8, 8)), 0)
    before[:, 3] = 0
    x = rng.random((2, 3, 16, 16))
    if flat:
        return inside(Maps, rng.normal(size=(2, 12)), x=x)
    if not pooled:
        return inside(Maps, before, -before, x=x)
    windows = before.reshape(2, 5, 4, 2, 4, 2)
    kept = np.zeros((2, 5, 4, 4), int)
    return inside(
        Maps,
        windows.max((3, 5)),
        x=x,
        before=before.ravel(),
        before_shapes=(before.shape,),
        kept=kept.ravel(),
    )


def activations(units: int = 9, rows: int = 20) -> ActivationUnits:
    """Statistics of one layer of ReLUs over images, the last unit dead."""
    rng = np.random.default_rng(5)
    before = rng.normal(size=(rows, units))
    sample = np.maximum(before, 0)
    sample[:, -1] = 0
    top = np.argsort(-sample, 0)[:4].T
    return inside(
        ActivationUnits,
        sample.mean(0),
        method="activations",
        spread=sample.std(0),
        low=sample.min(0),
        high=sample.max(0),
        zeros=(sample == 0).mean(0),
        saturated=np.full(units, np.nan),
        top_rows=top,
        top_values=np.take_along_axis(sample.T, top, 1),
        rows=rows,
        shown=np.arange(rows),
        x=rng.random((rows, 1, 8, 8)),
        sampled=np.arange(rows),
        sample=sample,
        before=before,
        sample_x=rng.random((rows, 1, 8, 8)),
    )


def gradient_flow(layers: int = 5, rows: int = 8) -> FlowUnits:
    """Gradients that vanish, one of them altogether."""
    values = 10.0 ** -np.arange(layers)[::-1, None] * np.random.default_rng(6).uniform(0.5, 2, (layers, rows))
    values[0, 0] = 0
    e = inside(FlowUnits, *values, method="gradient_flow", norms=values * 3, target="dog")
    return replace(e, values=values)


def clusters(count: int = 3, rows: int = 20) -> Clusters:
    """Clusters of images, the last of them with fewer rows than are shown."""
    rng = np.random.default_rng(7)
    labels = np.sort(np.arange(rows) % count)
    nearest = np.stack([np.flatnonzero(labels == c)[:4] for c in range(count)])
    nearest[-1, -1] = -1
    return Clusters(
        values=rng.random((count, 6)),
        features=Pixels(),
        quality=Quality("test"),
        provenance=Provenance("activation_clusters", "Activation clusters"),
        labels=labels,
        silhouette=rng.uniform(-0.2, 0.8, rows),
        tried=(2, 3),
        scores=np.array([0.3, 0.4]),
        nearest=nearest,
        nearest_x=rng.random((count, 4, 1, 8, 8)),
        telling=np.tile(np.arange(4), (count, 1)),
        apart=rng.normal(size=(count, 4)),
        majority=("cat", "dog", "horse")[:count],
        purity=np.full(count, 0.9),
        truth=("cat",) * rows,
        agreement=0.8,
        at="block.layer2",
    )


def projected(rows: int = 30) -> Projected:
    """Points of three classes, some predicted wrongly."""
    rng = np.random.default_rng(8)
    truth = tuple(("cat", "dog", "horse")[k % 3] for k in range(rows))
    return Projected(
        values=rng.normal(size=(rows, 3)),
        features=Pixels(),
        quality=Quality("test", exact=True),
        provenance=Provenance("projection", "Projection", {"by": "pca"}),
        explained=np.array([0.5, 0.3, 0.1]),
        axes=rng.normal(size=(3, 9)),
        centre=np.zeros(9),
        predicted=("dog", *truth[1:]),
        truth=truth,
        at="block.layer2",
    )


def optima(count: int = 3, pictures: int = 2, shape: tuple[int, ...] = (3, 8, 8), **more: Any) -> Optima:
    """Inputs found for objectives: one that began at noise, one at its best rows, one before its activation."""
    rng = np.random.default_rng(9)
    shown = (count, pictures)
    return Optima(
        values=rng.random((*shown, *shape)),
        quality=Quality("test"),
        provenance=Provenance("activation_maximization", "Activation maximisation"),
        objectives=("cat", "block.layer2[3]", "output[cat] - 0.5 block.layer2[14]")[:count],
        reached=rng.uniform(5, 9, shown),
        best=np.full(count, 6.0),
        best_row=np.arange(count) + 120,
        typical=np.zeros(count),
        examples=rng.random((count, *shape)),
        steady=rng.uniform(3, 6, shown),
        spectrum=rng.random(shown) if len(shape) > 1 else np.full(shown, np.nan),
        usual_spectrum=0.6 if len(shape) > 1 else float("nan"),
        neighbours=rng.random(shown),
        agreement=rng.random(count),
        started=("noise", "example", "before")[:count],
        low=np.zeros(shape),
        middle=np.full(shape, 0.5),
        high=np.ones(shape),
        rows=2000,
        **{"features": Pixels(), **more},
    )


def steps_of_a_network(count: int = 8) -> ForwardPass:
    """A network with two skips that cross."""
    sources = tuple({3: (2, 0), 5: (4, 1)}.get(k, (k - 1,) if k else (-1,)) for k in range(count))
    return ForwardPass(
        values=np.column_stack([np.arange(count) * 100.0, np.arange(count) * 1000.0]),
        features=Pixels(),
        quality=Quality("test", exact=True),
        provenance=Provenance("architecture", "Architecture", model="Net (torch)"),
        names=tuple(f"encoder.block{k}.conv" for k in range(count)),
        kinds=("Conv2d",) * count,
        shapes=((16, 8, 8),) * count,
        sources=sources,
        layers=tuple(k % 2 == 0 for k in range(count)),
        fields=((3, 3),) * count,
        input_shape=(3, 16, 16),
    )


def linear() -> LinearUnits:
    """Layers of a network of images as linear maps, one of them worse than nothing."""
    rng = np.random.default_rng(9)
    effective = rng.normal(size=(4, 3, 8, 8))
    return LinearUnits(
        values=np.array([1.0, 0.8, -3.0]),
        features=Pixels(),
        quality=Quality("test", exact=True),
        provenance=Provenance("linear_decomposition", "Linear decomposition"),
        layers=("conv1", "F.relu#1", "fc"),
        kinds=("Conv2d", "relu", "Linear"),
        single=(False, True, False),
        row=0,
        maps=np.ones(6),
        map_shapes=((), (), (2, 3)),
        biases=np.ones(2),
        points=np.ones(3),
        outcomes=np.ones(2),
        effective=effective,
        effective_bias=np.ones(4),
        x=rng.random((3, 8, 8)),
        outputs=np.arange(4.0),
        classes=("cat", "dog", "horse", "frog"),
        fitted=20,
        held=20,
    )


def attention(rows: int = 1, layers: int = 3, heads: int = 4, tokens: int = 9, **more: Any) -> AttentionMaps:
    """Attention over words, or over the patches of an image."""
    values = np.exp(2 * np.random.default_rng(4).normal(size=(layers, rows, heads, tokens, tokens)))
    words = ("[CLS]", "the", "cat", "sat", "on", "a", "mat", ".", "[SEP]")
    return AttentionMaps(
        values=values / values.sum(-1, keepdims=True),
        quality=Quality("test", exact=True),
        provenance=Provenance("attention", "Attention"),
        layers=tuple(f"encoder.{i}.attn" for i in range(layers)),
        kinds=("SelfAttention",) * layers,
        shapes=((rows, heads, tokens, tokens),) * layers,
        windows=(1,) * layers,
        **{"features": Tokens((words,) * rows), **more},
    )


def attended_image() -> AttentionMaps:
    """Attention from a class token and 4x4 patches."""
    x = np.random.default_rng(5).random((1, 3, 32, 32))
    return attention(tokens=17, features=Pixels(), x=x, grid=(4, 4))


RESULTS = {
    "bar": lambda: table(half=np.full((1, 5), 0.05), base=False),
    "waterfall": table,
    "beeswarm": lambda: table(30),
    "heatmap": images,
    "overlay": cam,
    "grid": images,
    "series": steps,
    "tokens": text,
    "importance": importance,
    **change_builders.RESULTS,
    **effect_builders.RESULTS,
    "attention": attention,
    "head": attention,
    "patches": attended_image,
    "kernels": lambda: learned(KernelUnits, (12, 3, 5, 5), (40, 12, 3, 3)),
    "matrix": lambda: learned(WeightUnits, (10, 30)),
    "maps": maps,
    "pooling": lambda: maps(pooled=True),
    "responses": lambda: maps(flat=True),
    "clusters": clusters,
    "centres": clusters,
    "silhouettes": clusters,
    "projection": projected,
    "optima": optima,
    "optimal_rows": lambda: optima(shape=(5,), features=Columns(("a", "b", "c", "d", "e"))),
    "optimal_series": lambda: optima(shape=(2, 30), features=Steps()),
    "reached": optima,
    "architecture": steps_of_a_network,
    "linearity": linear,
    "effective": linear,
    "statistics": activations,
    "examples": activations,
    "unit_scatter": activations,
    "activation_curve": activations,
    "flow": gradient_flow,
    "distribution": lambda: learned(WeightUnits, (10, 30), (4, 10)),
}
"""For each drawing, a result it is made for."""
