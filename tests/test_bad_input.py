"""Bad input: each kind has an error of its own, which names what was given and what to do, and carries one note."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from torch import nn

import pellucid
from pellucid import Neuron
from pellucid.core.errors import (
    CapabilityError,
    DataError,
    FileError,
    LayerError,
    ParameterError,
    PellucidError,
    ShapeError,
    TargetError,
)
from tests import nets

X, Y = load_iris(return_X_y=True)
FOREST = RandomForestClassifier(5, random_state=0).fit(X, np.array(["setosa", "versicolor", "virginica"])[Y])
NET = nets.seeded(lambda: nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)))
CNN = nets.seeded(nets.PoolCNN)
ROWS, IMAGES = X[::50], nets.rows(3, 1, 8, 8)

GRADIENT = [
    pellucid.Saliency(),
    pellucid.InputXGradient(),
    pellucid.IntegratedGradients(),
    pellucid.NoiseTunnel(),
]
BLACK_BOX = [pellucid.Occlusion(), pellucid.KernelShap()]
ROWWISE = [*GRADIENT, *BLACK_BOX]
by_row = pytest.mark.parametrize("method", ROWWISE, ids=lambda m: m.name)
COMPARING = [
    pellucid.IntegratedGradients(),
    pellucid.NoiseTunnel(of=pellucid.IntegratedGradients()),
    *BLACK_BOX,
]
by_comparing = pytest.mark.parametrize("method", COMPARING, ids=lambda m: m.name)
by_gradient = pytest.mark.parametrize("method", [*GRADIENT, pellucid.GradCAM()], ids=lambda m: m.name)


def state(net: nn.Module) -> list[Any]:
    """Everything of a network that an explanation could leave changed."""
    out: list[Any] = [m.training for m in net.modules()]
    for module in net.modules():
        out += [len(module._forward_hooks), len(module._forward_pre_hooks), len(module._backward_hooks)]
    for p in net.parameters():
        out += [p.detach().numpy().tobytes(), p.requires_grad, p.grad]
    out += [b.numpy().tobytes() for b in net.buffers()]
    return [*out, torch.random.get_rng_state().numpy().tobytes(), torch.is_grad_enabled()]


@pytest.fixture(autouse=True)
def networks_are_left_as_they_were() -> Iterator[None]:
    """After every error of this file, and whatever was done before it."""
    CNN.train()  # so that being put into evaluation mode and back is seen
    before, numpy_before = [state(NET), state(CNN)], np.random.get_state()[1].copy()  # noqa: NPY002
    yield
    assert [state(NET), state(CNN)] == before
    assert (np.random.get_state()[1] == numpy_before).all()  # noqa: NPY002


def refused(kind: type[Exception], *parts: str, call: Callable[[], Any]) -> Exception:
    """`call` raises exactly `kind`; every part is in its message; it carries one note of ours."""
    with pytest.raises(PellucidError) as caught:
        call()
    error = caught.value
    assert type(error) is kind, f"{type(error).__name__}: {error}"
    for part in parts:
        assert part in str(error), f"{part!r} is not in {str(error)!r}"
    notes = [n for n in getattr(error, "__notes__", ()) if n.startswith("pellucid: while ")]
    assert len(notes) == 1, notes
    return error


# -- targets --------------------------------------------------------------------------------------------------------


@by_row
@pytest.mark.parametrize("target", [3, -4, 12, [0, 1, 3]], ids=str)
def test_a_target_out_of_range(method, target):
    worst = 3 if isinstance(target, list) else target
    refused(
        TargetError,
        f"Target {worst} is outside output axis 0 of size 3.",
        "Choose 0..2.",
        call=lambda: method(NET, ROWS, target=target),
    )


def test_a_target_out_of_range_of_a_table():
    refused(
        TargetError,
        "Target 3 is outside output axis 0 of size 3.",
        "Choose 0..2.",
        call=lambda: pellucid.PermutationImportance(repeats=1)(FOREST, X, target=3),
    )


@by_row
def test_an_unknown_class_name(method):
    refused(
        TargetError,
        "There is no class 'setossa'.",
        "Did you mean 'setosa'?",
        call=lambda: method(NET, ROWS, target="setossa", classes=["setosa", "versicolor", "virginica"]),
    )


@by_row
def test_a_class_name_where_none_are_known(method):
    refused(
        TargetError,
        "Class 'setosa' has no number",
        "Pass classes=[...]",
        call=lambda: method(NET, ROWS, target="setosa"),
    )


@pytest.mark.parametrize("method", BLACK_BOX, ids=lambda m: m.name)
def test_an_unknown_class_of_a_forest(method):
    refused(
        TargetError,
        "There is no class 'virginia'.",
        "Did you mean 'virginica'?",
        call=lambda: method(FOREST, ROWS, target="virginia"),
    )


@by_row
def test_another_number_of_targets_than_rows(method):
    refused(
        TargetError,
        "2 targets were given for 3 rows.",
        "Pass one target, or one per row.",
        call=lambda: method(NET, ROWS, target=[0, 1]),
    )


# -- shapes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "method", [*BLACK_BOX, pellucid.PermutationImportance(repeats=1)], ids=lambda m: m.name
)
@pytest.mark.parametrize("columns", [3, 5])
def test_a_wrong_number_of_columns_for_a_forest(method, columns):
    refused(
        ShapeError,
        f"The model takes 4 columns. Got {columns}.",
        "Pass the columns it was fitted on.",
        call=lambda: method(FOREST, np.ones((2, columns))),
    )


@by_row
@pytest.mark.parametrize("columns", [3, 5])
def test_a_wrong_number_of_columns_for_a_network(method, columns):
    """A network whose first layer says how wide its rows are."""
    refused(
        ShapeError,
        "4 columns",
        f", {columns}).",
        "Pass (rows, 4).",
        call=lambda: method(NET, np.ones((2, columns))),
    )


@by_row
def test_a_wrong_shape_for_a_network_is_its_own_error_with_our_note(method):
    """What only the forward pass can know arrives intact, with one sentence added."""
    with pytest.raises((RuntimeError, PellucidError)) as caught:
        method(CNN, np.ones((2, 3, 8, 8)), target=0)
    assert len([n for n in caught.value.__notes__ if n.startswith("pellucid: while ")]) == 1
    assert "x (2, 3, 8, 8)" in caught.value.__notes__[-1]


@by_row
def test_rows_of_different_lengths(method):
    refused(
        ShapeError,
        "The rows do not have the same shape.",
        "Pass rows of equal length.",
        call=lambda: method(NET, [[1.0, 2.0], [3.0]]),
    )


@by_row
def test_one_number(method):
    refused(
        ShapeError, "One number is no row. Got 3.0.", "Pass rows of features.", call=lambda: method(NET, 3.0)
    )


@by_row
def test_features_of_another_width(method):
    refused(
        ShapeError,
        "2 columns are described, the data has 4.",
        "Give one name per column.",
        call=lambda: method(NET, ROWS, features=pellucid.Columns(("a", "b"))),
    )


def test_a_table_of_images():
    refused(
        ShapeError,
        "Permutation importance is for tables, (rows, columns).",
        "Got shape (3, 1, 8, 8).",
        call=lambda: pellucid.PermutationImportance()(CNN, IMAGES),
    )


# -- NaN ------------------------------------------------------------------------------------------------------------


@by_row
@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "infinity")])
def test_nan_in_a_row(method, value, word):
    x = ROWS.copy()
    x[2, 1] = value
    refused(
        DataError, f"Row 2 holds {word} in column 1.", "Fill it in, drop the row", call=lambda: method(NET, x)
    )
    refused(
        DataError,
        f"Row 2 holds {word} in column 1.",
        "Fill it in",
        call=lambda: method(NET, torch.from_numpy(x).float()),
    )


@by_row
def test_nan_in_an_image(method):
    x = IMAGES.clone()
    x[1, 0, 2, 3] = torch.nan
    refused(DataError, "Row 1 holds NaN in place [0, 2, 3].", "Fill it in", call=lambda: method(CNN, x))


class Broken(nn.Module):
    """Gives NaN for rows whose first number is large."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(x) + torch.where(x[:, :1] > 6, torch.nan, 0.0)


@by_row
def test_nan_from_the_model(method):
    x = np.array([ROWS[0], [7.0, 1, 1, 1], ROWS[0]])
    for target in (None, 1):
        refused(
            DataError,
            "The output of the model holds NaN or infinity for row 1.",
            "Check the model on this row",
            call=lambda t=target: method(nets.seeded(Broken), x, target=t),
        )


def test_nan_from_the_model_on_a_table():
    x = np.array([ROWS[0], [7.0, 1, 1, 1], ROWS[0]])
    refused(
        DataError,
        "The output of the model holds NaN or infinity for row 1.",
        "Check",
        call=lambda: pellucid.PermutationImportance(repeats=1)(nets.seeded(Broken), x),
    )


@pytest.mark.parametrize("method", BLACK_BOX, ids=lambda m: m.name)
def test_nan_from_the_model_only_at_the_baseline(method):
    refused(
        DataError,
        "NaN or infinity for row 0 with features hidden.",
        "Choose another masker or background",
        call=lambda: method(nets.seeded(Broken), ROWS[:1], baseline=9.0),
    )


def test_nan_from_the_model_at_the_baseline_of_a_path():
    refused(
        DataError,
        "NaN or infinity for row 0",
        "Check",
        call=lambda: pellucid.IntegratedGradients()(nets.seeded(Broken), ROWS[:1], baseline=9.0, target=0),
    )


# -- layers and gradients -------------------------------------------------------------------------------------------


@by_gradient
def test_an_unknown_layer(method):
    refused(
        LayerError, "conv11", "Did you mean 'conv1'", call=lambda: method(CNN, IMAGES, target=0, at="conv11")
    )


@by_row
def test_a_neuron_of_an_unknown_layer(method):
    refused(
        LayerError,
        "conv11",
        "Did you mean 'conv1'",
        call=lambda: method(CNN, IMAGES, target=Neuron("conv11", (0, 0, 0))),
    )


@by_row
def test_a_neuron_that_is_not_there(method):
    refused(
        TargetError,
        "Target 99 is outside output axis 0 of size 8.",
        "Choose 0..7.",
        call=lambda: method(CNN, IMAGES, target=Neuron("conv1", (99, 0, 0))),
    )


@by_gradient
def test_a_place_that_cannot_be_read(method):
    refused(
        LayerError,
        "This is no place in a network. Got 'conv1['",
        "Write",
        call=lambda: method(CNN, IMAGES, at="conv1["),
    )


@by_gradient
@pytest.mark.parametrize("model", [FOREST, lambda r: r[:, 0]], ids=["forest", "function"])
def test_a_model_without_gradients(method, model):
    refused(
        CapabilityError,
        f"{type(method).__name__} needs gradients.",
        "Use a perturbation method, such as KernelShap or Occlusion.",
        call=lambda: method(model, ROWS),
    )


@pytest.mark.parametrize("method", BLACK_BOX, ids=lambda m: m.name)
def test_a_neuron_of_a_model_without_layers(method):
    refused(
        CapabilityError,
        "This model has no layers.",
        "RandomForest",
        call=lambda: method(FOREST, ROWS, target=Neuron("a", 0)),
    )


@by_row
def test_what_is_no_model(method):
    refused(
        CapabilityError,
        "This is no model pellucid knows. Got str.",
        "Pass a function of an array instead.",
        call=lambda: method("resnet18", ROWS),
    )


# -- rows, baselines, places ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [*ROWWISE, pellucid.PermutationImportance()], ids=lambda m: m.name)
@pytest.mark.parametrize("x", [np.zeros((0, 4)), [], torch.zeros(0, 4)], ids=["array", "list", "tensor"])
def test_an_empty_batch(method, x):
    refused(DataError, "There are no rows to explain.", "Pass at least one row.", call=lambda: method(NET, x))


@by_comparing
@pytest.mark.parametrize("shape", [(3,), (5,), (2, 4), (3, 5), (1, 3, 4)], ids=str)
def test_a_baseline_of_another_shape(method, shape):
    refused(
        ShapeError,
        "A baseline must have the shape of a row (4,) or of all rows (3, 4).",
        f"Got shape {shape}.",
        call=lambda: method(NET, ROWS, baseline=np.zeros(shape)),
    )


@by_gradient
def test_a_baseline_that_nothing_is_compared_with(method):
    """A baseline or a background is used or refused, never ignored."""
    if method.compares:
        return
    for given in ({"baseline": "zeros"}, {"background": IMAGES}):
        refused(
            ParameterError,
            f"{type(method).__name__} compares with nothing.",
            "Leave baseline and background out.",
            call=lambda given=given: method(nets.seeded(nets.PoolCNN), IMAGES, target=1, **given),
        )


@by_comparing
def test_an_unknown_baseline(method):
    refused(
        ParameterError,
        "There is no baseline 'blurx'.",
        "Did you mean 'blur'?",
        call=lambda: method(NET, ROWS, baseline="blurx"),
    )


@by_comparing
def test_a_background_of_another_shape(method):
    refused(
        ShapeError,
        "The background has rows of shape (5,), the data (4,).",
        "Give both the same columns.",
        call=lambda: method(NET, ROWS, background=np.zeros((9, 5))),
    )


@by_comparing
def test_an_empty_background(method):
    refused(
        DataError,
        "The background has no rows.",
        "Pass at least one.",
        call=lambda: method(NET, ROWS, background=np.zeros((0, 4))),
    )


@pytest.mark.parametrize("method", BLACK_BOX, ids=lambda m: m.name)
def test_nan_in_the_background_of_a_model_that_takes_none(method):
    background = X[:5].copy()
    background[3, 1] = np.nan
    refused(DataError, "NaN", "row", call=lambda: method(NET, ROWS, background=background))


@pytest.mark.parametrize("place", ["no such folder/why.npz", "folder.npz"])
def test_a_place_that_cannot_be_written(tmp_path, place):
    e = pellucid.Occlusion()(FOREST, ROWS)
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(FileError) as caught:
        e.save(tmp_path / place)
    assert str(tmp_path) in str(caught.value)
    assert "cannot be written" in str(caught.value)
    assert "Choose another place." in str(caught.value)


# -- knobs and the front door ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda: pellucid.IntegratedGradients(steps=0), ("steps", "at least 1", "Got 0")),
        (lambda: pellucid.IntegratedGradients(steps=2.5), ("steps", "whole number", "Got 2.5")),
        (lambda: pellucid.IntegratedGradients(tolerance=-1), ("tolerance", "at least 0", "Got -1")),
        (lambda: pellucid.IntegratedGradients(tolerance="small"), ("tolerance", "a number", "Got 'small'")),
        (lambda: pellucid.NoiseTunnel(reduce="men"), ("reduce", "one of mean", "Did you mean 'mean'")),
        (lambda: pellucid.Saliency(absolute=1), ("absolute", "True or False", "Got 1")),
        (lambda: pellucid.KernelShap(budget="many"), ("budget", "whole number", "Got 'many'")),
        (lambda: pellucid.NoiseTunnel(of=3), ("of", "Got 3")),
        (lambda: pellucid.NoiseTunnel(of=pellucid.KernelShap()), ("of", "KernelShap")),
        (lambda: pellucid.IntegratedGradients(tolerance=float("nan")), ("tolerance", "nan")),
    ],
    ids=range(10),
)
def test_knobs_outside_their_limits(make, parts):
    with pytest.raises(ParameterError) as caught:
        make()
    for part in parts:
        assert part in str(caught.value)


def test_a_knob_that_is_not_there():
    with pytest.raises(TypeError, match=r"stepps"):
        pellucid.IntegratedGradients(stepps=3)


def test_an_unknown_method():
    with pytest.raises(ParameterError, match=r"There is no method 'occlusio'. Did you mean 'occlusion'"):
        pellucid.explain(FOREST, ROWS, method="occlusio")


def test_an_argument_the_method_does_not_take():
    with pytest.raises(ParameterError, match=r"Occlusion takes no 'targett'. Did you mean 'target'"):
        pellucid.explain(FOREST, ROWS, method="occlusion", targett=3)
    with pytest.raises(ParameterError, match=r"Saliency takes no 'masker'"):
        pellucid.explain(NET, ROWS, method="saliency", masker=pellucid.Fill())
    with pytest.raises(ParameterError, match=r"IntegratedGradients takes no 'masker'"):
        pellucid.explain(NET, ROWS, masker=pellucid.Fill())


def test_an_unknown_kind_of_data():
    with pytest.raises(ParameterError, match=r"There is no kind of data 'tables'. Did you mean 'table'"):
        pellucid.methods("tables")


@pytest.mark.parametrize(
    ("x", "kind", "part"),
    [
        (np.zeros((0, 4)), DataError, "There are no rows to explain"),
        (np.array([[1.0, np.inf, 1, 1]]), DataError, "Row 0 holds infinity in column 1"),
        (np.ones((2, 3)), ShapeError, "The model takes 4 columns"),
    ],
)
def test_the_front_door_notes_what_it_was_doing(x, kind, part):
    """`explain` refuses with the same errors, and with the same one note, as a method does."""
    refused(kind, part, call=lambda: pellucid.explain(FOREST, x))


@pytest.mark.parametrize(
    "method", [pellucid.IntegratedGradients(), pellucid.KernelShap()], ids=lambda m: m.name
)
def test_the_front_door_adds_no_second_note(method):
    refused(TargetError, "Target 9", call=lambda: pellucid.explain(NET, ROWS, method=method, target=9))
