"""What holds for Keras models on the backend of this process: run by `tests/adapters/test_keras.py`, one by one."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as L
from keras import ops

import pellucid
from pellucid.adapters.keras import layers as walk
from pellucid.core.errors import CapabilityError, LayerError, ShapeError
from pellucid.core.model import wrap
from tests.adapters.keras.residue import hashed, shadows
from tests.adapters.keras.zoo import ZOO, Example, made, rows

BACKEND = keras.backend.backend()
SLOW = ("vit", "recurrent")
"""Models that take the frameworks long to compile; part of what holds for them is tested by `make oracle`."""
every_kind = pytest.mark.parametrize("kind", ZOO)
most_kinds = pytest.mark.parametrize(
    "kind", [pytest.param(k, marks=pytest.mark.oracle) if k in SLOW else k for k in ZOO]
)


def inputs(kind: str, n: int = 3) -> tuple[np.ndarray, ...]:
    x = rows(kind, n)
    return x if isinstance(x, tuple) else (x,)


def asked(model: Any, xs: tuple[np.ndarray, ...]) -> np.ndarray:
    """The framework's own prediction."""
    return keras.ops.convert_to_numpy(model(list(xs) if len(xs) > 1 else xs[0], training=False))


def close(a: np.ndarray, b: np.ndarray, relative: float) -> bool:
    return float(np.abs(a - b).max()) <= relative * float(np.abs(b).max())


# -- predictions, slices, gradients -----------------------------------------------------------------------------


@every_kind
def test_predictions_are_the_models_and_the_model_is_left_as_it_was(kind):
    model, xs = made(kind), inputs(kind)
    before, mark = model.predict(list(xs) if len(xs) > 1 else xs[0], verbose=0), hashed(model)
    wrapped = wrap(model)
    place = ZOO[kind].place
    with wrapped.at_rest():
        assert close(wrapped.predict(*xs), asked(model, xs), 1e-6)
        value = wrapped[:place].predict(*xs)
        assert close(wrapped[place:].predict(value, *xs), asked(model, xs), 1e-6)
        wrapped[place:].vjp((value, *xs), np.ones_like)
    assert np.array_equal(before, model.predict(list(xs) if len(xs) > 1 else xs[0], verbose=0))
    assert hashed(model) == mark
    assert shadows(model) == []


@most_kinds
def test_gradients_at_input_and_layer_match_finite_differences(kind):
    model, xs = wrap(made(kind)), inputs(kind, 2)
    place = ZOO[kind].place
    value = model[:place].predict(*xs)
    value = value + 0.1 * np.random.default_rng(3).standard_normal(value.shape).astype(
        "float32"
    )  # no equal maxima
    for slice_, given in ((model, xs), (model[place:], (value, *xs))):
        weights = np.random.default_rng(1).standard_normal(model.predict(*xs).shape).astype("float32")
        _, grads = slice_.vjp(given, lambda y: weights)  # noqa: B023
        found = np.array(list(straight(slice_, given, weights, grads[0])))
        assert len(found) >= 4
        assert np.abs(found[:, 0] - found[:, 1]).max() <= 1e-3 * np.abs(found[:, 1]).max()


def straight(model: Any, given: tuple[np.ndarray, ...], weights: np.ndarray, grads: np.ndarray) -> Any:
    """The slope by differences and by the gradient, in directions along which no ReLU switches between the points."""
    rng = np.random.default_rng(2)
    for _ in range(24):
        step = (rng.standard_normal(given[0].shape) + 3 * grads / np.abs(grads).max()).astype("float32")
        step /= np.linalg.norm(step)
        slopes = []
        for h in (4e-3, 2e-3):
            up, down = (model.predict(given[0] + s * h * step, *given[1:]).astype(float) for s in (1, -1))
            slopes.append(((up - down) * weights).sum() / (2 * h))
        if abs(slopes[0] - slopes[1]) <= 3e-4 * abs(slopes[0]):
            yield slopes[0], float((grads * step).sum())


def test_all_layers_of_every_kind_of_model_are_found():
    names = {kind: set(walk.named(made(kind))) for kind in ZOO}
    assert {"first", "act", "block0", "block1", "mean", "out"} == names["subclassed"]
    assert {"inner", "inner/conv", "inner/pool", "top", "top/flat", "top/fc"} == names["nested"]
    assert {"both/forward_lstm", "both/backward_lstm", "each/inner"} <= names["recurrent"]
    assert {"block1/attention/query", "block2/down"} <= names["vit"]
    assert any(name.startswith("get_item") for name in names["vit"])  # t[:, 0]
    assert any(
        name.startswith("relu") for name in names["functional"] - {"relu2"}
    )  # keras.ops.relu, which is no layer


def test_several_places_are_captured_in_one_pass():
    model, xs = wrap(made("functional")), inputs("functional")
    seen = model.capture(xs, ("conv1", "add:input", "fc"))
    for place, value in seen.items():
        assert np.array_equal(value, model[:place].predict(*xs)) or close(
            value, model[:place].predict(*xs), 1e-6
        )


def test_steps_name_what_they_take_their_values_from():
    model = wrap(made("functional"))
    steps = model.operations(inputs("functional"))
    names = [o.name for o in steps]
    sources = {o.name: [names[i] if i >= 0 else "input" for i in o.sources] for o in steps}
    assert sources["stem"] == ["input"]
    assert sources["add"] == ["stem", "conv2"]
    assert sources["fc"] == ["flat"]
    by_name = {o.name: o for o in steps}
    assert by_name["conv1"].window == ((3, 1, 1, 1), (3, 1, 1, 1))
    assert by_name["conv1"].multiplications == 3 * 3 * 4 * 4 * 64
    assert by_name["fc"].multiplications == 64 * 5
    assert sum(o.parameters for o in steps) == made("functional").count_params()


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("size", "stride"), [(2, 2), (3, 2), (3, 1)])
def test_what_pooling_kept_is_where_its_values_were(padding, size, stride):
    """On sides that the stride does not divide, where "same" pads one end more than the other."""
    net = keras.Sequential(
        [
            keras.layers.Input((7, 9, 2)),
            keras.layers.Conv2D(3, 3, padding=padding),
            keras.layers.MaxPooling2D(size, stride, padding=padding, name="pool"),
        ]
    )
    x = np.random.default_rng(0).normal(size=(2, 7, 9, 2)).astype("float32")
    maps = pellucid.FeatureMaps()(net, x, at="pool")
    before = maps.before.reshape(2, 3, -1)
    kept = maps.kept.reshape(2, 3, -1)
    assert np.array_equal(np.take_along_axis(before, kept, -1).ravel(), maps.values.ravel())


def test_weights_are_laid_out_as_everywhere():
    model = made("sequential")
    wrapped = wrap(model)
    kernel = keras.ops.convert_to_numpy(model.get_layer("conv2").kernel)
    assert np.array_equal(wrapped.weights("conv2")["weight"], kernel.transpose(3, 2, 0, 1))
    assert wrapped.weights("fc")["weight"].shape == (5, 6)
    assert set(wrapped.weights("norm")) == {"weight", "bias", "running_mean", "running_var"}
    assert wrap(made("vit")).weights("block1/attention/query")["weight"].shape == (8, 8)
    assert wrap(made("recurrent")).weights("gru")["weight"].shape == (15, 4)


def test_layers_are_listed_as_they_run():
    model = wrap(made("subclassed"))
    listed = [(layer.name, layer.kind, layer.shape) for layer in model.layers(inputs("subclassed"))]
    assert listed[:3] == [
        ("first", "Conv2D", (8, 8, 4)),
        ("act#1", "ReLU", (8, 8, 4)),
        ("block0", "Conv2D", (8, 8, 4)),
    ]
    assert [name for name, *_ in listed][-2:] == ["mean", "out"]
    assert model.layers()[0].parameters == 4 * 2 * 9 + 4


def test_a_layer_is_also_named_by_the_attributes_it_was_stored_under():
    model, xs = wrap(made("subclassed")), inputs("subclassed")
    model.check("blocks.1", xs)
    assert np.array_equal(model[:"blocks.1"].predict(*xs), model[:"block1"].predict(*xs))


@pytest.mark.parametrize("kind", ["sequential", "functional", "two_inputs"])
def test_layer_values_are_those_of_a_rewired_model(kind):
    model, xs = made(kind), inputs(kind)
    for place in ("conv1", "conv2", "fc", "both"):
        if place not in walk.named(model):
            continue
        rewired = keras.Model(model.inputs, model.get_layer(place).output)
        assert close(wrap(model)[:place].predict(*xs), asked(rewired, xs), 1e-6)


def test_a_call_of_a_shared_layer_is_the_value_after_so_many():
    model, xs = made("shared"), inputs("shared")
    layer, x = model.get_layer("again"), xs[0]
    for call in (1, 2, 3):
        given = x
        x = asked(layer, (x,))
        assert close(wrap(model)[: f"again#{call}"].predict(*xs), x, 1e-6)
        assert close(wrap(model)[: f"again#{call}:input"].predict(*xs), given, 1e-6)


def test_an_item_of_what_a_merging_layer_is_given():
    model, xs = made("two_inputs"), inputs("two_inputs")
    assert close(wrap(model)[:"both[1]:input"].predict(*xs), wrap(model)[:"dense_right"].predict(*xs), 1e-6)


def test_rows_do_not_depend_on_how_many_are_passed():
    model, x = wrap(made("sequential")), rows("sequential", 23)
    whole, each = model.predict(x), np.concatenate([model.predict(x[i : i + 1]) for i in range(5)])
    assert whole.shape == (23, 5)
    assert close(whole[:5], each, 1e-5)
    _, (grads,) = model.vjp((x,), np.ones_like)
    _, (alone,) = model.vjp((x[20:21],), np.ones_like)
    assert grads.shape == x.shape
    assert close(grads[20:21], alone, 1e-5)


# -- the caller's world -----------------------------------------------------------------------------------------


class Breaks(L.Layer):
    """A layer that fails on small batches of numbers above a limit, in the middle of a pass."""

    def call(self, x: Any) -> Any:
        if x.shape[1] == 4:
            raise RuntimeError("this layer is broken")
        return x


def test_an_error_inside_a_layer_leaves_nothing_behind():
    x = keras.Input((None,))
    y = Breaks(name="breaks")(L.Activation("relu", name="act")(x))
    model = keras.Model(x, y)
    model.compile(optimizer="adam", loss="mse")
    mark = hashed(model)
    with pytest.raises(Exception, match="this layer is broken"):
        pellucid.Saliency()(model, np.ones((2, 4), "float32"), target=0, at="act")
    assert shadows(model) == []
    assert hashed(model) == mark


def test_optimizer_and_counters_are_untouched():
    class Counting(L.Layer):
        def build(self, shape: Any) -> None:
            self.seen = self.add_weight(shape=(), initializer="zeros", trainable=False)

        def call(self, x: Any) -> Any:
            self.seen.assign(self.seen + 1)
            return x

    model = keras.Sequential(
        [keras.Input((4,)), L.Dense(3, activation="relu", name="hidden"), Counting(), L.Dense(2)]
    )
    model.compile(optimizer="adam", loss="mse")
    x = np.random.default_rng(0).standard_normal((8, 4)).astype("float32")
    model.fit(x, np.zeros((8, 2)), epochs=1, verbose=0)
    mark = hashed(model)
    pellucid.Saliency()(model, x, target=0)
    pellucid.IntegratedGradients(steps=4)(model, x, target=0, at="hidden")
    assert hashed(model) == mark


def test_new_weights_and_new_activations_are_seen():
    model, xs = made("recurrent"), inputs("recurrent")
    wrapped = wrap(model)
    first = wrapped.predict(*xs)
    model.set_weights([1.5 * w for w in model.get_weights()])
    assert close(wrapped.predict(*xs), asked(model, xs), 1e-6)
    assert not close(wrapped.predict(*xs), first, 1e-3)
    model.get_layer("out").activation = keras.activations.linear
    with wrapped.at_rest():
        assert close(wrapped.predict(*xs), asked(model, xs), 1e-6)


def test_what_was_compiled_does_not_keep_the_model_alive():
    import gc
    import weakref

    model = made("shared")
    wrap(model).vjp(inputs("shared"), np.ones_like)
    gone = weakref.ref(model)
    keras.utils.clear_session(free_memory=False)
    del model
    gc.collect()
    assert gone() is None


# -- facts ------------------------------------------------------------------------------------------------------


def test_facts():
    known = {kind: wrap(made(kind)).facts for kind in ZOO}
    assert known["recurrent"].space == "probability"
    assert known["sequential"].space == ""
    assert {facts.channels for facts in known.values()} == {"last"}
    assert known["shared"].width == 6
    assert known["sequential"].axes == (4,)
    assert known["functional"].name == f"residual (keras on {BACKEND})"
    tokens = keras.Sequential([keras.Input((5,)), L.Embedding(9, 4), L.Flatten(), L.Dense(2)])
    assert wrap(tokens).facts.tokens


def test_tokens_are_explained_at_their_embedding():
    model = keras.Sequential(
        [
            keras.Input((5,), dtype="int32"),
            L.Embedding(9, 4, name="embed", mask_zero=True),
            L.LSTM(4, name="lstm"),
            L.Dense(2, name="out"),
        ]
    )
    ids = np.array([[1, 2, 3, 0, 0], [4, 5, 6, 7, 8]])
    with pytest.raises(CapabilityError, match="at='embed'"):
        pellucid.Saliency()(model, ids, target=0)
    nothing = np.zeros((5, 4), "float32")
    e = pellucid.IntegratedGradients(steps=32)(model, ids, target=0, at="embed", baseline=nothing)
    assert e.values.shape == (2, 5, 4)
    assert (
        np.abs(e.values[0, 3:]).max() == 0
    )  # padding, which the mask hides also where the embedding is replaced
    y, base = (
        asked(model, (ids,))[:, 0],
        wrap(model)["embed":].predict(np.zeros((2, 5, 4), "float32"), ids)[:, 0],
    )
    assert np.allclose(e.values.sum((1, 2)), y - base, atol=2e-3)


def test_one_of_several_outputs_is_chosen_by_name_or_number():
    x = keras.Input((4,))
    model = keras.Model(x, [L.Dense(3, name="a")(x), L.Dense(2, name="b")(x)])
    rows_ = np.ones((2, 4), "float32")
    with pytest.raises(CapabilityError, match="2 outputs"):
        wrap(model).predict(rows_)
    assert wrap(model, output=1).predict(rows_).shape == (2, 2)
    assert wrap(model, output="b").predict(rows_).shape == (2, 2)


def test_inputs_by_name_and_by_position():
    model, (left, right) = made("two_inputs"), inputs("two_inputs")
    by_place = pellucid.Saliency()(model, (left, right), target=0)
    by_name = pellucid.Saliency()(model, {"right": right, "left": left}, target=0)
    assert np.allclose(by_place.values[:, :4], by_name.values[:, 9:])

    class Pair(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = L.Dense(3), L.Dense(3)

        def call(self, a: Any, b: Any, training: bool = False) -> Any:
            return self.one(a) * self.two(b)

    pair = Pair()
    pair(left, left)
    assert pellucid.Saliency()(pair, (left, left), target=0).values.shape == (3, 8)
    assert pellucid.Saliency()(pair, {"b": left, "a": left}, target=0).values.shape == (3, 8)


def test_half_precision_models_are_explained_in_float32():
    model = keras.Sequential(
        [
            keras.Input((6,)),
            L.Dense(8, activation="tanh", dtype="mixed_float16", name="hidden"),
            L.Dense(3, dtype="mixed_float16"),
        ]
    )
    x = np.random.default_rng(0).standard_normal((3, 6)).astype("float32")
    e = pellucid.Saliency()(model, x, target=0, at="hidden")
    assert e.values.dtype == np.float32
    assert np.abs(e.values).max() > 0


def test_a_target_function_is_written_in_keras_ops():
    model, xs = made("sequential"), inputs("sequential")
    margin = pellucid.Saliency(absolute=False)(model, *xs, target=lambda y: y[:, 1] - y[:, 0])
    one, other = (pellucid.Saliency(absolute=False)(model, *xs, target=i).values for i in (1, 0))
    assert close(margin.values, one - other, 1e-5)
    logs = pellucid.Saliency()(model, *xs, target=lambda y: ops.logsumexp(y, axis=1))
    assert logs.values.shape == xs[0].shape


# -- bad input --------------------------------------------------------------------------------------------------


def test_places_that_are_not_there():
    model, xs = made("subclassed"), inputs("subclassed")
    with pytest.raises(LayerError, match="Did you mean 'block1'"):
        wrap(model).check("blok1", xs)
    with pytest.raises(LayerError, match="act#1 to act#3"):
        wrap(model).check("act", xs)
    with pytest.raises(LayerError, match="3 times"):
        wrap(model).check("act#4", xs)
    with pytest.raises(LayerError, match="does not come after"):
        wrap(model)["block1":"block0"].predict(wrap(model)[:"block1"].predict(*xs), *xs)
    with pytest.raises(LayerError, match="item 1"):
        wrap(model).check("first[1]", xs)


@pytest.mark.skipif(BACKEND == "torch", reason="PyTorch runs the loop over time step by step")
def test_the_cell_of_a_recurrent_layer_is_named_with_its_loop():
    model, xs = made("recurrent"), inputs("recurrent")
    with pytest.raises(LayerError, match="'gru' as a whole"):
        wrap(model).check("gru/gru_cell", xs)
    assert not [layer for layer in wrap(model).layers(xs) if layer.name.startswith("gru/")]


def test_inputs_of_the_wrong_shape():
    with pytest.raises(ShapeError, match=r"\(rows, 8, 8, 2\)"):
        pellucid.Saliency()(made("sequential"), np.ones((3, 8, 8, 3), "float32"), target=0)
    with pytest.raises(ShapeError, match="2 inputs"):
        wrap(made("two_inputs")).predict(np.ones((3, 4), "float32"))


def test_a_model_without_weights_is_refused():
    with pytest.raises(CapabilityError, match="no weights yet"):
        wrap(keras.Sequential([L.Dense(3)]))


def test_a_detached_output_has_no_gradient():
    x = keras.Input((4,))
    model = keras.Model(x, ops.stop_gradient(L.Dense(3)(x)))
    if BACKEND == "jax":
        pytest.skip("JAX gives zeros, which the check on empty maps reports")
    with pytest.raises(CapabilityError, match="No gradient"):
        pellucid.Saliency()(model, np.ones((2, 4), "float32"), target=0)


def test_a_legacy_model_is_told_what_to_do():
    legacy = type("Sequential", (), {"__module__": "tf_keras.src.engine.sequential"})()
    with pytest.raises(CapabilityError, match=r"Keras 2.*model\.h5"):
        wrap(legacy)


# -- methods ----------------------------------------------------------------------------------------------------

QUICK = (
    pellucid.Saliency(),
    pellucid.InputXGradient(),
    pellucid.IntegratedGradients(steps=4),
    pellucid.GradCAM(channels="last"),
    pellucid.KernelShap(budget=520),
)


SWEEP = [
    pytest.param(
        kind,
        method,
        id=f"{kind}-{type(method).__name__}",
        marks=[pytest.mark.oracle] if kind in SLOW and not isinstance(method, pellucid.Saliency) else [],
    )
    for kind in ZOO
    for method in QUICK
]


@pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")
@pytest.mark.parametrize(("kind", "method"), SWEEP)
def test_sweep(kind, method):
    example: Example = ZOO[kind]
    model, x = _model(kind), rows(kind, 2)
    maps = type(method).__name__ == "GradCAM"
    if maps and len(example.shapes[0]) < 2:
        with pytest.raises(LayerError):
            method(model, x, target=0)
        return
    e = method(model, x, target=0)
    assert np.isfinite(e.values).all()
    assert len(e.values) == 2
    assert e.quality.evals + e.quality.grads > 0
    again = method(model, x, target=0)
    assert np.array_equal(e.values, again.values)


_models: dict[str, Any] = {}


def _model(kind: str) -> Any:
    return _models.setdefault(kind, made(kind))


@pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")
def test_activation_maximisation_equals_that_of_the_same_network_in_pytorch():
    """The same weights, channels last here and first there: the same pictures, numbers and starts."""
    from tests.adapters.keras.in_torch import first, last, twin

    model = made("sequential")
    x = np.random.default_rng(0).standard_normal((20, 8, 8, 2)).astype("float32")
    method = pellucid.ActivationMaximization(steps=6, pictures=2)
    here, there = method(model, x), method(twin("sequential", model), first(x))
    assert close(here.values, np.moveaxis(there.values, 2, -1), 1e-3)
    for name in ("reached", "steady", "best", "spectrum", "agreement"):
        assert close(getattr(here, name), getattr(there, name), 1e-3), name
    channel = pellucid.Objective(3, at="conv2") - 0.5 * pellucid.Objective(1)
    here, there = (
        method(model, x, target=channel),
        method(twin("sequential", model), first(x), target=channel),
    )
    assert close(here.values[0], last(there.values[0]), 1e-3)
    assert here.started == there.started
