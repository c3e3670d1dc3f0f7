"""Small Keras models, one for each way to write them, with the same weights on every backend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers as L
from keras import ops


@dataclass(frozen=True)
class Example:
    """A model to explain.

    Attributes:
        make: builds it.
        shapes: per input, the shape of one row.
        place: a layer of it to attribute at.
        piecewise: whether its activations are ReLUs and it holds nothing that backward rules do not know.
    """

    make: Callable[[], keras.Model]
    shapes: tuple[tuple[int, ...], ...]
    place: str
    piecewise: bool = True


def sequential() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            L.Conv2D(4, 3, padding="same", activation="relu", name="conv1"),
            L.MaxPooling2D(2, name="pool"),
            L.Conv2D(6, 3, padding="same", name="conv2"),
            L.BatchNormalization(name="norm"),
            L.ReLU(name="relu"),
            L.GlobalAveragePooling2D(name="mean"),
            L.Dense(5, name="fc"),
        ]
    )


def functional() -> keras.Model:
    x = keras.Input((8, 8, 2))
    a = L.Conv2D(4, 3, padding="same", activation="relu", name="stem")(x)
    b = ops.relu(L.Conv2D(4, 3, padding="same", name="conv1")(a))
    b = L.Conv2D(4, 3, padding="same", name="conv2")(b)
    a = L.Activation("relu", name="relu2")(L.Add(name="add")([a, b]))
    a = L.AveragePooling2D(2, name="pool")(a)
    y = L.Dense(5, name="fc")(L.Flatten(name="flat")(a))
    return keras.Model(x, y, name="residual")


class Subclassed(keras.Model):
    """A model that only its `call` describes; one layer is called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = L.Conv2D(4, 3, padding="same", name="first")
        self.blocks = [L.Conv2D(4, 3, padding="same", name=f"block{i}") for i in range(2)]
        self.act = L.ReLU(name="act")
        self.mean = L.GlobalAveragePooling2D(name="mean")
        self.out = L.Dense(5, name="out")

    def call(self, x: Any) -> Any:
        x = self.act(self.conv(x))
        for block in self.blocks:
            x = self.act(block(x))
        return self.out(self.mean(x))


def subclassed() -> keras.Model:
    model = Subclassed()
    model(np.zeros((1, 8, 8, 2), "float32"))
    return model


def nested() -> keras.Model:
    i = keras.Input((8, 8, 2))
    inner = keras.Model(
        i,
        L.MaxPooling2D(2, name="pool")(L.Conv2D(4, 3, padding="same", activation="relu", name="conv")(i)),
        name="inner",
    )
    top = keras.Sequential(
        [keras.Input((4, 4, 4)), L.Flatten(name="flat"), L.Dense(5, name="fc")], name="top"
    )
    x = keras.Input((8, 8, 2))
    return keras.Model(x, top(inner(x)), name="outer")


def shared() -> keras.Model:
    """One dense layer called three times in a row."""
    x = keras.Input((6,))
    layer = L.Dense(6, activation="relu", name="again")
    y = layer(layer(layer(x)))
    return keras.Model(x, L.Dense(3, name="out")(y), name="shared")


def two_inputs() -> keras.Model:
    left, right = keras.Input((4,), name="left"), keras.Input((3, 3, 1), name="right")
    a = L.Dense(6, activation="relu", name="dense_left")(left)
    b = L.Dense(6, activation="relu", name="dense_right")(L.Flatten(name="flat")(right))
    return keras.Model([left, right], L.Dense(3, name="out")(L.Concatenate(name="both")([a, b])), name="two")


class Tokens(L.Layer):
    """Patches as tokens behind a class token, with their positions."""

    def build(self, shape: tuple[int, ...]) -> None:
        self.token = self.add_weight(shape=(1, 1, shape[-1]), name="token")
        self.position = self.add_weight(shape=(1, shape[1] * shape[2] + 1, shape[-1]), name="position")

    def call(self, x: Any) -> Any:
        flat = ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))
        first = ops.broadcast_to(self.token, (ops.shape(x)[0], 1, x.shape[3]))
        return ops.concatenate([first, flat], axis=1) + self.position


class Block(L.Layer):
    """A pre-norm encoder block."""

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self.norm1, self.norm2 = L.LayerNormalization(name="norm1"), L.LayerNormalization(name="norm2")
        self.attention = L.MultiHeadAttention(2, 4, name="attention")
        self.up, self.down = L.Dense(16, activation="gelu", name="up"), L.Dense(8, name="down")

    def call(self, x: Any) -> Any:
        h = self.norm1(x)
        x = x + self.attention(h, h)
        return x + self.down(self.up(self.norm2(x)))


def vit() -> keras.Model:
    x = keras.Input((8, 12, 1))
    t = Tokens(name="tokens")(L.Conv2D(8, 4, strides=4, name="patch")(x))
    t = Block(name="block2")(Block(name="block1")(t))
    return keras.Model(x, L.Dense(4, name="fc")(t[:, 0]), name="vit")


def recurrent() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((6, 3)),
            L.Bidirectional(L.LSTM(4, return_sequences=True, name="lstm"), name="both"),
            L.TimeDistributed(L.Dense(4, activation="tanh", name="inner"), name="each"),
            L.GRU(5, name="gru"),
            L.Dense(3, activation="softmax", name="out"),
        ]
    )


ZOO: dict[str, Example] = {
    "sequential": Example(sequential, ((8, 8, 2),), "conv2"),
    "functional": Example(functional, ((8, 8, 2),), "add"),
    "subclassed": Example(subclassed, ((8, 8, 2),), "act#2"),
    "nested": Example(nested, ((8, 8, 2),), "inner/conv"),
    "shared": Example(shared, ((6,),), "again#2"),
    "two_inputs": Example(two_inputs, ((4,), (3, 3, 1)), "both"),
    "vit": Example(vit, ((8, 12, 1),), "block1", piecewise=False),
    "recurrent": Example(recurrent, ((6, 3),), "both", piecewise=False),
}


def made(name: str) -> keras.Model:
    """The model with weights drawn from one seed, whatever the backend."""
    model = ZOO[name].make()
    rng = np.random.default_rng(7)
    model.set_weights([_drawn(rng, w) for w in model.weights])
    return model


def _drawn(rng: np.random.Generator, weight: Any) -> np.ndarray:
    """As much signal as a trained network has; variances and scales are positive."""
    shape = tuple(weight.shape)
    if "variance" in weight.path or "gamma" in weight.path:
        return rng.uniform(0.5, 1.5, shape).astype("float32")
    scale = 1.5 / np.sqrt(max(np.prod(shape[:-1]), 1)) if len(shape) > 1 else 0.2
    return (scale * rng.standard_normal(shape)).astype("float32")


def rows(name: str, n: int = 3, seed: int = 0) -> Any:
    """Inputs of the model: one array, or a tuple of them."""
    rng = np.random.default_rng(seed)
    arrays = tuple(rng.standard_normal((n, *s)).astype("float32") for s in ZOO[name].shapes)
    return arrays[0] if len(arrays) == 1 else arrays
