"""Attention of Keras models on the backend of this process: run by `test_keras.py`, one backend by one."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as L
from keras import ops

import pellucid
from pellucid.core.errors import CapabilityError, LayerError
from pellucid.core.model import wrap
from tests.adapters.keras.residue import shadows
from tests.adapters.keras.zoo import made, rows

pytestmark = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")
RNG = np.random.default_rng(5)
X = RNG.standard_normal((3, 5, 8)).astype("float32")
SEEN = (RNG.random((1, 5, 5)) < 0.6) | np.eye(5, dtype=bool)


def drawn(model: Any) -> Any:
    rng = np.random.default_rng(3)
    model.set_weights(
        [rng.standard_normal(w.shape) / np.sqrt(max(w.shape[:1], default=1)) for w in model.get_weights()]
    )
    return model


class Reads(keras.Model):
    """One attention layer, called in one way; `kept` is what the layer itself returns where it is asked."""

    def __init__(self, layer: Any, how: str, **call: Any) -> None:
        super().__init__()
        self.layer, self.how, self.said, self.out = layer, how, call, L.Dense(3, name="out")

    def given(self, x: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        more = dict(self.said)
        if more.pop("masked", False):
            more["attention_mask"] = ops.convert_to_tensor(SEEN)
        if self.how == "list":
            return ([x, x],), more
        other = ops.concatenate([x, x], axis=1)[:, :7] if self.how == "across" else x
        return (x, other), more

    def call(self, x: Any) -> Any:
        args, more = self.given(x)
        return self.out(ops.mean(self.layer(*args, **more), axis=1))


CASES = {
    "plain": lambda: Reads(L.MultiHeadAttention(2, 4, name="a"), "self"),
    "across": lambda: Reads(L.MultiHeadAttention(2, 4, name="a"), "across"),
    "masked": lambda: Reads(L.MultiHeadAttention(2, 4, name="a"), "self", masked=True),
    "causal": lambda: Reads(L.MultiHeadAttention(2, 4, name="a"), "self", use_causal_mask=True),
    "both masks": lambda: Reads(
        L.MultiHeadAttention(2, 4, name="a"), "self", masked=True, use_causal_mask=True
    ),
    "dropout": lambda: Reads(L.MultiHeadAttention(2, 4, dropout=0.5, name="a"), "self"),
    "grouped": lambda: Reads(L.GroupQueryAttention(4, 4, 2, name="a"), "self", use_causal_mask=True),
    "one head": lambda: Reads(L.Attention(use_scale=True, name="a"), "list", use_causal_mask=True),
    "additive": lambda: Reads(L.AdditiveAttention(name="a"), "list"),
}


@pytest.mark.parametrize("case", CASES)
def test_weights_are_those_that_the_layer_returns_if_asked(case):
    model = CASES[case]()
    model(X)
    drawn(model)
    before = model.predict(X, verbose=0)
    args, more = model.given(ops.convert_to_tensor(X))
    own = ops.convert_to_numpy(model.layer(*args, return_attention_scores=True, **more)[1])
    e = pellucid.Attention()(model, X)
    assert e.layers == ("a",)
    assert e.kinds == (type(model.layer).__name__,)
    assert e.values.shape == (1, 3, *((1,) if own.ndim == 3 else ()), *own.shape[1:])
    np.testing.assert_allclose(e.values.reshape(own.shape), own, atol=1e-6)
    assert np.array_equal(model.predict(X, verbose=0), before)
    assert shadows(model) == []


def test_gradients_are_those_of_the_output_by_the_weights():
    """What a weight adds to the output is its value, through the projection behind it."""
    model = CASES["masked"]()
    model(X)
    drawn(model)
    head = model.layer
    (found,) = wrap(model).attentions((X,), (), lambda y: np.eye(3, dtype=y.dtype)[[1, 1, 1]])
    values = ops.convert_to_numpy(head._value_dense(X))  # (rows, keys, heads, size)
    project, last = (ops.convert_to_numpy(m.kernel) for m in (head._output_dense, model.out))
    behind = np.einsum("hdo,o->hd", project, last[:, 1]) / X.shape[1]  # the mean over queries
    expected = np.broadcast_to(np.einsum("nkhd,hd->nhk", values, behind)[:, :, None], found.weights.shape)
    np.testing.assert_allclose(found.gradient, expected, rtol=1e-4, atol=1e-6)


def test_attention_within_windows():
    """Over the last of two axes of positions: each place of the first is a window of its own."""
    x = RNG.standard_normal((2, 3, 4, 8)).astype("float32")
    i = keras.Input((3, 4, 8))
    layer = L.MultiHeadAttention(2, 4, attention_axes=(2,), name="a")
    model = drawn(keras.Model(i, L.Dense(2)(L.Flatten()(layer(i, i)))))
    own = ops.convert_to_numpy(layer(x, x, return_attention_scores=True)[1])
    e = pellucid.Attention()(model, x)
    assert e.windows == (3,)
    assert e.values.shape == (1, 2, 6, 4, 4)
    np.testing.assert_allclose(e.values.reshape(own.shape), own, atol=1e-6)
    with pytest.raises(CapabilityError, match="attends within 3 windows"):
        pellucid.Attention(view="mean")(model, x)


def test_a_layer_called_twice_is_two_attentions():
    i = keras.Input((5, 8))
    layer = L.MultiHeadAttention(2, 4, name="again")
    once = layer(i, i)
    model = drawn(keras.Model(i, L.Dense(2)(L.Flatten()(layer(once, once)))))
    e = pellucid.Attention()(model, X)
    assert e.layers == ("again#1", "again#2")
    second = ops.convert_to_numpy(layer(*[layer(X, X)] * 2, return_attention_scores=True)[1])
    np.testing.assert_allclose(e.layer("again#2"), second, atol=1e-6)
    np.testing.assert_array_equal(pellucid.Attention()(model, X, at="again#2").values[0], e.layer("again#2"))


def test_views_of_a_vision_transformer():
    model, x = made("vit"), rows("vit")
    heads, mean, rollout, gradient = (
        pellucid.Attention(view=v)(model, x) for v in ("heads", "mean", "rollout", "gradient")
    )
    assert heads.layers == ("block1/attention", "block2/attention")
    assert heads.grid == (2, 3)  # behind the class token
    np.testing.assert_allclose(heads.values.sum(-1), 1, rtol=1e-5)
    np.testing.assert_allclose(mean.values, heads.values.mean(2, keepdims=True), rtol=1e-5)
    np.testing.assert_allclose(rollout.values.sum(-1), 1, rtol=1e-5)
    assert (gradient.values >= 0).all()
    assert gradient.values.max() > 0
    assert pellucid.Attention()(model, x, at="block2").layers == ("block2/attention",)
    assert shadows(model) == []


class Own(L.MultiHeadAttention):
    """Attends in its own way and tells nobody how."""

    def _compute_attention(self, query: Any, key: Any, value: Any, *args: Any, **kwargs: Any) -> Any:
        return ops.roll(value, 1, axis=1), None


def test_attention_that_is_not_shown_is_refused_by_name():
    i = keras.Input((5, 8))
    model = keras.Model(i, L.Dense(2)(L.Flatten()(Own(2, 4, name="mine")(i, i))))
    with pytest.raises(CapabilityError, match="Own at 'mine' computes its attention in its own way"):
        pellucid.Attention()(model, X)
    assert shadows(model) == []
    with pytest.raises(CapabilityError, match="shows no attention"):
        pellucid.Attention()(made("sequential"), rows("sequential"))
    with pytest.raises(LayerError, match="'fc' has no attention"):
        pellucid.Attention()(made("vit"), rows("vit"), at="fc")
