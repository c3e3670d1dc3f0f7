"""Backward rules on the backend of this process: run by `tests/adapters/test_keras.py`, one backend by one."""

from __future__ import annotations

import math
import os
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as L
from keras import ops
from keras.src import backend as inside_keras

import pellucid
from pellucid.adapters.keras import layers as walk
from pellucid.adapters.keras.rules import following
from pellucid.core.errors import CapabilityError
from pellucid.core.rules import Rule
from tests.adapters.keras.zoo import ZOO, made, rows

pytestmark = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")
METHODS: dict[str, Any] = {
    "saliency": pellucid.Saliency(absolute=False),
    "integrated": pellucid.IntegratedGradients(steps=16),
    "grad_cam": pellucid.GradCAM(relu=False),
    "guided": pellucid.GuidedBackprop(),
    "deconvolution": pellucid.Deconvolution(),
    "deep_lift": pellucid.DeepLift(),
    "epsilon": pellucid.LRP(composite="epsilon"),
    "plus_flat": pellucid.LRP(composite="epsilon_plus_flat"),
    "alpha_beta": pellucid.LRP(composite="epsilon_alpha2_beta1"),
    "gamma_box": pellucid.LRP(composite=pellucid.EpsilonGammaBox(low=-4.0, high=4.0)),
}
BASELINE = ("integrated", "deep_lift")
KEPT = ("saliency", "integrated", "grad_cam", "guided", "deep_lift", "epsilon", "plus_flat")
slow = pytest.mark.oracle
_models: dict[str, Any] = {}
_values: dict[tuple[str, str, str], np.ndarray] = {}


QUICK = ("sequential", "functional", "two_inputs")
SLOW = tuple(k for k in ZOO if k not in QUICK)


def model(kind: str) -> Any:
    return _models.setdefault(kind, made(kind))


def explained(kind: str, name: str, at: str = "") -> Any:
    x = rows(kind)
    more: dict[str, Any] = {"at": at} if at else {}
    if name in BASELINE:
        more["baseline"] = 0.1
    return METHODS[name](model(kind), x, target=1, **more)


def values(kind: str, name: str, at: str = "") -> np.ndarray:
    key = kind, name, at
    if key not in _values:
        _values[key] = explained(kind, name, at).values
    return _values[key]


def checks(e: Any) -> dict[str, float]:
    return {c.name: float(np.max(c.value)) for c in e.quality.checks}


def away(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).max() / np.abs(b).max())


# -- against the PyTorch adapter ----------------------------------------------------------------------------------


PAIRS = [("sequential", ""), ("functional", "add")]
OTHERS = [pytest.param(*pair, marks=slow) for pair in (("sequential", "conv2"), ("functional", ""))]


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(("kind", "at"), [*PAIRS, *OTHERS])
def test_values_are_those_of_the_same_network_in_pytorch(kind, name, at):
    from tests.adapters.keras.in_torch import first, last, twin

    at = at or "conv2" if name == "grad_cam" else at
    more: dict[str, Any] = {"at": at} if at else {}
    if name in BASELINE:
        more["baseline"] = 0.1
    expected = METHODS[name](twin(kind, model(kind)), first(rows(kind)), target=1, **more).values
    assert away(values(kind, name, at), last(expected)) <= 1e-5


# -- what must hold -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*QUICK, *(pytest.param(k, marks=slow) for k in SLOW if k != "recurrent")])
def test_deep_lift_is_complete(kind):
    e = explained(kind, "deep_lift")
    assert checks(e)["operations"] == 0
    assert checks(e)["completeness"] <= 1e-4


@pytest.mark.parametrize("kind", [*QUICK, *(pytest.param(k, marks=slow) for k in SLOW if ZOO[k].piecewise)])
def test_relevance_is_conserved(kind):
    for name in ("epsilon", "plus_flat"):
        e = explained(kind, name)
        assert checks(e)["operations"] == 0
        if (
            kind != "functional" or name == "epsilon"
        ):  # z-plus loses what meets units with negative inputs alone
            assert checks(e)["conservation"] <= 1e-3


@slow
def test_relevance_at_a_layer_counts_what_comes_beside_it_as_constant():
    e = pellucid.LRP(composite="epsilon")(model("functional"), rows("functional"), target=1, at="conv2")
    assert checks(e)["conservation"] <= 1e-4


BENDS = ("sigmoid", "elu", "softplus", "silu", "leaky_relu", "tanh")


@pytest.mark.parametrize("bend", ["gelu", "relu6", "softmax", *(pytest.param(b, marks=slow) for b in BENDS)])
def test_every_activation_has_a_multiplier(bend):
    x = keras.Input((5,))
    y = L.Dense(3, name="out")(L.Activation(bend)(L.Dense(6, activation=bend)(x)))
    net = keras.Model(x, y)
    rng = np.random.default_rng(0)
    net.set_weights([rng.standard_normal(w.shape) for w in net.weights])
    data = rng.standard_normal((4, 5)).astype("float32")
    e = pellucid.DeepLift()(net, data, target=0, baseline=0.3)
    assert checks(e)["completeness"] <= 1e-4
    r = pellucid.LRP(composite="epsilon")(net, data, target=0)
    assert checks(r)["conservation"] <= 1e-3


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


EXACT: dict[str, Any] = {
    "tanh": np.tanh,
    "sigmoid": _sigmoid,
    "silu": lambda z: z * _sigmoid(z),
    "softplus": lambda z: np.logaddexp(z, 0),
    "elu": lambda z: np.where(z > 0, z, np.expm1(z)),
    "softsign": lambda z: z / (1 + np.abs(z)),
    "gelu": lambda z: z * (1 + np.vectorize(math.erf)(z / 2**0.5)) / 2,
    "exponential": np.exp,
}


@pytest.mark.parametrize("bend", EXACT)
def test_multipliers_of_small_changes_have_all_their_digits(bend):
    """Held against the ratio in double precision; the function itself is rounded, to one part in 1e6 (GELU at -3)."""
    x, step = np.meshgrid([-3.0, -1.1, -0.02, 0.03, 0.7, 2.5], np.geomspace(1e-5, 3, 40))
    x, x0 = (a.reshape(-1, 1).astype("float32") for a in (x, x - step))
    i = keras.Input((1,))
    net = keras.Model(i, ops.gelu(i, approximate=False) if bend == "gelu" else L.Activation(bend)(i))
    found = pellucid.DeepLift()(net, x, target=0, baseline=x0).values.ravel()
    a, a0 = x.astype(float).ravel(), x0.astype(float).ravel()
    exact = (EXACT[bend](a) - EXACT[bend](a0)) / (a - a0)
    found = found / (a - a0)
    assert np.abs(found - exact).max() <= 4e-6 * np.abs(exact).max()


def test_multipliers_of_softmax_have_all_their_digits():
    """And none is lost where every number is far from where it was."""
    rng = np.random.default_rng(1)
    z = rng.standard_normal((30, 6)).astype("float32")
    size = np.geomspace(1e-6, 300, 30)[:, None]
    z0 = (z + size * rng.standard_normal(z.shape)).astype("float32")
    i = keras.Input((6,))
    e = pellucid.DeepLift()(keras.Model(i, ops.softmax(i)), z, target=2, baseline=z0)
    y, y0 = (np.exp(a - a.max(1, keepdims=True)) for a in (z.astype(float), z0.astype(float)))
    change = (y / y.sum(1, keepdims=True) - y0 / y0.sum(1, keepdims=True))[:, 2]
    assert np.isfinite(e.values).all()
    assert (np.abs(e.values.sum(1) - change) <= 3e-6 * np.abs(e.values).sum(1)).all()


def test_products_of_layers_have_rules():
    x = keras.Input((5,))
    a, b = L.Dense(4, activation="tanh")(x), L.Dense(4, activation="sigmoid")(x)
    net = keras.Model(x, L.Dense(2)(L.Multiply()([a, b])))
    rng = np.random.default_rng(0)
    net.set_weights([rng.standard_normal(w.shape) for w in net.weights])
    data = rng.standard_normal((4, 5)).astype("float32")
    assert checks(pellucid.DeepLift()(net, data, target=0, baseline=0.3))["completeness"] <= 1e-4
    assert checks(pellucid.LRP(composite="epsilon")(net, data, target=0))["conservation"] <= 1e-3


class Spelled(keras.Model):
    """ReLU in one of its spellings."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.one = L.Dense(6, activation="relu" if how == "fused" else None, name="one")
        self.act, self.two = L.ReLU(name="act"), L.Dense(3, name="two")

    def call(self, x: Any) -> Any:
        x = self.one(x)
        if self.how == "layer":
            x = self.act(x)
        elif self.how == "ops":
            x = ops.relu(x)
        elif self.how == "activations":
            x = keras.activations.relu(x)
        return self.two(x)


def test_guided_backpropagation_sees_every_spelling_of_a_relu():
    rng = np.random.default_rng(0)
    data, found = rng.standard_normal((4, 5)).astype("float32"), []
    drawn = [rng.standard_normal(s).astype("float32") for s in ((5, 6), (6,), (6, 3), (3,))]
    for how in ("fused", "layer", "ops", "activations"):
        net = Spelled(how)
        net(data)
        net.set_weights(drawn)
        found.append(pellucid.GuidedBackprop()(net, data, target=0).values)
    w1, b1, w2, _ = drawn
    on, up = (data @ w1 + b1 > 0), np.maximum(w2[:, 0], 0)
    for one in found:
        assert np.allclose(one, (on * up) @ w1.T, atol=1e-5)


# -- what has no rule is named --------------------------------------------------------------------------------------


def test_a_recurrent_layer_is_named():
    for method in (pellucid.DeepLift(), pellucid.LRP()):
        with pytest.raises(CapabilityError, match="LSTM in 'both/forward_lstm'"):
            method(model("recurrent"), rows("recurrent"), target=0)
    loose = pellucid.DeepLift(strict=False)(model("recurrent"), rows("recurrent"), target=0)
    assert checks(loose)["operations"] == 3


class Sorting(L.Layer):
    """Does what no rule knows."""

    def call(self, x: Any) -> Any:
        return ops.cumprod(x, axis=-1)


def test_an_operation_in_the_callers_own_layer_is_named():
    x = keras.Input((4,))
    net = keras.Model(x, L.Dense(2)(Sorting(name="mine")(L.Dense(4, activation="relu")(x))))
    data = np.ones((2, 4), "float32")
    for method in (pellucid.DeepLift(), pellucid.LRP()):
        with pytest.raises(CapabilityError, match=r"keras\.ops\.cumprod in 'mine'"):
            method(net, data, target=0)


def test_what_comes_before_the_layer_needs_no_rule():
    e = pellucid.DeepLift()(
        model("recurrent"), rows("recurrent"), target=0, at="gru", baseline=np.zeros(5, "float32")
    )
    assert checks(e)["completeness"] <= 1e-4


# -- the place inside Keras -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["relu", "tanh", "sigmoid", "gelu", "elu", "selu", "silu", "softplus", "softmax", "relu6"]
)
def test_keras_still_calls_its_activations_where_rules_look_for_them(name):
    """Fused into a layer, as a layer of its own, and as an operation."""
    x = ops.convert_to_tensor(np.ones((2, 3), "float32"))
    fused, alone = L.Dense(3, activation=name), L.Activation(name)
    fused(x)
    for call in (fused, alone, getattr(ops, name)):
        book = following.Seen(Rule())
        with following.following(None, book, every_layer=False):
            call(x)
        assert name in book.missing, f"Keras {keras.__version__} calls {name} in another way than up to 3.15."


def test_nothing_stays_replaced():
    def functions() -> dict[str, Any]:
        return {f"{m}.{n}": f for m in following.MODULES for n, f in vars(getattr(inside_keras, m)).items()}

    before = functions()
    explained("sequential", "deep_lift")
    assert functions() == before

    class Breaks(L.Layer):
        def call(self, x: Any) -> Any:
            if getattr(self, "armed", False):
                raise RuntimeError("this layer is broken")
            return x

    broken = Breaks(name="broken")
    net = keras.Sequential([keras.Input((4,)), L.Dense(4, activation="relu"), broken, L.Dense(2)])
    broken.armed = True
    for method in (pellucid.GuidedBackprop(), pellucid.DeepLift(), pellucid.LRP()):
        with pytest.raises(RuntimeError, match="this layer is broken"):
            method(net, np.ones((2, 4), "float32"), target=0)
    assert functions() == before
    assert not [n for n, layer in walk.named(net).items() if "call" in vars(layer)]


# -- for the comparison of the backends -----------------------------------------------------------------------------


COMPARED = ("sequential", "functional")


@pytest.mark.parametrize(
    "kind", [*COMPARED, *(pytest.param(k, marks=slow) for k in ZOO if k not in (*COMPARED, "recurrent"))]
)
def test_values_for_the_other_backends(kind):
    place = "" if kind == "sequential" else ZOO[kind].place
    for name in KEPT:
        if name == "plus_flat" and kind in ("vit", "shared"):
            continue
        for at in {"", place}:
            if name == "grad_cam" and (not at or len(ZOO[kind].shapes[0]) < 3):
                continue
            assert np.isfinite(values(kind, name, at)).all()
    if path := os.environ.get("PELLUCID_VALUES"):
        np.savez(path, **{"|".join(k): v for k, v in _values.items()})  # type: ignore[arg-type]
