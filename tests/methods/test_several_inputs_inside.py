"""What looks inside a network of several inputs looks through all of them, side by side."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

import pellucid
from tests import nets


class Two(nn.Module):
    """Two inputs that meet in a dense layer."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.meet, self.out = nn.Linear(3, 4), nn.Linear(8, 5), nn.Linear(5, 2)

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        both = torch.cat([self.left(a).tanh(), b.flatten(1)], 1)
        return self.out(self.meet(both).tanh())


A, B = nets.rows(4, 3, seed=1), nets.rows(4, 2, 2, seed=2)


def test_gradients_of_units_are_with_respect_to_all_inputs():
    net = nets.seeded(Two)
    e = pellucid.Gradients()(net, (A, B), at="meet")
    assert e.values.shape == (4, 5, 7)
    a, b = A.clone().requires_grad_(True), B.clone().requires_grad_(True)
    for unit in range(5):
        h = net.meet(torch.cat([net.left(a).tanh(), b.flatten(1)], 1))[:, unit].sum()
        own = torch.autograd.grad(h, (a, b))
        np.testing.assert_allclose(e.values[:, unit, :3], own[0], rtol=1e-5)
        np.testing.assert_allclose(e.values[:, unit, 3:], own[1].flatten(1), rtol=1e-5)


def test_effective_weights_are_with_respect_to_all_inputs():
    net = nets.seeded(Two)
    e = pellucid.LinearDecomposition(row=2)(net, (A, B))
    assert e.effective.shape == (2, 7)
    x = np.concatenate([A[2].numpy(), B[2].numpy().ravel()])
    np.testing.assert_allclose(e.effective @ x + e.effective_bias, net(A, B)[2].detach(), rtol=1e-5)
    jacobian = torch.autograd.functional.jacobian(lambda a, b: net(a, b)[0], (A[2:3], B[2:3]))
    own = np.concatenate([j.flatten(1).numpy() for j in jacobian], 1)
    np.testing.assert_allclose(e.effective, own, rtol=1e-4, atol=1e-6)


def test_importance_over_rows_of_several_inputs():
    net = nets.seeded(Two)
    whole = pellucid.ShapleyImportance()(net, (A.numpy(), B.numpy()), target=0)
    assert whole.rows == 4
    each = pellucid.KernelShap()(net, (A.numpy(), B.numpy()), target=0, background=(A.numpy(), B.numpy()))
    np.testing.assert_allclose(whole.values, np.abs(each.values).mean(0), rtol=1e-5)
    named = pellucid.ShapleyImportance()(net, {"b": B.numpy(), "a": A.numpy()}, target=0)
    np.testing.assert_allclose(np.sort(named.values), np.sort(whole.values), atol=0.05 * whole.values.max())
