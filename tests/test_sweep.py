"""Every registered method on small models: whatever is added to the registry is held to this."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from torch import nn

import pellucid
from pellucid.core.features import Features
from pellucid.methods.gradient.feature_maps import MapMethod
from pellucid.results import (
    Attribution,
    Curve,
    Explanation,
    Importance,
    Interactions,
    PairAttribution,
    Sensitivity,
    Surrogate,
)
from tests import nets

pytestmark = [
    pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning"),
    pytest.mark.filterwarnings("ignore:Glyph"),
]

TABLE = load_iris().data[::30]
IMAGES = nets.rows(3, 1, 8, 8, seed=2).numpy()
FOREST = RandomForestClassifier(5, random_state=0).fit(*load_iris(return_X_y=True))


def curved(rows: np.ndarray) -> np.ndarray:
    """A function of a table with two outputs."""
    return np.stack([np.tanh(rows).sum(1), (rows**2).mean(1)], 1)


def bright(images: np.ndarray) -> np.ndarray:
    """A function of images."""
    return np.tanh(images[:, :, 2:6, 2:6].sum((1, 2, 3)))


MODELS: dict[str, tuple[Any, np.ndarray]] = {
    "mlp": (nets.seeded(lambda: nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))), TABLE),
    "cnn": (nets.seeded(nets.PoolCNN), IMAGES),
    "pooled": (nets.seeded(nets.Pooled), IMAGES),
    "attentive": (nets.seeded(nets.Transformer), IMAGES),
    "forest": (FOREST, TABLE),
    "function": (curved, TABLE),
    "image function": (bright, IMAGES),
}
NEEDS = {
    "gradient": ("mlp", "cnn"),
    "effects": ("mlp", "forest", "function"),
    "internals": ("mlp", "cnn"),
    "trees": ("forest",),
    "counterfactuals": ("mlp", "forest"),
}
ANY = tuple(model for model in MODELS if model not in ("pooled", "attentive"))
MAPS = {info.name: ("cnn",) for info in pellucid.methods() if issubclass(info.cls, MapMethod)}
ONLY = {
    **MAPS,
    "attention": ("attentive",),
    "cam": ("pooled",),
    "kernels": ("cnn", "pooled"),
    "exact_shapley": ("mlp", "forest", "function"),
    "shapley_interactions": ("mlp", "forest", "function"),
    "rise": ("cnn", "image function"),
}
PAIRS = [
    (info.name, model)
    for info in pellucid.methods()
    for model in ONLY.get(info.name, NEEDS.get(info.family, ANY))
]
every = pytest.mark.parametrize(("name", "model"), PAIRS, ids=["-".join(p) for p in PAIRS])
CLASSES = {info.name: info.cls for info in pellucid.methods()}
LONG = {"activation_maximization": {"steps": 8}}
"""Climbs magnify rounding, which is another in each size of batch: fewer steps of these are compared."""
_results: dict[tuple[str, str], Explanation] = {}


def given(name: str, model: str) -> dict[str, Any]:
    """What a method cannot do without."""
    return {"background": MODELS[model][1]} if name == "deep_shap" else {}


def run(name: str, model: str) -> Explanation:
    """The method with its defaults."""
    f, x = MODELS[model]
    return CLASSES[name]()(f, x, **given(name, model))


def result(name: str, model: str) -> Explanation:
    """The same, kept."""
    if (name, model) not in _results:
        _results[name, model] = run(name, model)
    return _results[name, model]


def same(a: Any, b: Any, where: str = "") -> None:
    """Equal, arrays to the bit."""
    if isinstance(a, np.ndarray):
        assert a.dtype == b.dtype, where
        np.testing.assert_array_equal(a, b, err_msg=where)
    elif isinstance(a, float) and np.isnan(a):
        assert np.isnan(b), where
    else:
        assert a == b, where


def test_every_method_is_swept():
    assert {name for name, _ in PAIRS} == set(CLASSES)
    assert {model for _, model in PAIRS} == set(MODELS)


@every
def test_shape_and_type(name, model):
    e, x = result(name, model), MODELS[model][1]
    assert isinstance(e, Explanation)
    assert e.values.dtype.kind == "f"
    assert e.values.flags["C_CONTIGUOUS"] or e.values.base is None
    known = np.isfinite(e.grid) if isinstance(e, Sensitivity) else True
    assert (np.isfinite(e.values) == known).all()
    if isinstance(e, Attribution):
        assert len(e) == len(x)
        assert e.at or e.values.shape == x.shape
        assert e.output.shape == (len(x),)
        assert len(e.target) == len(x)
        np.testing.assert_allclose(e.x, x, rtol=1e-6)
        if e.base is not None:
            limit = 0.01 if e.quality.error_kind == "discretisation" else 1e-5
            assert np.all(np.abs(e.residual) <= limit * (np.abs(e.values).reshape(len(e), -1).sum(1) + 1e-3))
    if isinstance(e, Importance):
        assert e.values.shape == (x.shape[1],)
        assert e.repeats.shape[0] == len(e.names) == x.shape[1]
        assert e.rows == len(x)
    if isinstance(e, Curve):
        assert e.columns == tuple((f"x{j}",) for j in range(x.shape[1]))
        assert e.values.shape == (len(e.grid), len(e.targets)) == (len(e.of), len(e.targets))
        assert e.individual.shape == (len(e.kept), *e.values.shape)
        assert e.rows == len(x)
    if isinstance(e, Surrogate):
        assert e.values.shape == (x.shape[1],)
        assert e.predict(x).shape == (len(x), len(e.targets))
        assert e.fidelity <= 1
    if isinstance(e, Interactions):
        assert e.values.shape == (x.shape[1], x.shape[1])
        np.testing.assert_array_equal(e.values, e.values.T)
        assert e.measured.all()
    half = e.quality.half_width
    assert half is None or (half.shape == e.values.shape and (half >= 0).all())
    for f in fields(e):
        value = getattr(e, f.name)
        assert "torch" not in type(value).__module__, f"{f.name} is of the framework"


@pytest.mark.parametrize("model", ANY)
def test_the_rows_own_value_is_on_the_curve(model):
    e, x = result("sensitivity_analysis", model), MODELS[model][1]
    assert len(e) == len(x)
    assert e.grid.shape == e.values.shape
    assert e.flips.shape == e.becomes.shape == (*e.own.shape, 2)
    at = np.nanargmin(np.abs(e.grid - e.own[..., None]), 2)
    mine = np.take_along_axis(e.values, at[..., None], 2)[..., 0]
    np.testing.assert_allclose(mine, np.repeat(e.output[:, None], mine.shape[1], 1), rtol=1e-5, atol=1e-6)


@every
def test_what_is_said_of_it(name, model):
    e = result(name, model)
    assert e.provenance.method == name
    assert e.provenance.title == CLASSES[name]().called
    assert e.provenance.version == pellucid.__version__
    assert e.provenance.model
    assert set(e.provenance.params) == {p.name for p in info_of(name).params}
    assert e.quality.estimand
    assert e.quality.evals + e.quality.grads > 0 or not getattr(CLASSES[name], "needs_rows", True)
    assert e.quality.seconds >= 0
    assert e.quality.error_kind in ("exact", "sampling", "discretisation", "fit", "unknown")
    assert e.quality.verdict in ("ok", "caution", "unreliable")
    assert all(c.meaning and (c.status == "ok" or c.advice) for c in e.quality.checks)
    assert not e.quality.exact or e.quality.half_width is None or not e.quality.half_width.any()


def info_of(name: str) -> Any:
    return next(i for i in pellucid.methods() if i.name == name)


@every
def test_same_seed_same_bits(name, model):
    e = run(name, model)
    same(e.values, result(name, model).values)
    same(e.quality.half_width, result(name, model).quality.half_width)
    with pellucid.options(seed=0):
        same(run(name, model).values, e.values)


@every
@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_the_batch_size_does_not_matter(name, model, batch_size):
    method, (f, x) = CLASSES[name](**LONG.get(name, {})), MODELS[model]
    whole = method(f, x, **given(name, model)) if name in LONG else result(name, model)
    with pellucid.options(batch_size=batch_size):
        e = method(f, x, **given(name, model))
    limit = 1e-5 * (1 + np.nanmax(np.abs(whole.values)))
    np.testing.assert_allclose(e.values, whole.values, rtol=0, atol=limit)


@every
def test_rows_are_explained_alike_in_fewer(name, model):
    """The first two rows, alone, get the values that they get in company."""
    whole = result(name, model)
    if not isinstance(whole, Attribution):
        return
    f, x = MODELS[model]
    e = CLASSES[name]()(f, x[:2], **given(name, model))
    np.testing.assert_allclose(
        e.values, whole.values[:2], rtol=0, atol=1e-5 * (1 + np.abs(whole.values).max())
    )


@every
def test_saved_and_loaded(name, model, tmp_path):
    e = result(name, model)
    path = e.save(tmp_path / "why")
    assert path == tmp_path / "why.npz"
    back = pellucid.load(path)
    assert type(back) is type(e)
    for f in fields(e):
        if f.name not in ("quality", "features"):
            same(getattr(e, f.name), getattr(back, f.name), f.name)
    assert back.features == e.features
    assert type(back.features) is type(e.features)
    for f in fields(e.quality):
        same(getattr(e.quality, f.name), getattr(back.quality, f.name), f.name)
    assert back.quality.verdict == e.quality.verdict
    for lang in ("en", "zh"):
        assert back.narrate(lang) == e.narrate(lang)


@every
def test_it_draws_itself(name, model):
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    e = result(name, model)
    for lang in ("en", "zh"):
        ax = e.plot(lang=lang)
        assert isinstance(ax, Axes)
        assert ax.has_data() or ax.texts
        ax.figure.canvas.draw()
    assert plt.get_fignums() == before


@every
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_it_tells_itself(name, model, lang):
    e = result(name, model)
    for row in (None, 0, len(e) - 1) if isinstance(e, Attribution) else (None,):
        text = e.narrate(lang, row=row)
        assert len(text) > 20
        assert not set("{}") & set(text), text
        assert "nan" not in text.lower().split()
        assert any("一" <= c <= "鿿" for c in text) == (lang == "zh"), text


@every
def test_it_is_an_array_and_a_frame(name, model):
    e = result(name, model)
    np.testing.assert_array_equal(np.asarray(e), e.values)
    assert np.asarray(e, dtype=np.float32).dtype == np.float32
    assert np.array(e, copy=True) is not e.values
    frame = e.to_frame()
    rows = {PairAttribution: e.shape[-1], Sensitivity: int(np.prod(e.shape[:2]))}
    assert len(frame) == rows.get(type(e), len(e))
    if isinstance(e, Attribution):
        np.testing.assert_array_equal(frame.to_numpy(), e.values.reshape(len(e), -1))
    elif isinstance(e, Importance):
        assert sorted(frame.index) == sorted(e.names)


@every
def test_rows_of_it_are_results(name, model):
    e = result(name, model)
    if not isinstance(e, Attribution):
        return
    one, two = e[0], e[:2]
    assert (len(one), len(two)) == (1, 2)
    np.testing.assert_array_equal(one.values, e.values[:1])
    np.testing.assert_array_equal(two.values, e.values[:2])
    assert two.target == e.target[:2]
    assert one.narrate() and two.narrate("zh")
    assert one.plot() is not None
    half = e.quality.half_width
    assert half is None or one.quality.half_width.shape == one.values.shape


@every
def test_methods_are_values(name, model):
    """They print, compare, hash and pickle, and can be built from their provenance."""
    import pickle

    method = CLASSES[name]()
    assert pickle.loads(pickle.dumps(method)) == method == CLASSES[name]()
    assert hash(method) == hash(CLASSES[name]())
    assert repr(method).startswith(CLASSES[name].__name__ + "(")
    knobs = {k: v for k, v in result(name, model).provenance.params.items() if not isinstance(v, dict)}
    assert CLASSES[name](**knobs) == method


@every
def test_it_is_at_the_front_door(name, model):
    """`explain` takes a method by its registered name, its class name, and as a value."""
    f, x = MODELS[model]
    for method in (name, name.replace("_", "-"), CLASSES[name].__name__, CLASSES[name]()):
        same(pellucid.explain(f, x, method=method, **given(name, model)).values, result(name, model).values)


@pytest.mark.parametrize(
    ("model", "call", "method", "why"),
    [
        ("mlp", {}, "integrated_gradients", "the model has gradients"),
        ("cnn", {}, "integrated_gradients", "the model has gradients"),
        ("forest", {}, "tree_shap", "the model is a sum of trees"),
        ("forest", {"baseline": "zeros"}, "gaussian_shap", "only be asked for predictions"),
        ("function", {"target": 0}, "gaussian_shap", "only be asked for predictions"),
        ("image function", {}, "gaussian_shap", "only be asked for predictions"),
        ("forest", {"y": [0, 0, 1, 2, 2]}, "permutation_importance", "true values were given"),
        ("mlp", {"y": [0, 0, 1, 2, 2]}, "permutation_importance", "true values were given"),
    ],
)
def test_the_front_door_chooses_and_says_why(model, call, method, why):
    f, x = MODELS[model]
    e = pellucid.explain(f, x, **call)
    assert e.provenance.method == method
    assert why in e.provenance.notes[-1]


def test_the_front_door_chooses_occlusion_for_what_has_no_kind():
    e = pellucid.explain(lambda r: np.tanh(r).sum((1, 2)), np.ones((2, 5, 3)))
    assert e.provenance.method == "occlusion"


def test_the_front_door_says_nothing_of_a_choice_that_was_made():
    f, x = MODELS["forest"]
    assert pellucid.explain(f, x, method="occlusion").provenance.notes == ()


@every
def test_the_rows_are_left_as_they_were(name, model):
    f, x = MODELS[model]
    before = x.copy()
    CLASSES[name]()(f, x, **given(name, model))
    np.testing.assert_array_equal(x, before)


@every
def test_nothing_is_written_by_the_way(name, model, capfd):
    run(name, model)
    assert capfd.readouterr() == ("", "")


def test_the_table_of_methods():
    infos = pellucid.methods()
    assert [i.name for i in infos] == sorted(i.name for i in infos)
    for kind in ("table", "image", "text", "series"):
        assert {i.name for i in pellucid.methods(kind)} == {i.name for i in infos if kind in i.data}
    for info in infos:
        assert info.summary.endswith(".")
        assert all(p.doc for p in info.params), info.name
        assert isinstance(info.cls().name, str)


def test_every_kind_of_features_is_a_kind():
    assert all(k.kind for k in Features.KINDS.values())
