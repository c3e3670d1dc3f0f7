"""Any function of arrays, and any object with `predict`."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

import pellucid
from pellucid.core.errors import CapabilityError, DataError, PellucidError
from pellucid.core.model import Differentiable, Model

X = np.random.default_rng(0).normal(size=(4, 3))
W = np.random.default_rng(1).normal(size=(3, 2))
OCCLUSION = pellucid.Occlusion()
Pair = namedtuple("Pair", "first second")


@dataclass
class Answer:
    """A result object of someone's own."""

    logits: np.ndarray
    hidden: np.ndarray


def outputs(f: Any, **how: Any) -> np.ndarray:
    e = OCCLUSION(f, X, target=0, **how)
    return e.output


@pytest.mark.parametrize(
    "f",
    [
        lambda r: r @ W,
        lambda r: (r @ W).tolist(),
        lambda r: [tuple(row) for row in r @ W],
        lambda r: torch.from_numpy(r @ W),
        lambda r: torch.from_numpy(r @ W).requires_grad_(),
        lambda r: (r @ W).astype(object),
        lambda r: {"logits": r @ W, "hidden": r},
        lambda r: {"only": r @ W},
        lambda r: Answer(r @ W, r),
        lambda r: (r @ W,),
    ],
    ids=[
        "array",
        "list",
        "tuples",
        "tensor",
        "tensor with grad",
        "objects",
        "logits",
        "only",
        "dataclass",
        "one tuple",
    ],
)
def test_what_a_function_may_return(f):
    np.testing.assert_allclose(outputs(f), (X @ W)[:, 0])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int32, bool])
def test_types_of_numbers(dtype):
    e = OCCLUSION(lambda r: (r @ W > 0).astype(dtype), X, target=0)
    np.testing.assert_array_equal(e.output, (X @ W > 0)[:, 0])
    assert e.values.dtype.kind == "f"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int64])
def test_types_of_tensors(dtype):
    e = OCCLUSION(lambda r: torch.from_numpy(np.round(r @ W)).to(dtype), X, target=0)
    np.testing.assert_array_equal(e.output, np.round(X @ W)[:, 0])


def test_one_number_per_row():
    for f in (
        lambda r: r[:, 0],
        lambda r: r[:, 0].tolist(),
        lambda r: r[:, :1],
        lambda r: torch.tensor(r[:, 0]),
    ):
        np.testing.assert_allclose(OCCLUSION(f, X).output, X[:, 0])


@pytest.mark.parametrize(
    ("f", "output"),
    [
        (lambda r: (r, r @ W), 1),
        (lambda r: [r, r @ W], 1),
        (lambda r: {"a": r, "b": r @ W}, "b"),
        (lambda r: Pair(r, r @ W), "second"),
        (lambda r: Pair(r, r @ W), 1),
        (lambda r: Answer(r, r @ W), "hidden"),
        (lambda r: (r.tolist(), (r @ W).tolist()), 1),
    ],
    ids=["tuple", "list", "dict", "named", "named by number", "dataclass", "lists"],
)
@pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")
def test_output_picks_one_of_several(f, output):
    np.testing.assert_allclose(outputs(f, output=output), (X @ W)[:, 0])
    np.testing.assert_allclose(
        pellucid.PermutationImportance(repeats=1)(f, X, output=output, target=0).values,
        pellucid.PermutationImportance(repeats=1)(lambda r: r @ W, X, target=0).values,
    )


def test_several_outputs_and_none_chosen():
    with pytest.raises(
        CapabilityError, match=r"The model returns 2 outputs: 'a', 'b'. Choose one with output=."
    ):
        OCCLUSION(lambda r: {"a": r, "b": r}, X)
    with pytest.raises(CapabilityError, match=r"The model returns 2 outputs: 0, 1. Choose one with output=."):
        OCCLUSION(lambda r: (r, r), X)


def test_an_output_that_is_not_there():
    with pytest.raises(CapabilityError, match=r"The model has no output 'logit'. Did you mean 'logits'?"):
        OCCLUSION(lambda r: {"logits": r, "hidden": r}, X, output="logit")
    with pytest.raises(CapabilityError, match=r"The model has no output 2"):
        OCCLUSION(lambda r: (r, r), X, output=2)


@pytest.mark.parametrize(
    ("f", "shape"),
    [
        (lambda r: r[:2], r"\(2, 3\)"),
        (lambda r: r.sum(), r"\(\)"),
        (lambda r: r.T, r"\(3, 4\)"),
        (lambda r: np.concatenate([r, r]), r"\(8, 3\)"),
    ],
    ids=["fewer", "none", "turned", "more"],
)
def test_another_number_of_rows(f, shape):
    with pytest.raises(
        CapabilityError, match=rf"The function gave shape {shape} for 4 rows.*one output per row"
    ) as caught:
        OCCLUSION(f, X)
    assert len(caught.value.__notes__) == 1


def test_words_instead_of_numbers_are_named():
    """`model.predict` of a classifier with named classes is a common slip: the error is ours and says what to pass."""
    with pytest.raises(PellucidError) as caught:
        OCCLUSION(lambda r: np.where(r[:, 0] > 0, "yes", "no"), X)
    assert "number" in str(caught.value)


def test_nan_from_the_function_is_named_with_its_row():
    def f(r: np.ndarray) -> np.ndarray:
        return np.where(r[:, 0] == X[2, 0], np.nan, r[:, 0])

    with pytest.raises(DataError, match=r"holds NaN or infinity for row 2"):
        OCCLUSION(f, X)
    with pytest.raises(DataError, match=r"holds NaN or infinity for row 2"):
        pellucid.PermutationImportance()(f, X)


def test_nan_only_where_features_are_hidden():
    def f(r: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.log(np.abs(r[:, 1]))

    with pytest.raises(
        DataError, match=r"NaN or infinity for row 0 with features hidden. Choose another masker"
    ):
        OCCLUSION(f, X)


def test_the_functions_own_error_arrives_intact():
    def f(r: np.ndarray) -> np.ndarray:
        raise ZeroDivisionError("my own")

    with pytest.raises(ZeroDivisionError) as caught:
        OCCLUSION(f, X, target=0)
    assert str(caught.value) == "my own"
    (note,) = caught.value.__notes__
    assert (
        note
        == "pellucid: while Occlusion(window=None, strides=None) explained function on x (4, 3), target=0"
    )


def test_objects_that_predict():
    class Model_:
        def predict(self, rows: np.ndarray) -> np.ndarray:
            return rows @ W

    e = OCCLUSION(Model_(), X)
    np.testing.assert_allclose(e.output, (X @ W).max(1))
    assert e.provenance.model == "Model_ (function)"


def test_callable_objects_and_bound_methods():
    class Both:
        def __call__(self, rows: np.ndarray) -> np.ndarray:
            return rows @ W

    np.testing.assert_allclose(outputs(Both()), (X @ W)[:, 0])
    np.testing.assert_allclose(outputs(Both().__call__), (X @ W)[:, 0])


def test_wrapped_models_are_models():
    model = pellucid.wrap(lambda r: r @ W)
    assert isinstance(model, Model)
    assert not isinstance(model, Differentiable)
    assert pellucid.wrap(model) is model
    np.testing.assert_allclose(outputs(model), (X @ W)[:, 0])


def test_a_function_of_frames_is_given_frames():
    pandas = pytest.importorskip("pandas")

    def f(frame: Any) -> Any:
        return frame["a"] * 2 + (frame["b"] == "x")

    frame = pandas.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
    e = pellucid.KernelShap()(f, frame, background=frame)
    np.testing.assert_allclose(e.output, [3, 4])
    np.testing.assert_allclose(e.values, [[-1, 0.5], [1, -0.5]], atol=1e-12)


def test_the_global_stream_is_given_back():
    """A function that draws random numbers leaves the caller's stream as it was."""
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    OCCLUSION(lambda r: r[:, 0] + 0 * np.random.random(len(r)), X)  # noqa: NPY002
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_a_function_cannot_change_what_is_explained():
    def f(r: np.ndarray) -> np.ndarray:
        out = r @ W
        r[:] = 0
        return out

    rows = X.copy()
    e = OCCLUSION(f, rows, target=0)
    np.testing.assert_array_equal(rows, X)
    np.testing.assert_allclose(e.values, X * W[:, 0], atol=1e-12)
