"""PyTorch modules as pellucid models: what every kind of network says, its gradients, its slices, and its errors."""

from __future__ import annotations

import copy
import warnings
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import pellucid
from pellucid import Neuron
from pellucid.core.errors import CapabilityError, DataError, LayerError, ShapeError
from tests import nets

quiet = pytest.mark.filterwarnings("ignore::pellucid.PellucidWarning")
TABLE = {**nets.TABLE_NETS, "inference_born": nets.inference_born}
HALVES = [torch.bfloat16, torch.float16]


def table(kind: str) -> nn.Module:
    made = TABLE[kind]
    return nets.inference_born() if made is nets.inference_born else nets.seeded(made)


def plain(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """What the module itself says, row by row, with no trace of being asked."""
    net = copy.deepcopy(net).eval()
    with torch.no_grad():
        said = [net(row[None].clone()) for row in x]
    return torch.cat([getattr(y, "logits", y["logits"] if isinstance(y, dict) else y) for y in said])


def gradients(net: nn.Module, x: torch.Tensor, target: int) -> np.ndarray:
    """By autograd, row by row, on a copy made of ordinary tensors."""
    net = copy.deepcopy(net).eval()
    for m in net.modules():
        for name, p in m._parameters.items():
            m._parameters[name] = None if p is None else nn.Parameter(p.detach().clone())
    out = []
    for row in x:
        leaf = row[None].clone().requires_grad_(True)
        y = net(leaf * 1)  # a copy, for those that write into it
        y = getattr(y, "logits", y["logits"] if isinstance(y, dict) else y)
        out.append(torch.autograd.grad(y[0, target], leaf)[0])
    return torch.cat(out).numpy()


def close(a: Any, b: Any, limit: float = 1e-5) -> None:
    a, b = np.asarray(a), np.asarray(b)
    assert a.shape == b.shape
    assert np.abs(a - b).max() <= limit * max(1e-3, np.abs(b).max())


# -- every kind of network ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TABLE)
def test_predictions_and_gradients_are_the_modules_own(kind):
    net, x = table(kind), nets.rows(7, 6)
    before = x.clone()
    e = pellucid.Saliency()(net, x, target=1)
    close(e.scores, plain(net, x))
    close(e.values, gradients(net, x, 1))
    close(e.output, plain(net, x)[:, 1])
    assert torch.equal(x, before)


@pytest.mark.parametrize("kind", TABLE)
def test_wrapped_models_predict(kind):
    net, x = table(kind), nets.rows(3, 6)
    model = pellucid.wrap(net)
    with model.at_rest():
        close(model.predict(model.native(x.numpy())), plain(net, x))


@pytest.mark.parametrize("made", [nets.Residual, nets.PoolCNN, nets.Transformer, nets.Recurrent])
def test_larger_networks(made):
    net = nets.seeded(made)
    x = nets.rows(5, *getattr(made, "shape", (5, 4)))
    e = pellucid.Saliency()(net, x, target=2)
    close(e.scores, plain(net, x))
    close(e.values, gradients(net, x, 2))


@pytest.mark.parametrize("given", ["tensor", "float64 array", "list", "integers", "one row", "read-only"])
def test_rows_in_any_dress(given):
    net, x = table("gelu_mlp"), torch.arange(18.0).reshape(3, 6) / 2 if given != "integers" else None
    x = torch.arange(18.0).reshape(3, 6) if x is None else x
    dress: Any = {
        "tensor": lambda: x,
        "float64 array": lambda: x.double().numpy(),
        "list": x.tolist,
        "integers": lambda: x.int().numpy(),
        "one row": lambda: x[0],
        "read-only": lambda: _read_only(x.numpy()),
    }[given]()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        e = pellucid.Saliency()(net, dress, target=1)
    close(e.values, gradients(net, x[:1] if given == "one row" else x, 1))
    assert e.values.dtype == np.float32


def _read_only(a: np.ndarray) -> np.ndarray:
    a = a.copy()
    a.flags.writeable = False
    return a


def test_a_baseline_per_row_is_taken_without_a_word():
    """No framework's remark on memory that cannot be written to."""
    net, x = table("gelu_mlp"), nets.rows(3, 6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torch.set_warn_always(True)
        try:
            pellucid.IntegratedGradients()(net, x, target=1, baseline=nets.rows(3, 6, seed=1).numpy())
        finally:
            torch.set_warn_always(False)


# -- precision and layout -------------------------------------------------------------------------------------------


def test_double_precision_stays():
    net = nets.seeded(nets.Residual, dtype=torch.float64)
    x = nets.rows(3, 2, 8, 8, dtype=torch.float64)
    e = pellucid.IntegratedGradients()(net, x, target=0)
    assert e.values.dtype == e.output.dtype == np.float64
    close(pellucid.Saliency()(net, x, target=0).values, gradients(net, x, 0), 1e-12)


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("made", [lambda: nets.mlp(nn.GELU, (6, 8, 3)), nets.ReusedReLU, nets.Normed])
@pytest.mark.parametrize(
    "method", [pellucid.Saliency(), pellucid.IntegratedGradients(steps=16), pellucid.NoiseTunnel(samples=4)]
)
@quiet
def test_half_precision_gives_single_precision_values(made, dtype, method):
    single = nets.seeded(made)
    x = nets.rows(4, 6)
    half = copy.deepcopy(single).to(dtype)
    ours, theirs = method(half, x, target=1), method(single, x, target=1)
    assert ours.values.dtype == ours.output.dtype == np.float32
    assert np.linalg.norm(ours.values - theirs.values) <= 0.05 * np.linalg.norm(theirs.values)
    assert all(p.dtype == dtype for p in half.parameters())


@pytest.mark.parametrize("dtype", HALVES)
@quiet
def test_half_precision_images(dtype):
    single = nets.seeded(nets.Residual)
    x = nets.rows(2, 2, 8, 8)
    ours = pellucid.IntegratedGradients(steps=8)(copy.deepcopy(single).to(dtype), x.to(dtype), target=1)
    theirs = pellucid.IntegratedGradients(steps=8)(single, x, target=1)
    assert ours.values.dtype == np.float32
    assert np.linalg.norm(ours.values - theirs.values) <= 0.1 * np.linalg.norm(theirs.values)


def test_channels_last():
    net = nets.seeded(nets.Residual)
    x = nets.rows(3, 2, 8, 8)
    last = copy.deepcopy(net).to(memory_format=torch.channels_last)
    for method in (pellucid.Saliency(), pellucid.GradCAM(), pellucid.IntegratedGradients(steps=4)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pellucid.PellucidWarning)
            ours = method(last, x.to(memory_format=torch.channels_last), target=1)
            close(ours.values, method(net, x, target=1).values)
    assert last.stem.weight.is_contiguous(memory_format=torch.channels_last)


# -- compiled -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_compiled_modules_run_eagerly_inside(backend):
    """Their layers can be reached, and afterwards they are as compiled as before."""
    net, x = nets.seeded(nets.Residual), nets.rows(3, 2, 8, 8)
    made, why = nets.compiled(net, x, backend)
    if made is None:
        pytest.skip(why)
    expected = made(x).detach()
    close(pellucid.Saliency()(made, x, target=1).values, gradients(net, x, 1))
    close(
        pellucid.Saliency()(made, x, target=1, at="head").values,
        pellucid.Saliency()(net, x, target=1, at="head"),
    )
    assert torch.equal(made(x), expected)


def test_modules_compiled_in_place():
    net, x = nets.seeded(nets.Residual), nets.rows(3, 2, 8, 8)
    other = copy.deepcopy(net)
    _, why = nets.compiled(copy.deepcopy(net), x)
    if why:
        pytest.skip(why)
    other.compile(backend="aot_eager")
    other.fc1.compile(backend="aot_eager")
    other(x)
    close(
        pellucid.Saliency()(other, x, target=1, at="fc1").values,
        pellucid.Saliency()(net, x, target=1, at="fc1"),
    )
    close(pellucid.Saliency()(other, x, target=1).values, gradients(net, x, 1))


# -- slices ---------------------------------------------------------------------------------------------------------


def test_slices_compose():
    """net[:"a"], net["a":"b"] and net["b":] lead from the input to the output, skips and all."""
    net, x = nets.seeded(nets.Residual), nets.rows(4, 2, 8, 8)
    model = pellucid.wrap(net)
    with model.at_rest(), torch.no_grad():
        a = model[:"stem"].predict(x)
        close(a, net.stem(x))
        b = model["stem":"conv2"].predict(a, x)
        close(b, model[:"conv2"].predict(x))
        close(model["conv2":].predict(b, x), net(x))
        assert (model["conv2":].predict(b * 0, x) != net(x)).all()
        close(model["stem":"stem"].predict(a, x), a)


def test_slices_replace_what_they_start_from():
    """Another activation at the start is another output, by the very rest of the network."""
    net, x = nets.seeded(lambda: nets.mlp(nn.GELU, (6, 8, 3))), nets.rows(4, 6)
    model, other = pellucid.wrap(net), nets.rows(4, 8)
    with model.at_rest(), torch.no_grad():
        close(model["1":].predict(other, x), net[3](net[2](other)))
        close(model["2":"3"].predict(other, x), net[3](other))


def test_places_of_a_reused_layer():
    net, x = nets.seeded(nets.ReusedReLU), nets.rows(4, 6)
    model = pellucid.wrap(net)
    with model.at_rest(), torch.no_grad():
        first = torch.relu(net.fc1(x))
        second = torch.relu(net.fc2(first))
        close(model[:"relu#1"].predict(x), first)
        close(model[:"relu#2"].predict(x), second)
        close(model[:"relu#3"].predict(x), net(x))
        close(model["relu#2":].predict(second, x), net(x))
        close(model["relu#1":"relu#3"].predict(first, x), net(x))
    e = pellucid.InputXGradient()(net, x, target=1, at="relu#2")
    leaf = second.requires_grad_(True)
    close(e.values, second.detach() * torch.autograd.grad(torch.relu(net.fc3(leaf) + 1)[:, 1].sum(), leaf)[0])


def test_a_reused_linear_layer():
    net, x = nets.seeded(nets.ReusedLinear, dtype=torch.float64), nets.rows(3, 6, dtype=torch.float64)
    for place in ("inner#1", "inner#2", "inner#2:input"):
        e = pellucid.IntegratedGradients(tolerance=1e-8)(net, x, target=0, at=place)
        close(e.values.sum(1), e.output - e.base, 1e-6)


def test_inputs_and_items_of_layers():
    net, x = nets.seeded(nets.Recurrent, dtype=torch.float64), nets.rows(3, 5, 4, dtype=torch.float64)
    model = pellucid.wrap(net)
    with model.at_rest(), torch.no_grad():
        out, _ = net.lstm(x)
        close(model[:"lstm[0]"].predict(x), out)
        close(model[:"fc:input"].predict(x), out[:, -1])
        close(model["lstm[0]":].predict(out, x), net(x))
        close(model["lstm[0]":"fc:input"].predict(out, x), out[:, -1])
    for place, shape in (("lstm[0]", (3, 5, 6)), ("fc:input", (3, 6)), ("lstm:input", (3, 5, 4))):
        e = pellucid.IntegratedGradients(tolerance=1e-8)(net, x, target=1, at=place)
        assert e.values.shape == shape
        assert e.at == place
        close(e.values.reshape(3, -1).sum(1), e.output - e.base, 1e-6)


def test_a_neuron_of_an_lstm_and_of_a_reused_layer():
    net, x = nets.seeded(nets.Recurrent), nets.rows(3, 5, 4)
    leaf = x.clone().requires_grad_(True)
    theirs = torch.autograd.grad(net.lstm(leaf)[0][:, 2, 1].sum(), leaf)[0]
    close(pellucid.Saliency()(net, x, target=Neuron("lstm[0]", (2, 1))).values, theirs)
    net, x = nets.seeded(nets.ReusedReLU), nets.rows(3, 6)
    leaf = x.clone().requires_grad_(True)
    theirs = torch.autograd.grad(torch.relu(net.fc2(torch.relu(net.fc1(leaf))))[:, 4].sum(), leaf)[0]
    e = pellucid.Saliency()(net, x, target=Neuron("relu#2", 4))
    close(e.values, theirs)
    assert e.target == ("relu#2 4",) * 3


def test_a_neuron_at_its_own_layer():
    """The unit itself: gradient one there, and zero elsewhere."""
    net, x = table("gelu_mlp"), nets.rows(2, 6)
    e = pellucid.Saliency()(net, x, target=Neuron("1", 3), at="1")
    close(e.values, np.eye(8)[[3, 3]])


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("relu", r"called 3 times.*Choose relu#1 to relu#3"),
        ("relu#4", r"called 3 times.*relu#4"),
        ("rela", r"no layer 'rela'.*'relu'"),
        ("fc9", r"no layer 'fc9'.*'fc\d'"),
        ("fc1[0]", r"gives 1 values"),
        ("", r"."),
        ("relu#0", r"counted from 1"),
        ("a:b:c", r"no place"),
    ],
)
def test_places_that_are_none(at, said):
    net, x = nets.seeded(nets.ReusedReLU), nets.rows(2, 6)
    if not at:
        assert pellucid.Saliency()(net, x, target=0, at=at).at == ""
        return
    with pytest.raises(LayerError, match=said):
        pellucid.Saliency()(net, x, target=0, at=at)
    with pytest.raises(LayerError, match=said):
        pellucid.Saliency()(net, x, target=Neuron(at, 0))


def test_a_layer_that_gives_a_tuple_asks_which():
    net = nets.seeded(nets.Recurrent)
    with pytest.raises(LayerError, match=r"no single tensor.*lstm\[0\] to lstm\[1\]"):
        pellucid.Saliency()(net, nets.rows(2, 5, 4), target=0, at="lstm")


def test_a_layer_that_is_never_called():
    net = nets.seeded(nets.ReusedReLU)
    net.spare = nn.Linear(2, 2)
    with pytest.raises(LayerError, match="does not call 'spare'"):
        pellucid.Saliency()(net, nets.rows(2, 6), target=0, at="spare")


@pytest.mark.parametrize(("at", "neuron"), [("fc2", "fc1"), ("relu#2", "relu#1"), ("fc3", "relu#1")])
def test_attribution_after_the_neuron(at, neuron):
    net = nets.seeded(nets.ReusedReLU)
    with pytest.raises(LayerError, match=f"{neuron} does not come after {at}"):
        pellucid.Saliency()(net, nets.rows(2, 6), target=Neuron(neuron, 0), at=at)


# -- whole numbers --------------------------------------------------------------------------------------------------

IDS = torch.tensor([[1, 2, 3, 4, 5], [7, 7, 0, 19, 2], [3, 1, 4, 1, 5]])


@pytest.mark.parametrize(
    "ids", [IDS, IDS.numpy(), IDS.int(), IDS.tolist()], ids=["tensor", "array", "int32", "list"]
)
def test_whole_numbers_have_no_gradient_and_the_embedding_is_named(ids):
    net = nets.seeded(nets.Ids)
    for method in (pellucid.Saliency(), pellucid.IntegratedGradients(), pellucid.InputXGradient()):
        with pytest.raises(CapabilityError, match="at='embedding'"):
            method(net, ids, target=0)


@pytest.mark.parametrize("ids", [IDS, IDS.numpy()], ids=["tensor", "array"])
def test_attribution_at_the_embedding(ids):
    """Complete between the ids and a baseline of ids, and the gradient is autograd's."""
    net = nets.seeded(nets.Ids, dtype=torch.float64)
    e = pellucid.IntegratedGradients(tolerance=1e-8)(
        net, ids, target=1, at="embedding", baseline=np.full((3, 5), 6)
    )
    assert e.values.shape == (3, 5, 6)
    close(e.values.reshape(3, -1).sum(1), (net(IDS) - net(torch.full_like(IDS, 6)))[:, 1].detach(), 1e-6)
    leaf = net.embedding(IDS).detach().requires_grad_(True)
    y = net.fc2(nn.functional.gelu(net.fc1(leaf)).mean(1))
    close(
        pellucid.Saliency()(net, ids, target=1, at="embedding").values,
        torch.autograd.grad(y[:, 1].sum(), leaf)[0],
    )


def test_a_baseline_shaped_like_the_layer():
    """Zeros in the embedding, which are no id's."""
    net = nets.seeded(nets.Ids, dtype=torch.float64)
    e = pellucid.IntegratedGradients(tolerance=1e-8)(
        net, IDS, target=1, at="embedding", baseline=np.zeros((5, 6))
    )
    close(e.values.reshape(3, -1).sum(1), e.output - e.base, 1e-6)
    zero = net.fc2(nn.functional.gelu(net.fc1(torch.zeros(5, 6, dtype=torch.float64))).mean(0))[1]
    close(e.base, np.full(3, zero.item()), 1e-9)


def test_noise_is_not_put_on_ids():
    """There is no id 3.2: the embedding gets the noise, or the call is refused in our words."""
    net = nets.seeded(nets.Ids)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pellucid.PellucidWarning)
            e = pellucid.NoiseTunnel(samples=4)(net, IDS, target=1, at="embedding")
    except pellucid.PellucidError:
        return
    assert e.values.shape == (3, 5, 6)


def test_occlusion_of_ids_needs_no_gradient():
    net = nets.seeded(nets.Ids)
    e = pellucid.Occlusion()(net, IDS, target=1, baseline=0)
    hidden = IDS.clone()
    hidden[:, 2] = 0
    close(e.values[:, 2], (net(IDS) - net(hidden))[:, 1].detach())


# -- several outputs, several inputs --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tuple", "dict", "dataclass"])
@pytest.mark.parametrize("which", [0, 1])
def test_several_outputs(kind, which):
    net, x = nets.seeded(lambda: nets.Several(kind)), nets.rows(3, 6)
    name = which if kind == "tuple" else ("logits", "hidden")[which]
    e = pellucid.Saliency()(net, x, target=1, output=name)
    leaf = x.clone().requires_grad_(True)
    hidden = torch.tanh(net.fc1(leaf))
    y = (net.fc2(hidden), hidden)[which]
    close(e.values, torch.autograd.grad(y[:, 1].sum(), leaf)[0])
    close(e.output, y[:, 1].detach())


def test_several_outputs_ask_which():
    x = nets.rows(3, 6)
    with pytest.raises(CapabilityError, match=r"2 outputs: 0, 1.*output="):
        pellucid.Saliency()(nets.seeded(lambda: nets.Several("tuple")), x, target=1)
    with pytest.raises(CapabilityError, match=r"2 outputs: 'scores', 'hidden'.*output="):
        pellucid.Saliency()(nets.seeded(lambda: nets.Several("dict", "scores")), x, target=1)
    with pytest.raises(CapabilityError, match=r"no output 'logit'.*'logits'"):
        pellucid.Saliency()(nets.seeded(lambda: nets.Several("dataclass")), x, target=1, output="logit")


@pytest.mark.parametrize("named", [False, True])
def test_two_inputs_are_explained_together(named):
    net = nets.seeded(nets.TwoInputs, dtype=torch.float64)
    left, right = nets.rows(3, 4, dtype=torch.float64), nets.rows(3, 1, 3, 3, seed=1, dtype=torch.float64)
    x: Any = {"right": right, "left": left} if named else (left, right)
    names = ("left", "right") if named else ("input 0", "input 1")
    e = pellucid.Saliency()(net, x, target=2)
    leaves = left.clone().requires_grad_(True), right.clone().requires_grad_(True)
    theirs = torch.autograd.grad(net(*leaves)[:, 2].sum(), leaves)
    assert set(e.part) == set(names)
    for name, gradient in zip(names, theirs, strict=True):
        close(e.part[name], gradient, 1e-12)
    complete = pellucid.IntegratedGradients(tolerance=1e-8)(net, x, target=2)
    close(complete.values.sum(1), (net(left, right) - net(left * 0, right * 0))[:, 2].detach(), 1e-6)


def test_two_inputs_at_a_layer_and_of_a_neuron():
    net = nets.seeded(nets.TwoInputs, dtype=torch.float64)
    left, right = nets.rows(3, 4, dtype=torch.float64), nets.rows(3, 1, 3, 3, seed=1, dtype=torch.float64)
    leaf = net.left(left).detach().requires_grad_(True)
    y = net.out(torch.tanh(leaf * net.right(right.flatten(1))))
    e = pellucid.Saliency()(net, (left, right), target=0, at="left")
    close(e.values, torch.autograd.grad(y[:, 0].sum(), leaf)[0], 1e-12)
    e = pellucid.Saliency()(net, (left, right), target=Neuron("right", 1))
    close(e.part["input 0"], np.zeros((3, 4)))
    close(e.part["input 1"].reshape(3, 9), net.right.weight[[1, 1, 1]].detach(), 1e-12)


def test_ids_beside_numbers_are_carried_along():
    net, numbers = nets.seeded(nets.IdsAndNumbers), nets.rows(3, 4)
    e = pellucid.Saliency()(net, (IDS, numbers), target=1)
    leaf = numbers.clone().requires_grad_(True)
    assert list(e.part) == ["input 1"]
    close(e.part["input 1"], torch.autograd.grad(net(IDS, leaf)[:, 1].sum(), leaf)[0])
    at = pellucid.IntegratedGradients(tolerance=1e-4)(net, (IDS, numbers), target=1, at="embedding")
    assert at.values.shape == (3, 5, 6)
    close(at.values.reshape(3, -1).sum(1), at.output - at.base, 1e-3)


def test_baselines_of_two_inputs():
    """One per input, as the inputs are given: taken, or refused in our words."""
    net = nets.seeded(nets.TwoInputs)
    x = nets.rows(3, 4), nets.rows(3, 1, 3, 3, seed=1)
    baseline = np.full(4, 0.5), np.full((1, 3, 3), -0.5)
    try:
        e = pellucid.IntegratedGradients()(net, x, target=2, baseline=baseline)
    except pellucid.PellucidError:
        return
    with torch.no_grad():
        close(e.base, net(torch.full((3, 4), 0.5), torch.full((3, 1, 3, 3), -0.5))[:, 2])


def test_inputs_of_different_lengths():
    with pytest.raises(ShapeError, match="different numbers of rows"):
        pellucid.Saliency()(nets.seeded(nets.TwoInputs), (nets.rows(3, 4), nets.rows(2, 1, 3, 3)), target=0)


# -- modes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "method", [pellucid.Saliency(), pellucid.IntegratedGradients(), pellucid.Occlusion()]
)
def test_training_mode_is_explained_in_evaluation_mode(method):
    net, x = nets.seeded(nets.Normed), nets.rows(5, 6)
    training = copy.deepcopy(net).train()
    training.drop.eval()
    e = method(training, x, target=1)
    close(e.values, method(net, x, target=1).values, 0)
    assert any("training mode" in note for note in e.provenance.notes)
    assert not any("training mode" in note for note in method(net, x, target=1).provenance.notes)
    assert [m.training for m in training.modules()] == [True, True, True, True, False]
    assert torch.equal(training.norm.running_mean, net.norm.running_mean)


def test_batch_statistics_in_evaluation_mode_fail_a_check():
    """A row's values then depend on the rows beside it."""
    net = nets.seeded(lambda: nets.Normed(running=False))
    with pytest.warns(pellucid.PellucidWarning, match="'norm'"):
        e = pellucid.Saliency()(net, nets.rows(8, 6), target=1)
    assert e.quality.verdict == "unreliable"


@pytest.mark.parametrize("guard", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_the_callers_gradient_mode_does_not_matter(guard):
    net, x = nets.seeded(nets.Residual), nets.rows(3, 2, 8, 8)
    with guard():
        mode = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
        made = nets.rows(3, 2, 8, 8)  # an inference tensor under inference mode
        e = pellucid.Saliency()(net, made, target=1)
        at = pellucid.GradCAM(relu=False)(net, made, target=1)
        ig = pellucid.IntegratedGradients(steps=4)(net, made, target=1, baseline=made * 0.5)
        assert (torch.is_grad_enabled(), torch.is_inference_mode_enabled()) == mode
    close(e.values, gradients(net, x, 1))
    close(at.values, pellucid.GradCAM(relu=False)(net, x, target=1).values)
    close(ig.values, pellucid.IntegratedGradients(steps=4)(net, x, target=1, baseline=x * 0.5).values)


@pytest.mark.parametrize("ids", [False, True])
def test_arrays_given_under_inference_mode(ids):
    """NumPy rows become tensors in the caller's inference mode, and must be ordinary ones all the same."""
    net = nets.seeded(nets.Ids if ids else nets.ReusedReLU)
    x = IDS.numpy() if ids else nets.rows(3, 6).numpy()
    at = "embedding" if ids else None
    expected = pellucid.Saliency()(net, x, target=1, at=at).values
    with torch.inference_mode():
        close(pellucid.Saliency()(net, x, target=1, at=at).values, expected)


def test_inference_tensors_as_rows_targets_and_parameters():
    net = nets.inference_born()
    with torch.inference_mode():
        x, targets = nets.rows(3, 6), torch.tensor([0, 2, 1])
    e = pellucid.IntegratedGradients(tolerance=1e-3)(net, x, target=targets)
    close(e.values.sum(1), e.output - e.base, 1e-2)
    assert all(p.is_inference() for p in net.parameters())


def test_frozen_parameters():
    net, x = nets.seeded(nets.Residual), nets.rows(3, 2, 8, 8)
    frozen = copy.deepcopy(net).requires_grad_(False)
    frozen.fc1.weight.requires_grad_(True)
    close(pellucid.Saliency()(frozen, x, target=1).values, gradients(net, x, 1))
    assert [n for n, p in frozen.named_parameters() if p.requires_grad] == ["fc1.weight"]


def test_hooks_of_the_user_fire_and_stay():
    net, x = nets.seeded(nets.Residual), nets.rows(3, 2, 8, 8)
    calls: list[str] = []
    net.stem.register_forward_hook(lambda *_: calls.append("forward"))
    net.register_forward_pre_hook(lambda *_: calls.append("before"))
    doubled = net.head.register_forward_hook(lambda _m, _i, out: 2 * out)
    net.fc1.register_full_backward_hook(lambda *_: calls.append("backward"))
    e = pellucid.Saliency()(net, x, target=1)
    assert {"forward", "before", "backward"} <= set(calls)
    close(e.values, gradients(net, x, 1))
    counts = [
        len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks) for m in net.modules()
    ]
    assert sum(counts) == 4
    doubled.remove()
    assert np.abs(pellucid.Saliency()(net, x, target=1).values - e.values).max() > 0


@pytest.mark.parametrize(
    "made",
    [
        lambda: nn.Sequential(
            nn.utils.parametrizations.weight_norm(nn.Linear(6, 8)), nn.Tanh(), nn.Linear(8, 3)
        ),
        lambda: nn.Sequential(
            nn.utils.parametrizations.spectral_norm(nn.Linear(6, 8)), nn.Tanh(), nn.Linear(8, 3)
        ),
    ],
    ids=["weight norm", "spectral norm"],
)
def test_parametrised_layers(made):
    net, x = nets.seeded(made), nets.rows(4, 6)
    net.train()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    e = pellucid.Saliency()(net, x, target=1)
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
    close(e.values, gradients(net, x, 1))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_scripted_modules():
    """They predict and have gradients; they cannot be cut, which is said in our words."""
    net, x = nets.seeded(nets.Normed), nets.rows(4, 6)
    expected = gradients(net, x, 1)
    scripted = torch.jit.script(net.train())
    close(pellucid.Saliency()(scripted, x, target=1).values, expected)
    assert scripted.training
    with pytest.raises(pellucid.PellucidError):
        pellucid.Saliency()(scripted, x, target=1, at="fc1")


def test_exported_programs():
    net, x = table("gelu_mlp"), nets.rows(4, 6)
    exported = torch.export.export(net, (x,), dynamic_shapes=({0: torch.export.Dim("n", min=1)},)).module()
    close(pellucid.Saliency()(exported, x, target=1).values, gradients(net, x, 1))
    e = pellucid.IntegratedGradients()(exported, x, target=1)
    close(e.values, pellucid.IntegratedGradients()(net, x, target=1).values)


def test_tied_weights_stay_tied():
    net, x = nets.seeded(nets.ReusedReLU), nets.rows(4, 6)
    net.fc2.weight = nn.Parameter(net.fc1.weight.detach().new_ones(8, 8))
    net.register_parameter("again", net.fc2.weight)
    pellucid.Saliency()(net, x, target=1)
    assert net.again is net.fc2.weight


# -- targets --------------------------------------------------------------------------------------------------------

ONE_EACH = [1, 0, 2, 1]


@pytest.mark.parametrize(
    "target",
    [
        ONE_EACH,
        np.array(ONE_EACH),
        np.array(ONE_EACH, np.uint8),
        torch.tensor(ONE_EACH),
        torch.tensor(ONE_EACH)[:, None],
        ["b", "a", "c", "b"],
    ],
    ids=["list", "array", "uint8", "tensor", "column", "names"],
)
def test_one_target_per_row(target):
    net, x = table("gelu_mlp"), nets.rows(4, 6)
    e = pellucid.Saliency()(net, x, target=target, classes="abc")
    close(e.values, np.concatenate([gradients(net, x[i : i + 1], t) for i, t in enumerate(ONE_EACH)]))
    assert e.target == ("b", "a", "c", "b")


@pytest.mark.parametrize(
    "target",
    [1, -2, (1,), np.int64(1), "b", torch.tensor(1), np.array(1)],
    ids=["int", "negative", "tuple", "numpy", "name", "tensor scalar", "array scalar"],
)
def test_one_target_for_all_rows(target):
    net, x = table("gelu_mlp"), nets.rows(4, 6)
    close(pellucid.Saliency()(net, x, target=target, classes="abc").values, gradients(net, x, 1))


def test_refined_rows_keep_their_targets():
    """Rows of integrated gradients drop out one by one; each keeps its own target and carried inputs."""
    net, x = nets.trained("pool_cnn")
    targets = list(range(10))
    for at in (None, "conv2"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pellucid.PellucidWarning)
            whole = pellucid.IntegratedGradients()(net, x[:10], target=targets, at=at)
            alone = [pellucid.IntegratedGradients()(net, x[i : i + 1], target=i, at=at) for i in targets]
            still = pellucid.NoiseTunnel(of=pellucid.IntegratedGradients(), samples=2, noise=0.0)
            noiseless = still(net, x[:10], target=targets, at=at)
        close(whole.values, np.concatenate([e.values for e in alone]))
        close(noiseless.values, whole.values)


# -- memory ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [None, 2, 8, 64])
@pytest.mark.parametrize(
    "method",
    [
        pellucid.Saliency(),
        pellucid.IntegratedGradients(),
        pellucid.NoiseTunnel(samples=5),
        pellucid.Occlusion(),
        pellucid.KernelShap(),
    ],
)
@quiet
def test_batches_are_halved_when_memory_runs_out(method, batch_size):
    net, roomy, x = nets.seeded(nets.Hungry), nets.seeded(lambda: nets.Hungry(10**6)), nets.rows(10, 6)
    with pellucid.options(batch_size=batch_size):
        close(method(net, x, target=1).values, method(roomy, x, target=1).values)


@quiet
def test_permutation_importance_is_halved_too():
    net, roomy, x = (
        nets.seeded(nets.Hungry),
        nets.seeded(lambda: nets.Hungry(10**6)),
        nets.rows(10, 6).numpy(),
    )
    method = pellucid.PermutationImportance(repeats=2)
    close(method(net, x, target=1).values, method(roomy, x, target=1).values)


def test_memory_that_does_not_suffice_for_one_row_is_the_frameworks_own_error():
    net = nets.seeded(lambda: nets.Hungry(0))
    with pytest.raises(torch.OutOfMemoryError) as caught:
        pellucid.Saliency()(net, nets.rows(5, 6), target=1)
    assert any("pellucid" in note for note in caught.value.__notes__)


# -- functions of tensors -------------------------------------------------------------------------------------------


def test_functions_of_tensors():
    net, x = nets.seeded(nets.Normed), nets.rows(4, 6)
    net.train()
    e = pellucid.Saliency()(lambda z: net(z)[:, 0] ** 2, x)
    assert net.training
    net.eval()
    leaf = x.clone().requires_grad_(True)
    close(e.values, torch.autograd.grad((net(leaf)[:, 0] ** 2).sum(), leaf)[0])


@pytest.mark.parametrize("how", ["attribute", "partial", "list"])
def test_functions_that_hold_their_module_elsewhere(how):
    """In an object, a partial or a list: it is explained in evaluation mode and left as found there, too."""
    net, x = nets.seeded(nets.Normed), nets.rows(4, 6)
    expected = gradients(net, x, 1)
    net.train()
    before = net.norm.running_mean.clone()
    holder = SimpleNamespace(net=net)
    held = [net]
    function: Any = {
        "attribute": lambda z: holder.net(z),
        "partial": partial(lambda net, z: net(z), net),
        "list": lambda z: held[0](z),
    }[how]
    e = pellucid.Saliency()(function, x, target=1)
    assert torch.equal(net.norm.running_mean, before)
    close(e.values, expected)


def test_functions_without_a_module():
    x = nets.rows(4, 6, dtype=torch.float64)
    e = pellucid.IntegratedGradients(tolerance=1e-8)(lambda z: (z**3).sum(1), x)
    close(e.values, x.numpy() ** 3, 1e-6)


def test_bound_methods_and_losses():
    """A bound forward, and a target that is a function of the output."""
    net, x = table("gelu_mlp"), nets.rows(4, 6)
    close(pellucid.Saliency()(net.forward, x, target=1).values, gradients(net, x, 1))
    target = lambda y: torch.logsumexp(y, 1)  # noqa: E731
    e = pellucid.Saliency()(net, x, target=target)
    leaf = x.clone().requires_grad_(True)
    close(e.values, torch.autograd.grad(torch.logsumexp(net(leaf), 1).sum(), leaf)[0])


# -- bad input ------------------------------------------------------------------------------------------------------


def test_wrong_numbers_of_columns_name_the_first_layer():
    with pytest.raises(ShapeError, match=r"'1' takes 6 columns.*\(3, 5\)"):
        pellucid.Saliency()(table("gelu_mlp"), nets.rows(3, 5), target=0)
    with pytest.raises(ShapeError, match=r"'stem' takes 2 channels.*\(3, 4, 8, 8\)"):
        pellucid.Saliency()(nets.seeded(nets.Residual), nets.rows(3, 4, 8, 8), target=0)


def test_errors_of_the_model_arrive_intact_with_a_note():
    def broken(z: torch.Tensor) -> torch.Tensor:
        raise KeyError("no such thing")

    with pytest.raises(KeyError, match="no such thing") as caught:
        pellucid.Saliency()(broken, nets.rows(3, 6))
    assert any(note.startswith("pellucid: while Saliency") for note in caught.value.__notes__)


def test_no_gradients():
    with pytest.raises(CapabilityError, match="No gradient leads"):
        pellucid.Saliency()(nets.seeded(nets.Detached), nets.rows(3, 6), target=0)
    pellucid.Occlusion()(nets.seeded(nets.Detached), nets.rows(3, 6), target=0)


@pytest.mark.parametrize(
    "method", [pellucid.Saliency(), pellucid.IntegratedGradients(), pellucid.Occlusion()]
)
@pytest.mark.parametrize("batch_size", [None, 1, 2])
def test_nan_is_named_with_its_row(method, batch_size):
    net, x = nets.seeded(nets.Broken), nets.rows(5, 6)
    x[3, 0] = 10
    with pellucid.options(batch_size=batch_size), pytest.raises(DataError, match="NaN or infinity for row 3"):
        method(net, x, target=0)
    x[3, 0], x[2, 4] = 0, torch.nan
    with pytest.raises(DataError, match="Row 2 holds NaN in column 4"):
        method(net, x, target=0)
