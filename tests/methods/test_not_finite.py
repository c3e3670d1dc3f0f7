"""What looks inside a network never draws values that are no numbers: it says where they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import pellucid
from pellucid.core.errors import DataError
from tests import nets


class Breaks(nn.Module):
    """One unit of four breaks behind the first layer, for the rows whose first number is above zero."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value
        self.conv, self.act, self.pool = nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)
        self.fc = nn.Linear(64, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.act(self.conv(x))
        hit = torch.zeros_like(h, dtype=torch.bool)
        hit[:, 2, 0, 0] = x[:, 0, 0, 0] > 0
        h = self.pool(h.masked_fill(hit, self.value))
        return self.fc(torch.nan_to_num(h, posinf=9, neginf=-9).flatten(1))


class Attends(nn.Module):
    """Attention over steps, of which one may be no number."""

    def __init__(self) -> None:
        super().__init__()
        self.attend, self.out = nn.MultiheadAttention(4, 2, batch_first=True), nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        broken = torch.where(x.abs() > 2, torch.nan, x)
        return self.out(torch.nan_to_num(self.attend(broken, broken, broken)[0]).mean(1))


X = nets.rows(6, 1, 8, 8).numpy()
X[:, 0, 0, 0] = [-1, -1, 1, -1, 1, -1]
HURT = r"pool(:input)? holds NaN or infinity in 1 of 4 units, for 2 of 6 rows \(the first: row 2\)"


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("FeatureMaps", HURT),
        ("Activations", HURT),
        ("ActivationClusters", HURT),
        ("Projection", HURT),
        ("LinearDecomposition", HURT),
        ("Gradients", HURT),
    ],
)
def test_a_layer_that_breaks_is_named(name, words, value):
    net = nets.seeded(lambda: Breaks(value))
    method = getattr(pellucid, name)()
    with pytest.raises(DataError, match=words) as refused:
        method(net, X, at="pool")
    assert "leave these rows out" in str(refused.value)
    whole = X[[0, 1, 3, 5]]
    assert np.isfinite(method(net, whole, at="pool").values).all()


def test_batches_do_not_change_which_row_is_named():
    net = nets.seeded(lambda: Breaks(np.nan))
    with pellucid.options(batch_size=1), pytest.raises(DataError, match=r"first: row 2\)"):
        pellucid.Activations()(net, X, at="pool")


def test_attention_that_breaks_is_named():
    x = np.ones((3, 5, 4), np.float32)
    x[1, 2, 0] = 5
    net = nets.seeded(Attends)
    with pytest.raises(
        DataError, match=r"attend holds NaN or infinity in 2 of 2 heads, for 1 of 3 rows .*row 1"
    ):
        pellucid.Attention()(net, x)


def test_a_gradient_that_breaks_is_named():
    class Root(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(3, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.first(x).abs().sqrt().sum(1, keepdim=True)

    net: Any = nets.seeded(Root)
    net.first.weight.data.fill_(-1.0)
    net.first.bias.data.zero_()
    x = np.array([[-1, -1, -1], [0, 0, 0]], np.float32)
    with pytest.raises(
        DataError, match=r"gradient at first holds NaN or infinity in 3 of 3 units, for 1 of 2 rows"
    ):
        pellucid.GradientFlow()(net, x, target=0, at="first")


@pytest.mark.parametrize("name", ["Weights", "Kernels"])
def test_weights_that_broke_in_training_are_named(name):
    net = nets.seeded(lambda: Breaks(0.0))
    net.conv.weight.data[1, 0, 2, 2] = torch.nan
    with pytest.raises(
        DataError, match=r"weights of conv hold NaN or infinity in 1 of 4 units \(the first: 1\)"
    ):
        getattr(pellucid, name)()(net)


def test_activation_maximisation_refuses_rows_that_a_unit_answers_with_nan():
    x = nets.rows(5, 6)
    x[3, 0] = 10.0
    with pytest.raises(DataError, match=r"is NaN or infinite for 1 of 5 inputs \(the first: 3\)"):
        pellucid.ActivationMaximization(steps=2)(nets.Broken(), x, target=1)
