"""The tape: what it records of a forward pass, and what it leaves of itself."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pellucid.adapters.torch.tape import recording, taken_apart
from tests import nets
from tests.architectures import Apply

A = torch.ops.aten
SHAPES = {A.t, A.detach, A.view, A._unsafe_view, A.expand, A.transpose, A.slice, A.select}
EVERY = lambda packet: packet not in SHAPES  # noqa: E731


def taped(net: nn.Module, x: torch.Tensor, wanted: Any = EVERY, **options: Any) -> Any:
    for p in net.parameters():
        p.requires_grad_(False)
    leaf = x.detach().requires_grad_(True)
    with recording(net, wanted, **options) as tape:
        y = net(leaf)
    return tape, y


def names(tape: Any) -> list[str]:
    return [op.packet.__name__ for op in tape.ops]


def test_modules_functions_and_methods_are_the_same():
    for relu in (nn.ReLU(), Apply(F.relu), Apply(torch.relu), Apply(lambda h: h.relu())):
        net = nn.Sequential(nn.Linear(3, 4), relu, nn.Linear(4, 2))
        tape, _ = taped(net, nets.rows(2, 3))
        assert names(tape) == ["addmm", "relu", "addmm"]
        assert all(op.node is not None for op in tape.ops)
        assert [type(op.node).__name__ for op in tape.ops] == [
            "AddmmBackward0",
            "ReluBackward0",
            "AddmmBackward0",
        ]


def test_only_what_is_wanted():
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2), nn.Softmax(1))
    assert names(taped(net, nets.rows(2, 3), lambda p: p is A.relu)[0]) == ["relu"]


def test_what_does_not_depend_on_the_input_is_not_recorded():
    net = Apply(lambda x: x * torch.arange(3.0).exp())
    tape, _ = taped(net, nets.rows(2, 3))
    assert names(tape) == ["mul"]
    assert tape.ops[0].needs == (True, False)


def test_outputs_and_arguments_are_those_of_the_pass():
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh())
    x = nets.rows(2, 3)
    tape, y = taped(net, x)
    assert torch.equal(tape.ops[-1].output, y)
    assert torch.equal(tape.ops[-1].args[0], net[0](x))


def test_in_place_what_was_there_before_is_kept():
    net, x = Apply(lambda x: (x * 2).relu_()), torch.tensor([[-1.0, 2.0]])
    tape, y = taped(net, x)
    assert names(tape) == ["mul", "relu_"]
    mul, relu = tape.ops
    assert mul.output.tolist() == [[-2.0, 4.0]]
    assert relu.args[0].tolist() == [[-2.0, 4.0]]
    assert relu.output.tolist() == y.tolist() == [[0.0, 4.0]]
    assert type(relu.node).__name__ == "ReluBackward0"


def test_what_is_overwritten_later_is_kept():
    def f(x: torch.Tensor) -> torch.Tensor:
        h = x + 0
        s = torch.sigmoid(h)
        h.add_(5)
        h[:, 0] = 7.0
        return s + h

    tape, _ = taped(Apply(f), torch.tensor([[1.0, 2.0]]))
    sigmoid = next(op for op in tape.ops if op.packet is A.sigmoid)
    assert sigmoid.args[0].tolist() == [[1.0, 2.0]]


def test_in_place_on_a_view_names_its_region():
    def f(x: torch.Tensor) -> torch.Tensor:
        h = x + 0
        h[:, 1:].relu_()
        return h

    tape, _ = taped(Apply(f), nets.rows(2, 3))
    op = next(op for op in tape.ops if op.packet is A.relu_)
    assert op.view == (torch.Size([2, 3]), (3, 1), torch.Size([2, 2]), (3, 1), 1)
    assert type(op.node).__name__ == "CopySlices"


def test_products_keep_the_factor_that_does_not_depend_on_the_input():
    net = nn.Linear(3, 4)
    for p in net.parameters():
        p.requires_grad_(False)
    (op,) = taped(net, nets.rows(2, 3), slim={A.addmm})[0].ops
    assert op.args[1] is None
    assert torch.equal(op.args[2], net.weight.T)


def test_attention_and_recurrence_are_taken_apart():
    x = nets.rows(2, 5, 8)
    attention = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    assert {"_softmax", "bmm", "native_layer_norm"} <= {
        n.replace("_safe", "") for n in names(taped(attention, x)[0])
    }
    lstm = Apply(lambda h, r: r(h)[0], nn.LSTM(8, 8, batch_first=True))
    found = names(taped(lstm, x)[0])
    assert found.count("sigmoid_") + found.count("sigmoid") == 15
    before = torch._C._get_mkldnn_enabled()
    with taken_apart(lstm):
        assert not torch._C._get_mkldnn_enabled()
    assert torch._C._get_mkldnn_enabled() == before


def test_the_module_of_each_operation():
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
            self.head = nn.Linear(4, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.tanh(self.head(self.body(x)))

    net, x = Net(), nets.rows(2, 3)
    assert [op.module for op in taped(net, x)[0].ops] == ["body.0", "body.1", "head", ""]
    assert [op.module for op in taped(net, x, places=False)[0].ops] == [""] * 4
    chosen = taped(net, x, places=lambda packet: packet is A.relu)[0].ops
    assert [op.module for op in chosen] == ["", "body.1", "", ""]


class Stopped(BaseException):
    pass


@pytest.mark.parametrize("error", [ValueError("boom"), KeyboardInterrupt(), Stopped()])
def test_whatever_is_raised_in_the_pass(error):
    def fail(h: torch.Tensor) -> torch.Tensor:
        raise error

    net = nn.Sequential(nn.LSTM(3, 3, batch_first=True), Apply(lambda h: fail(h[0])))
    before = (
        torch._C._get_mkldnn_enabled(),
        torch.is_grad_enabled(),
        torch.backends.cuda.flash_sdp_enabled(),
    )
    with pytest.raises(type(error)):
        taped(net, nets.rows(2, 4, 3))
    after = (torch._C._get_mkldnn_enabled(), torch.is_grad_enabled(), torch.backends.cuda.flash_sdp_enabled())
    assert before == after
    assert torch._C._len_torch_dispatch_stack() == 0
    assert not [m for m in net.modules() if m._forward_hooks or m._forward_pre_hooks]


def test_operations_without_gradients_have_no_node():
    def f(x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            scale = x.exp()
        return x * scale

    exp, mul = taped(Apply(f), nets.rows(2, 3))[0].ops
    assert exp.node is None
    assert mul.node is not None
    assert mul.needs == (True, False)


def test_cleared_it_holds_nothing():
    tape, _ = taped(nn.Linear(3, 2), nets.rows(2, 3))
    tape.clear()
    assert tape.ops == []
