"""Every registered method over every kind of Keras model, on the backend of this process: run by `test_keras.py`.

A method either explains the model or refuses it in the words that are listed here, so that a new refusal is a failure.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes

import pellucid
from pellucid.core.errors import PellucidError
from pellucid.methods.gradient.feature_maps import MapMethod
from pellucid.results import (
    Attribution,
    Curve,
    Explanation,
    GradientMaps,
    Importance,
    Interactions,
    PairAttribution,
    Sensitivity,
    Units,
)
from tests.adapters.keras.residue import hashed, shadows
from tests.adapters.keras.zoo import ZOO, made, rows

pytestmark = [
    pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning"),
    pytest.mark.filterwarnings("ignore:Glyph"),
    pytest.mark.filterwarnings("ignore:__array__ implementation"),
]

ROWS = 4
CLASSES = {info.name: info.cls for info in pellucid.methods()}
FAMILY = {info.name: info.family for info in pellucid.methods()}
MAPS = tuple(name for name, cls in CLASSES.items() if issubclass(cls, MapMethod))
OF_TABLES = tuple(name for name, family in FAMILY.items() if family in ("effects", "counterfactuals"))
TABLES, PICTURES, SERIES = (
    ("shared", "two_inputs"),
    ("sequential", "functional", "subclassed", "nested", "vit"),
    ("recurrent",),
)

KNOBS: dict[str, dict[str, Any]] = {
    "activation_maximization": {"steps": 3, "pictures": 1},
    "conductance": {"steps": 4},
    "counterfactual": {"budget": 2000},
    "expected_gradients": {"samples": 4},
    "gaussian_shap": {"budget": 520},
    "h_statistic": {"rows": 4, "top": 3},
    "integrated_gradients": {"steps": 8},
    "internal_influence": {"steps": 4},
    "kernel_shap": {"budget": 520},
    "lime": {"budget": 200},
    "local_surrogate_tree": {"samples": 200},
    "morris": {"paths": 4},
    "noise_tunnel": {"samples": 3},
    "partition_shap": {"budget": 520},
    "permutation_importance": {"repeats": 3},
    "permutation_shap": {"budget": 520},
    "rise": {"budget": 64, "cells": 3},
    "sensitivity_analysis": {"points": 3},
    "sobol": {"repeats": 2},
}
"""Small budgets: what is tested is that a method reaches the model, not how well it estimates."""

DEAR = tuple(
    (name, kind) for name in ("gradient_flow", "linear_decomposition") for kind in ("recurrent", "vit")
)
"""A compiled pass for each of many layers: one layer of them in the ordinary suite, all of them in `make oracle`."""
LONG = [
    ("recurrent", "exact_shapley"),
    *(("recurrent", name) for name in ("deconvolution", "expected_gradients", "guided_backprop")),
    *(("vit", name) for name in ("deconvolution", "deep_shap", "expected_gradients")),
]
"""All of 2^18 coalitions, and passes that take long to compile and whose kin are there: in `make oracle` alone."""


def refusals() -> dict[tuple[str, str], str]:
    """(method, kind of model) -> what the refusal says."""
    found: dict[tuple[str, str], str] = {}

    def refuse(names: tuple[str, ...], kinds: tuple[str, ...], words: str) -> None:
        found.update({(name, kind): words for name in names for kind in kinds})

    refuse(OF_TABLES, (*PICTURES, *SERIES), r"is for tables, \(rows, columns\)")
    del found["counterfactual", "vit"]  # pictures of one channel or three are changed pixel by pixel
    refuse(MAPS, TABLES, "No layer of the network has feature maps")
    refuse(
        ("cam",),
        ("functional", "nested", "recurrent"),
        "CAM needs a global average and one dense layer after",
    )
    refuse(("activation_maximization",), ("two_inputs",), "A network with one input is climbed")
    refuse(("kernels",), (*TABLES, *SERIES), "has no layer that Kernels can show")
    refuse(
        ("rise",), tuple(k for k in ZOO if k != "vit"), "RISE masks images"
    )  # two channels make no picture
    refuse(("exact_shapley",), PICTURES, "at most 20 players")
    refuse(("shapley_interactions",), tuple(k for k in PICTURES if k != "vit"), "at most 64 players")
    refuse(("deep_lift", "deep_shap", "lrp"), SERIES, "has no rule for LSTM in 'both/forward_lstm'")
    refuse(("attention",), tuple(k for k in ZOO if k != "vit"), "shows no attention")
    refuse(("tree_shap", "decision_path"), tuple(ZOO), "is no tree ensemble")
    return found


REFUSED = refusals()
PAIRS = [(kind, name) for kind in ZOO for name in CLASSES]
EVERY = [
    pytest.param(*pair, marks=pytest.mark.oracle if pair in LONG else (), id="-".join(pair)) for pair in PAIRS
]


@dataclass(eq=False)
class Subject:
    """A model of the zoo, with rows, and how it was before anything was explained."""

    model: Any
    x: Any
    before: np.ndarray
    mark: str

    @classmethod
    def of(cls, kind: str) -> Subject:
        model, x = made(kind), rows(kind, ROWS)
        model.compile(optimizer="adam", loss="mse")
        model.optimizer.build(model.trainable_variables)
        return cls(model, x, cls.asked(model, x), hashed(model))

    @staticmethod
    def asked(model: Any, x: Any) -> np.ndarray:
        """The framework's own prediction."""
        return np.asarray(model.predict_on_batch(list(x) if isinstance(x, tuple) else x))

    def is_as_it_was(self) -> None:
        assert np.array_equal(self.asked(self.model, self.x), self.before)
        assert hashed(self.model) == self.mark
        assert shadows(self.model) == []


_subjects: dict[str, Subject] = {}
_values: dict[str, np.ndarray] = {}


def subject(kind: str) -> Subject:
    if kind not in _subjects:
        _subjects[kind] = Subject.of(kind)
    return _subjects[kind]


def explained(kind: str, name: str, **more: Any) -> Explanation:
    """The method on the model, with small budgets, and what it cannot do without."""
    s, knobs = subject(kind), dict(KNOBS.get(name, {}))
    if name in MAPS and kind in SERIES:
        knobs["channels"] = "last"
    if name == "deep_shap":
        more["background"] = s.x
    return CLASSES[name](**knobs)(s.model, s.x, **more)


def finite(e: Explanation) -> None:
    """The values are numbers, all that there are."""
    if isinstance(e, Sensitivity):  # features have as many points as they have values
        assert (np.isfinite(e.values) == np.isfinite(e.grid)).all()
    elif isinstance(e, PairAttribution) and e.players:  # rows have as many pairs as they have regions
        assert all(np.isfinite(v[: len(n), : len(n)]).all() for v, n in zip(e.values, e.players, strict=True))
    else:
        assert np.isfinite(e.values).all()


def shaped(e: Explanation, x: Any) -> None:
    """The values are as the rows are; several inputs lie side by side."""
    finite(e)
    each = (sum(a[0].size for a in x),) if isinstance(x, tuple) else x.shape[1:]
    if isinstance(e, Attribution):
        assert len(e) == len(e.target) == ROWS
        assert e.output.shape == (ROWS,)
        assert e.at or e.values.shape == (ROWS, *each)
    elif isinstance(e, Importance):
        assert e.values.shape == each
    elif isinstance(e, Interactions):
        assert e.values.shape == each * 2
    elif isinstance(e, Curve):
        assert e.values.shape == (len(e.grid), len(e.targets))
    elif isinstance(e, GradientMaps):
        assert e.values.shape[0] == ROWS
        assert e.values.shape[2:] == each
    elif isinstance(e, Units) and e.shapes:
        assert e.values.size == sum(int(np.prod(shape)) for shape in e.shapes)


def shown(e: Explanation, path: Any) -> None:
    """It draws itself, tells itself in both languages, saves itself, and is loaded as it was.

    What is drawn is rendered by the sweep over the same methods in `tests/test_sweep.py`.
    """
    for lang in ("en", "zh"):
        assert len(e.narrate(lang)) > 20
    ax = e.plot()
    assert isinstance(ax, Axes)
    assert ax.has_data() or ax.texts
    back = pellucid.load(e.save(path))
    assert type(back) is type(e)
    np.testing.assert_array_equal(back.values, e.values)


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_every_method_explains_every_kind_of_model_or_says_why_not(kind, name, tmp_path):
    s = subject(kind)
    if (name, kind) in REFUSED:
        with pytest.raises(PellucidError, match=REFUSED[name, kind]):
            explained(kind, name)
    else:
        e = explained(kind, name, **({"at": ZOO[kind].place} if (name, kind) in DEAR else {}))
        shaped(e, s.x)
        shown(e, tmp_path / "why")
        if isinstance(e, Attribution):
            _values[f"{kind}|{name}"] = e.values
    s.is_as_it_was()


@pytest.mark.oracle
@pytest.mark.parametrize(("name", "kind"), DEAR)
def test_all_layers_of_models_that_take_long_to_compile(name, kind, tmp_path):
    e = explained(kind, name)
    shaped(e, subject(kind).x)
    shown(e, tmp_path / "why")
    subject(kind).is_as_it_was()


def test_values_for_the_other_backends():
    if path := os.environ.get("PELLUCID_VALUES"):
        np.savez(path, **_values)  # type: ignore[arg-type]
