"""Whatever the caller calls data is read once, rows first."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import pellucid
from pellucid.core.errors import CapabilityError, DataError, ShapeError
from pellucid.core.features import Columns, Features, Pixels
from pellucid.core.intake import read
from tests import nets

ROWS = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
ARRAY = np.array(ROWS)
NET = nets.seeded(lambda: nn.Linear(3, 2))
CNN = nets.seeded(nets.PoolCNN)


class HasPredict:
    """A model that is no function: it is given NumPy."""

    def predict(self, rows: np.ndarray) -> np.ndarray:
        return rows.sum(1)


def total(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows, float).reshape(len(rows), -1).sum(1)


def x_of(x: Any, model: Any = total, **how: Any) -> np.ndarray:
    return read(model, x, **how).x


# -- tables ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "x",
    [
        ROWS,
        ARRAY,
        ARRAY.astype(np.float32),
        ARRAY.astype(int),
        ARRAY.astype(np.uint8),
        [np.array(r) for r in ROWS],
        [tuple(r) for r in ROWS],
        np.asfortranarray(ARRAY),
        ARRAY[::-1][::-1],
    ],
)
def test_rows(x):
    out = x_of(x)
    np.testing.assert_array_equal(out, ARRAY)
    assert out.dtype.kind == "f"


@pytest.mark.parametrize("x", [ROWS[0], ARRAY[0], ARRAY[0].astype(int)])
def test_one_row(x):
    np.testing.assert_array_equal(x_of(x), ARRAY[:1])
    assert pellucid.Occlusion()(total, x).values.shape == (1, 3)
    assert pellucid.Occlusion()(NET, x).values.shape == (1, 3)


def test_many_rows_of_a_model_with_one_column():
    from sklearn.linear_model import LinearRegression

    model = LinearRegression().fit(np.arange(4.0)[:, None], np.arange(4.0))
    assert x_of(np.arange(3.0)[:, None], model).shape == (3, 1)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64])
def test_tensors_for_a_network(dtype):
    data = read(NET, torch.tensor(ROWS).to(dtype))
    np.testing.assert_array_equal(data.x, ARRAY)
    assert data.inputs[0].dtype == torch.float32


def test_tensors_with_gradients_and_for_other_models():
    from sklearn.linear_model import LinearRegression

    np.testing.assert_array_equal(x_of(torch.tensor(ROWS, requires_grad=True), NET), ARRAY)
    model = LinearRegression().fit(np.random.default_rng(0).normal(size=(9, 3)), np.arange(9.0))
    np.testing.assert_array_equal(x_of(torch.tensor(ROWS, requires_grad=True), model), ARRAY)


def test_half_tensors_for_other_models():
    for dtype in (torch.float16, torch.bfloat16):
        np.testing.assert_array_equal(x_of(torch.tensor(ROWS, dtype=dtype), HasPredict()), ARRAY)


def test_a_function_of_tensors_is_given_tensors():
    seen: list[Any] = []

    def f(t: torch.Tensor) -> torch.Tensor:
        seen.append(type(t))
        return t.sum(1)

    pellucid.Saliency()(f, torch.tensor(ROWS))
    assert set(seen) == {torch.Tensor}


def test_the_callers_array_is_left_as_it_is():
    x = ARRAY.copy()
    pellucid.Occlusion()(NET, x)
    pellucid.KernelShap()(total, x, baseline=0.0)
    np.testing.assert_array_equal(x, ARRAY)


def test_booleans_are_numbers():
    np.testing.assert_array_equal(x_of(ARRAY > 2), (ARRAY > 2).astype(float))


# -- frames ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_keep_names_and_index(library):
    module = pytest.importorskip(library)
    frame = module.DataFrame({"a": [1.0, 4.0], "b": [2.0, 5.0], "c": [3.0, 6.0]})
    data = read(NET, frame)
    np.testing.assert_array_equal(data.x, ARRAY)
    assert data.features == Columns(("a", "b", "c"))
    assert data.frame == library
    assert data.index == ((0, 1) if library == "pandas" else ())


def test_the_index_comes_back_on_the_frame():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(ARRAY, columns=list("abc"), index=["first", "second"])
    back = pellucid.Occlusion()(NET, frame, target=0).to_frame()
    assert list(back.index) == ["first", "second"]
    assert list(back.columns) == ["a", "b", "c"]


def test_words_for_a_network_are_refused_by_column():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0], "b": ["x"], "c": [2.0]})
    with pytest.raises(
        DataError, match=r"takes numbers, column 'b' holds categories. Encode them as it was trained"
    ):
        read(NET, frame)


def test_a_background_frame_brings_its_categories():
    pandas = pytest.importorskip("pandas")

    def f(frame: Any) -> np.ndarray:
        return frame["a"].map({"u": 1.0, "v": 2.0, "w": 5.0}).to_numpy() * frame["b"].to_numpy()

    x = pandas.DataFrame({"a": ["v"], "b": [3.0]})
    background = pandas.DataFrame({"a": ["u", "w"], "b": [1.0, 0.0]})
    e = pellucid.KernelShap()(f, x, background=background)
    np.testing.assert_allclose(e.output, 6)
    np.testing.assert_allclose(e.base, 0.5)
    np.testing.assert_allclose(e.residual, 0, atol=1e-12)


# -- pictures -------------------------------------------------------------------------------------------------------


def test_pictures():
    Image = pytest.importorskip("PIL.Image")
    pixels = np.arange(8 * 8, dtype=np.uint8).reshape(8, 8) * 4
    grey = Image.fromarray(pixels)
    data = read(CNN, grey)
    assert data.x.shape == (1, 1, 8, 8)
    np.testing.assert_allclose(data.x[0, 0], pixels / 255, rtol=1e-6)
    assert data.features == Pixels("first")
    assert read(CNN, [grey, grey]).x.shape == (2, 1, 8, 8)
    colour = Image.fromarray(np.stack([pixels] * 3 + [pixels * 0 + 255], -1), "RGBA")
    assert read(total, colour).x.shape == (1, 3, 8, 8)
    with pytest.raises(ShapeError, match=r"The pictures have different sizes"):
        read(CNN, [grey, grey.resize((4, 4))])


def test_one_image_without_a_row_axis():
    assert x_of(np.zeros((1, 8, 8)), CNN).shape == (1, 1, 8, 8)
    assert x_of(torch.zeros(1, 8, 8), CNN).shape == (1, 1, 8, 8)
    assert x_of(np.zeros((5, 1, 8, 8)), CNN).shape == (5, 1, 8, 8)


# -- several inputs -------------------------------------------------------------------------------------------------


def two(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return left.sum(1) * right.reshape(len(right), -1).sum(1)


def test_several_inputs_of_a_network():
    net = nets.seeded(nets.TwoInputs)
    inputs = (nets.rows(3, 4), nets.rows(3, 1, 3, 3, seed=1))
    for x in (inputs, tuple(t.numpy() for t in inputs), {"left": inputs[0], "right": inputs[1]}):
        e = pellucid.Occlusion()(net, x, target=0)
        assert e.values.shape == (3, 13)
        parts = list(e.part.values())
        assert [p.shape for p in parts] == [(3, 4), (3, 1, 3, 3)]


@pytest.mark.parametrize(
    "method", [pellucid.Occlusion(), pellucid.KernelShap(budget=200)], ids=["occlusion", "kernel_shap"]
)
def test_several_inputs_of_a_function(method):
    inputs = (np.ones((3, 4)), np.full((3, 2, 2), 2.0))
    e = method(two, inputs)
    assert e.values.shape == (3, 8)
    np.testing.assert_allclose(e.output, 4 * 8)
    assert e.part["input 1"].shape == (3, 2, 2)


def test_features_are_not_dropped_in_silence_where_there_are_several_inputs():
    """`features=` is used, or refused."""
    net = nets.seeded(nets.TwoInputs)
    inputs = (nets.rows(3, 4), nets.rows(3, 1, 3, 3, seed=1))
    given = Columns(tuple(f"feature {i}" for i in range(13)))
    try:
        e = pellucid.Occlusion()(net, inputs, target=0, features=given)
    except pellucid.PellucidError:
        return
    assert e.features == given


def test_inputs_by_name_are_for_networks():
    with pytest.raises(
        CapabilityError, match=r"Inputs by name are for networks. Got two.*Pass a tuple of arrays"
    ):
        read(two, {"left": ARRAY, "right": ARRAY})


def test_inputs_of_different_lengths():
    with pytest.raises(ShapeError, match=r"The inputs have different numbers of rows. Got \[2, 1\]"):
        read(two, (ARRAY, ARRAY[:1]))


@pytest.mark.parametrize("x", [(), {}], ids=["tuple", "dict"])
def test_no_inputs(x):
    with pytest.raises(DataError, match=r"There are no inputs. Pass at least one array"):
        read(two, x)


# -- refused --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [3.0, np.float64(3), np.array(3.0), torch.tensor(3.0)], ids=str)
def test_one_number_is_no_row(x):
    with pytest.raises(ShapeError, match=r"One number is no row"):
        read(total, x)


@pytest.mark.parametrize("model", [total, NET], ids=["function", "network"])
@pytest.mark.parametrize("x", [[], np.zeros((0, 3)), np.zeros((0, 1, 8, 8))], ids=["list", "table", "images"])
def test_no_rows(model, x):
    with pytest.raises(
        DataError, match=r"There are no rows to explain. Got shape \(0.*Pass at least one row"
    ):
        read(model, x)


def test_no_rows_of_a_frame_and_a_tensor():
    pandas = pytest.importorskip("pandas")
    with pytest.raises(DataError, match=r"There are no rows to explain"):
        read(total, pandas.DataFrame({"a": []}))
    with pytest.raises(DataError, match=r"There are no rows to explain"):
        read(NET, torch.zeros(0, 3))


def test_ragged_rows():
    with pytest.raises(ShapeError, match=r"The rows do not have the same shape. Pass rows of equal length"):
        read(total, [[1.0, 2.0], [3.0]])


@pytest.mark.parametrize(
    "x",
    [np.array([1 + 2j, 3]), np.array(["2026-01-01"], "M8[D]"), [["a"], ["b"]]],
    ids=["complex", "dates", "words"],
)
def test_what_is_no_number(x):
    with pytest.raises(DataError, match=r"The data must be numbers"):
        read(total, x)


def test_text_is_read_word_by_word():
    data = read(total, "what a film")
    assert data.features.row(0) == ("what", "a", "film")
    np.testing.assert_array_equal(data.x, [[1, 2, 3]])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_named_with_their_place(value):
    x = ARRAY.copy()
    x[1, 2] = value
    with pytest.raises(
        DataError, match=f"Row 1 holds {'NaN' if np.isnan(value) else 'infinity'} in column 2"
    ):
        read(NET, x)
    images = np.zeros((3, 1, 8, 8))
    images[2, 0, 4, 5] = value
    with pytest.raises(DataError, match=r"Row 2 holds .* in place \[0, 4, 5\]"):
        read(CNN, images)


def test_features_that_do_not_describe_the_rows():
    with pytest.raises(ShapeError, match=r"2 columns are described, the data has 3"):
        read(total, ARRAY, features=Columns(("a", "b")))
    with pytest.raises(ShapeError, match=r"describes 3 axes a row"):
        read(total, ARRAY, features=Pixels())


@pytest.mark.parametrize("model", [3, "resnet18", None, object()], ids=lambda v: type(v).__name__)
def test_what_is_no_model(model):
    with pytest.raises(
        CapabilityError, match=r"This is no model pellucid knows. Got .*Pass a function of an array"
    ):
        read(model, ARRAY)


def test_arrays_without_a_kind():
    assert read(total, np.zeros((2, 5, 7))).features == Features()
    assert read(total, np.zeros((2, 5, 7)), features=pellucid.Pixels("none")).features == Pixels("none")
