"""DeepLIFT's RevealCancel: the paper's examples, a calculation by hand, and completeness on every architecture."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

import pellucid
from pellucid import DeepLift, DeepShap
from pellucid.core.errors import CapabilityError, ParameterError
from tests import nets
from tests.architectures import ARCHITECTURES, Apply
from tests.methods.test_deep_lift import LIMITS, both, built, formed, missing
from tests.twins.reveal_cancel import reveal_cancel

REVEAL = DeepLift(rule="reveal_cancel")


def rule_check(e: pellucid.Attribution) -> Any:
    return next(c for c in e.quality.checks if c.name == "rule")


# -- the paper's examples -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pair", [(3.0, 5.0), (5.0, 3.0), (4.0, 4.0)])
def test_a_minimum_is_shared(pair):
    """Section 3.5.3: o = i1 - relu(i1 - i2) gives half of min(i1, i2) to each; rescale gives all to one."""
    f = lambda x: x[:, 0] - F.relu(x[:, 0] - x[:, 1])  # noqa: E731
    x = torch.tensor([pair], dtype=torch.float64)
    e = REVEAL(f, x)
    np.testing.assert_allclose(e.values, [[min(pair) / 2] * 2], atol=1e-15)
    assert rule_check(e).meaning == "Every operation followed RevealCancel."
    if pair[0] != pair[1]:
        np.testing.assert_allclose(DeepLift()(f, x).values, [[3, 0] if pair[0] == 3 else [0, 3]], atol=1e-15)


def test_and_and_or():
    """Of two bits that are on, each is half of the reason."""
    on = torch.ones(1, 2, dtype=torch.float64)
    both_on = lambda x: F.relu(x[:, 0] + x[:, 1] - 1)  # noqa: E731
    one_on = lambda x: 1 - F.relu(1 - x[:, 0] - x[:, 1])  # noqa: E731
    for f in (both_on, one_on):
        np.testing.assert_allclose(REVEAL(f, on).values, [[0.5, 0.5]], atol=1e-15)
    np.testing.assert_allclose(REVEAL(one_on, torch.tensor([[1.0, 0.0]])).values, [[1.0, 0.0]])


def test_what_cancels_is_seen():
    """Nothing comes out of relu(a - b) for a = b; yet a would have made something, which b takes away."""
    x, f = torch.tensor([[2.0, 2.0]], dtype=torch.float64), lambda x: F.relu(x[:, 0] - x[:, 1])
    np.testing.assert_allclose(REVEAL(f, x).values, [[1.0, -1.0]])


@pytest.mark.parametrize("f", [F.relu, torch.tanh, F.gelu, torch.sigmoid, lambda z: z**3])
def test_one_neuron_is_the_shapley_value_of_two_groups(f):
    """Those that raise it, and those that lower it: by brute force over both orders."""
    weight, bias = torch.linspace(-1, 1.5, 6, dtype=torch.float64), 0.2
    x = nets.rows(5, 6, dtype=torch.float64)
    values = REVEAL(lambda x: f(x @ weight + bias), x).values
    for row, v in zip(x, values, strict=True):
        moves = row * weight
        up, down = moves.clamp(min=0).sum(), moves.clamp(max=0).sum()
        at = lambda *groups: f(sum(groups, torch.tensor(bias, dtype=torch.float64)))  # noqa: E731
        want_up = (at(up) - at() + at(up, down) - at(down)) / 2
        want_down = (at(down) - at() + at(up, down) - at(up)) / 2
        raises = (moves > 0).numpy()
        np.testing.assert_allclose([v[raises].sum(), v[~raises].sum()], [want_up, want_down], atol=1e-14)


# -- the numbers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", [nn.ReLU, nn.Tanh, nn.Sigmoid])
def test_dense_by_hand(act):
    net = nets.seeded(
        lambda: nn.Sequential(nn.Linear(6, 9), act(), nn.Linear(9, 7), act(), nn.Linear(7, 3)),
        dtype=torch.float64,
    )
    x, start = nets.rows(12, 6, dtype=torch.float64), nets.rows(12, 6, seed=1, dtype=torch.float64)
    start[:3], start[3:6, 2:4] = 0, x[3:6, 2:4]
    e = REVEAL(net, x, target=2, baseline=start)
    want = np.stack([reveal_cancel(net, a, b, 2) for a, b in zip(x.numpy(), start.numpy(), strict=True)])
    np.testing.assert_allclose(e.values, want, rtol=0, atol=1e-12)
    assert (
        np.abs(DeepLift()(net, x, target=2, baseline=start).values - want).max() > 0.01 * np.abs(want).max()
    )


def test_convolutions_by_hand():
    net = nets.seeded(
        lambda: nn.Sequential(
            nn.Conv2d(2, 4, 3, 2, 1, bias=False),
            nn.ReLU(),
            nn.Conv2d(4, 3, 2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(27, 3),
        ),
        dtype=torch.float64,
    )
    x, start = nets.rows(3, 2, 8, 8, dtype=torch.float64), nets.rows(3, 2, 8, 8, seed=1, dtype=torch.float64)
    start[0] = 0
    e = REVEAL(net, x, target=1, baseline=start)
    want = np.stack([reveal_cancel(net, a, b, 1) for a, b in zip(x.numpy(), start.numpy(), strict=True)])
    np.testing.assert_allclose(e.values, want, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "spelling",
    [
        lambda h: F.relu(h, inplace=True),
        lambda h: h.clamp_(min=0),
        lambda h: -(-h).clamp(max=0),
        lambda h: torch.cat([F.relu(part) for part in h.chunk(2, 1)], 1),
        lambda h: F.relu(h * 2) / 2,
        lambda h: torch.stack([F.relu(h[:, k] + 1 - 1) for k in range(8)], 1),
        lambda h: _into_zeros(h),
        lambda h: F.batch_norm(F.relu(h), torch.zeros(8).to(h), torch.ones(8).to(h), eps=0.0),
        lambda h: checkpoint(F.relu, h, use_reentrant=False),
    ],
)
def test_however_it_is_written(spelling):
    """Moves, scalings, biases and writes in place take the parts along."""
    net = nets.seeded(lambda: nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)), dtype=torch.float64)
    other = nn.Sequential(net[0], Apply(spelling), net[2])
    x = nets.rows(4, 6, dtype=torch.float64)
    want = REVEAL(net, x, target=1).values
    np.testing.assert_allclose(REVEAL(other, x, target=1).values, want, rtol=0, atol=1e-13)


def _into_zeros(h: torch.Tensor) -> torch.Tensor:
    out = torch.zeros(len(h), 8, dtype=h.dtype)
    for k in range(8):
        out[:, k] = h[:, k]
    out[:, :4].relu_()
    out.view(-1)[4:8] += 0
    out.view(-1, 8)[:, 4:] = out[:, 4:].relu()
    return out


# -- complete -------------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_complete(name, dtype):
    net, x, other = built(name, dtype)
    before = copy.deepcopy(net.state_dict())
    for baseline in (None, other):
        e = REVEAL(net, x, target=1, baseline=baseline)
        assert missing(e) <= LIMITS[dtype]
        assert e.quality.verdict == "ok"
        plain = DeepLift()(net, x, target=1, baseline=baseline)
        np.testing.assert_allclose(e.output, plain.output, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(e.base, plain.base, rtol=1e-5, atol=1e-6)
    for key, value in net.state_dict().items():
        assert torch.equal(value, before[key]), key


@pytest.mark.parametrize(
    ("name", "by_rescale"),
    [
        ("GELU", None),
        ("RReLU", None),
        ("BatchNorm2d", None),
        ("swiglu", "mul"),
        ("softmax hidden", "_softmax, mul"),
        ("relu before pool", "max_pool2d_with_indices"),
        ("sqrt log", "sqrt, log"),
        ("reciprocal", "reciprocal"),
    ],
)
def test_the_rule_of_each_operation_is_named(name, by_rescale):
    net, x, other = built(name)
    check = rule_check(REVEAL(net, x, target=1, baseline=other))
    want = f"RevealCancel; Rescale for {by_rescale}, which it does not cover."
    assert check.meaning == (want if by_rescale else "Every operation followed RevealCancel.")
    assert check.status == "ok"
    assert rule_check(DeepLift()(net, x, target=1)).meaning == "Every operation followed Rescale."


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("form", ["traced", "compiled", "compiled inside", "checkpointed"])
@pytest.mark.parametrize("name", ["VGG", "encoder, pre-norm gelu"])
def test_other_forms_of_a_module(name, form):
    net, x, other = built(name)
    want = REVEAL(net, x, target=1, baseline=other)
    e = REVEAL(formed(net, x, form), x, target=1, baseline=other)
    np.testing.assert_allclose(e.values, want.values, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", ["VGG", "LSTM"])
def test_a_row_is_explained_alike_alone_and_in_batches(name):
    net, x, other = built(name)
    whole = REVEAL(net, x, target=1, baseline=other)
    for size in (1, 2):
        with pellucid.options(batch_size=size):
            parts = REVEAL(net, x, target=1, baseline=other)
        np.testing.assert_allclose(parts.values, whole.values, rtol=0, atol=1e-10)


def test_at_a_layer_and_of_a_neuron():
    net, x, other = built("VGG")
    assert missing(REVEAL(net, x, target=1, baseline=other, at="2")) <= 1e-9
    assert missing(REVEAL(net, x, target=pellucid.Neuron("5", (3, 1, 1)), baseline=other)) <= 1e-9


def test_frozen_weights_change_nothing():
    """Attention has a fast path for networks that are not trained."""
    net, x, other = built("encoder, post-norm relu")
    want = REVEAL(net, x, target=1, baseline=other).values
    net.requires_grad_(False)
    fast = torch.backends.mha.get_fastpath_enabled()
    np.testing.assert_array_equal(REVEAL(net, x, target=1, baseline=other).values, want)
    assert torch.backends.mha.get_fastpath_enabled() == fast


def test_the_same_row_as_its_own_baseline():
    for name in ("ReLU", "LayerNorm", "MaxPool2d", "SDPA", "division", "std"):
        net, x, _ = built(name)
        with pytest.warns(pellucid.PellucidWarning):
            assert not REVEAL(net, x, target=1, baseline=x).values.any(), name


def test_deep_shap():
    net, x, _ = built("ReLU")
    background = nets.rows(5, 6, seed=3, dtype=torch.float64)
    e = DeepShap(rule="reveal_cancel")(net, x, target=1, background=background)
    each = np.stack([REVEAL(net, x, target=1, baseline=row).values for row in background])
    np.testing.assert_allclose(e.values, each.mean(0), atol=1e-12)


# -- refused --------------------------------------------------------------------------------------------------------


def test_a_rule_that_does_not_exist():
    with pytest.raises(ParameterError, match=r"rule=.*must be one of rescale, reveal_cancel"):
        DeepLift(rule="reveal")


def test_an_operation_without_a_rule_is_refused_by_name():
    net = nets.seeded(
        lambda: nn.Sequential(nn.Linear(6, 8), Apply(lambda h: h.logcumsumexp(1)), nn.Linear(8, 3))
    )
    with pytest.raises(CapabilityError, match=r"no rule for aten.logcumsumexp in '1'.*strict=False"):
        REVEAL(net, nets.rows(3, 6), target=1)


def test_another_path_at_the_baseline_is_refused():
    net = nets.seeded(lambda: nn.Linear(6, 3))
    branching = Apply(lambda x, a: torch.tanh(a(x)) if bool(x.abs().sum() > 1) else a(x) + 1, net)
    with pytest.raises(CapabilityError, match="another path at the"):
        REVEAL(branching, nets.rows(3, 6), target=1)


def test_a_write_into_the_model_is_refused():
    kept = torch.zeros(3, 6)

    def remembers(x: torch.Tensor) -> torch.Tensor:
        kept.copy_(x)
        return kept.tanh().sum(1)

    with pytest.raises(CapabilityError, match="writes what depends on the input into a constant"):
        REVEAL(remembers, nets.rows(3, 6))


def test_no_gradient_at_all():
    with pytest.raises(CapabilityError, match="No gradient leads"):
        REVEAL(lambda x: x.detach().sum(1), nets.rows(3, 6))


@pytest.mark.parametrize("error", [KeyError("boom"), KeyboardInterrupt()])
def test_an_error_midway_leaves_nothing_behind(error):
    def fail(h: torch.Tensor) -> torch.Tensor:
        raise error

    keys = torch._C._dispatch_tls_local_exclude_set()
    with pytest.raises(type(error)):
        REVEAL(nets.seeded(lambda: nn.Sequential(nn.Linear(6, 8), Apply(fail))), nets.rows(3, 6), target=1)
    assert torch._C._len_torch_dispatch_stack() == 0
    assert torch._C._dispatch_tls_local_exclude_set() == keys
    assert torch.ones(2, requires_grad=True).exp().grad_fn is not None
