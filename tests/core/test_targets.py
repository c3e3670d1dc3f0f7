"""Targets: which scalar of the output is explained, for every way of saying it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid
from pellucid import LogProb, Margin
from pellucid.core import target as targets
from pellucid.core.errors import TargetError

CLASSES = ("cat", "dog", "eel")
Y = np.array([[0.2, 0.5, 0.3], [0.7, 0.1, 0.2], [0.1, 0.2, 0.7], [0.3, 0.4, 0.3]])
ROWS = np.arange(4)
DEEP = np.arange(4 * 3 * 2 * 2.0).reshape(4, 3, 2, 2)


def value(spec: Any, y: Any = Y, **how: Any) -> Any:
    return targets.resolve(spec, y, **{"classes": CLASSES, **how}).value(y, np.arange(len(y)))


def labels(spec: Any, y: Any = Y, classes: Any = CLASSES) -> tuple[str, ...]:
    return targets.resolve(spec, y, classes=classes).labels(classes, len(y))


def error(spec: Any, y: Any = Y, **how: Any) -> str:
    with pytest.raises(TargetError) as caught:
        value(spec, y, **how)
    return str(caught.value)


# -- what may be said -----------------------------------------------------------------------------------------------


def test_none_is_the_predicted_class_of_each_row():
    np.testing.assert_array_equal(value(None), Y.max(1))
    assert labels(None) == ("dog", "cat", "eel", "dog")
    assert labels(None, classes=()) == ("1", "0", "2", "1")


def test_none_is_the_only_output():
    np.testing.assert_array_equal(value(None, Y[:, 0]), Y[:, 0])
    np.testing.assert_array_equal(value(None, Y[:, :1]), Y[:, 0])
    assert labels(None, Y[:, 0], ()) == ("output",) * 4


@pytest.mark.parametrize("spec", [1, np.int64(1), np.uint8(1), -2, (1,), "dog", np.str_("dog")])
def test_one_for_all_rows(spec):
    np.testing.assert_array_equal(value(spec), Y[:, 1])
    assert labels(spec) == ("dog",) * 4


@pytest.mark.parametrize(
    "spec", [np.array(1), torch.tensor(1), np.array(-2)], ids=["numpy", "torch", "negative"]
)
def test_a_number_in_an_array_without_axes_is_a_number(spec):
    """`target=labels[0]` of a tensor of labels."""
    np.testing.assert_array_equal(value(spec), Y[:, 1])
    e = pellucid.Occlusion()(lambda r: r, Y, target=spec)
    assert e.target == ("1",) * 4


@pytest.mark.parametrize(
    "spec",
    [
        [2, 0, 1, -1],
        np.array([2, 0, 1, 2]),
        np.array([2, 0, 1, 2], np.uint8),
        torch.tensor([2, 0, 1, 2]),
        ["eel", "cat", "dog", "eel"],
        np.array(["eel", "cat", "dog", "eel"]),
        [(2,), (0,), (1,), (2,)],
        np.array([[2], [0], [1], [2]]),
    ],
)
def test_one_per_row(spec):
    np.testing.assert_array_equal(value(spec), Y[ROWS, [2, 0, 1, 2]])
    assert labels(spec) == ("eel", "cat", "dog", "eel")


def test_a_pandas_column_of_targets():
    pandas = pytest.importorskip("pandas")
    np.testing.assert_array_equal(
        value(pandas.Series([2, 0, 1, 2], index=list("abcd"))), Y[ROWS, [2, 0, 1, 2]]
    )
    np.testing.assert_array_equal(value(pandas.Series(["eel", "cat", "dog", "eel"])), Y[ROWS, [2, 0, 1, 2]])


def test_an_index_into_deep_outputs():
    np.testing.assert_array_equal(value((2, 1, 0), DEEP), DEEP[:, 2, 1, 0])
    np.testing.assert_array_equal(value((-1, -1, -2), DEEP), DEEP[:, 2, 1, 0])
    assert labels((2, 1, 0), DEEP) == ("(2, 1, 0)",) * 4


def test_axes_left_open_are_summed():
    np.testing.assert_array_equal(value(1, DEEP), DEEP[:, 1].sum((1, 2)))
    np.testing.assert_array_equal(value((1, 0), DEEP), DEEP[:, 1, 0].sum(1))
    np.testing.assert_array_equal(value((), DEEP), DEEP.sum((1, 2, 3)))
    np.testing.assert_array_equal(value([0, 1, 2, 0], DEEP), DEEP[ROWS, [0, 1, 2, 0]].sum((1, 2)))


def test_an_index_per_row_into_deep_outputs():
    spec = [(0, 1, 1), (2, 0, 0), (1, 1, 0), (0, 0, 0)]
    np.testing.assert_array_equal(value(spec, DEEP), [DEEP[(i, *s)] for i, s in enumerate(spec)])


def test_margin():
    np.testing.assert_allclose(value(Margin("dog", "cat")), Y[:, 1] - Y[:, 0])
    np.testing.assert_allclose(value(Margin(1, -3)), Y[:, 1] - Y[:, 0])
    assert labels(Margin("dog", 2)) == ("dog - eel",) * 4


def test_log_prob_of_probabilities_is_the_logarithm():
    np.testing.assert_allclose(value(LogProb("dog"), space="probability"), np.log(Y[:, 1]))
    assert labels(LogProb(1)) == ("log p(dog)",) * 4


def test_log_prob_of_logits_goes_through_the_softmax():
    logits = np.log(Y) + 3.7
    np.testing.assert_allclose(value(LogProb(1), logits), np.log(Y[:, 1]))
    np.testing.assert_allclose(value(LogProb(1), np.array([[1e4, 0.0, -1e4]])), [-1e4])


def test_log_prob_of_a_function_that_gives_probabilities():
    """Outputs that are probabilities are taken as such, whoever computes them."""
    e = pellucid.Occlusion()(
        lambda r: np.exp(r) / np.exp(r).sum(1, keepdims=True), np.log(Y), target=LogProb(1)
    )
    np.testing.assert_allclose(e.output, np.log(Y[:, 1]))


def test_a_log_probability_is_not_called_a_probability():
    """What is explained counts in something else than the outputs do."""
    from sklearn.linear_model import LogisticRegression

    X = np.random.default_rng(0).normal(size=(60, 3))
    model = LogisticRegression().fit(X, X[:, 0] > 0)
    e = pellucid.Occlusion()(model, X[:2], target=LogProb(1))
    assert (e.output < 0).all()
    assert e.space != "probability"


@pytest.mark.parametrize("y", [Y[:, 0], DEEP], ids=["one output", "deep"])
def test_log_prob_needs_one_axis_of_classes(y):
    assert "LogProb" in error(LogProb(0), y) or "class" in error(LogProb(0), y)


def test_a_function_of_the_output():
    def spread(y: np.ndarray) -> np.ndarray:
        return y.max(1) - y.min(1)

    np.testing.assert_allclose(value(spread), Y.max(1) - Y.min(1))
    assert labels(spread) == ("spread",) * 4


def test_a_per_row_target_follows_its_row_in_parts():
    """`rows` says which entries of a per-row target are asked for."""
    goal = targets.resolve([2, 0, 1, 2], Y)
    np.testing.assert_array_equal(goal.value(Y[[3, 1]], np.array([3, 1])), [Y[3, 2], Y[1, 0]])
    np.testing.assert_array_equal(goal.value(Y[[1, 1, 1]], np.array([1, 1, 1])), [Y[1, 0]] * 3)


# -- derivatives ----------------------------------------------------------------------------------------------------

SPECS = [None, 1, -1, "eel", [2, 0, 1, 2], Margin(0, 2), LogProb(1)]


@pytest.mark.parametrize("probabilities", [False, True])
@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_cotangents_are_the_derivatives(spec, probabilities):
    y = torch.tensor(Y, requires_grad=True)
    goal = targets.resolve(spec, y.detach(), classes=CLASSES, space="probability" if probabilities else "raw")
    (expected,) = torch.autograd.grad(goal.value(y, ROWS).sum(), y)
    found = goal.cotangent(y.detach(), ROWS)
    torch.testing.assert_close(found, expected)
    np.testing.assert_allclose(goal.cotangent(Y, ROWS), expected.numpy())


@pytest.mark.parametrize("spec", [(1, 0), (2, 1, 1), 0, (), [(0, 1), (1, 0), (2, 1), (0, 0)]], ids=str)
def test_cotangents_of_deep_outputs(spec):
    y = torch.tensor(DEEP, requires_grad=True)
    goal = targets.resolve(spec, y.detach())
    (expected,) = torch.autograd.grad(goal.value(y, ROWS).sum(), y)
    torch.testing.assert_close(goal.cotangent(y.detach(), ROWS), expected)


@settings(deadline=None)
@given(st.integers(-3, 2), st.integers(0, 2))
def test_a_margin_is_the_difference_of_its_two(a, b):
    np.testing.assert_allclose(value(Margin(a, b)), value(a) - value(b))


# -- refused --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", [3, -4, [0, 1, 3, 0], (3,), Margin(0, 3), LogProb(7)], ids=str)
def test_outside_the_output(spec):
    text = error(spec)
    assert "is outside output axis 0 of size 3." in text
    assert text.endswith("Choose 0..2.")


def test_outside_a_deep_output():
    assert error((0, 2, 0), DEEP) == "Target 2 is outside output axis 1 of size 2. Choose 0..1."


def test_too_many_indices():
    text = error((1, 2))
    assert "The target has 2 indices, the output 1 axes." in text
    assert "(1, 2)" in text
    assert "1 indices, the output 0 axes" in error(1, Y[:, 0])


def test_an_unknown_class_suggests_the_nearest():
    assert error("dig") == "There is no class 'dig'. Did you mean 'dog'?"
    assert error(["cat", "dog", "eel", "ell"]) == "There is no class 'ell'. Did you mean 'eel'?"
    assert error("zebra") == "There is no class 'zebra'. Choose one of cat, dog, eel."


def test_a_name_where_none_are_known():
    assert (
        error("dog", classes=())
        == "Class 'dog' has no number: no class names are known. Pass classes=[...] with it."
    )


def test_as_many_targets_as_rows():
    assert error([0, 1, 2]) == "3 targets were given for 4 rows. Pass one target, or one per row."
    assert error([]) == "0 targets were given for 4 rows. Pass one target, or one per row."
    assert error(["cat"]) == "1 targets were given for 4 rows. Pass one target, or one per row."


@pytest.mark.parametrize("spec", [np.ones(4), [0.5, 1.5, 2.5, 0.5]], ids=["numpy", "list"])
def test_targets_are_whole_numbers(spec):
    assert error(spec) == "Targets must be whole numbers or names. Got dtype float64."


@pytest.mark.parametrize("spec", [1.0, True, {"cat": 1}, object()], ids=["float", "bool", "dict", "object"])
def test_what_is_no_target(spec):
    text = error(spec)
    assert text.startswith("This is not a target. Got ")
    assert text.endswith("Pass a class number, a name, or one per row.")


def test_targets_of_unequal_length_per_row():
    error([(0, 1), (1,), (0, 0), (1, 1)], DEEP)


def test_deep_outputs_need_a_target():
    assert error(None, DEEP) == (
        "The output has 3 axes (3, 2, 2), so no class is predicted for a whole row. "
        "Pass target= an index into them; the axes left open are summed."
    )


def test_a_function_gives_one_number_per_row():
    text = error(lambda y: y)
    assert text == (
        "A target function must give one number per row. Got shape (4, 3) for 4 rows. Return an array of shape (rows,)."
    )
    assert "shape ()" in error(lambda y: y.sum())


def test_a_function_without_derivatives():
    goal = targets.resolve(lambda y: y[:, 0], Y)
    with pytest.raises(TargetError, match=r"cannot differentiate a target function. Pass a class instead"):
        goal.cotangent(Y, ROWS)


@pytest.mark.parametrize(
    ("y", "known", "space"),
    [
        (Y, "", "probability"),
        (Y * 2, "", "logit"),
        (Y[:, 0], "", "raw"),
        (Y, "raw", "raw"),
        (Y[:, :1], "", "raw"),
    ],
)
def test_what_outputs_count_in(y, known, space):
    assert targets.space_of(y, known) == space
