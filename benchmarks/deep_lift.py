"""DeepLIFT and guided backpropagation against captum, and RevealCancel against rescale: time, and what is missing.

Run: python benchmarks/deep_lift.py
"""

from __future__ import annotations

from measure import interleaved, one_thread, ratio, table

one_thread()

import warnings

import numpy as np
import torch
from torch import nn

import pellucid
from integrated_gradients import mlp, resnet18

warnings.simplefilter("ignore")


class Transformer(nn.Module):
    """Two encoder layers of width 64 over 16 tokens of 8 numbers."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(64, 4, 128, activation="gelu", batch_first=True)
        self.embed, self.encoder = (
            nn.Linear(8, 64),
            nn.TransformerEncoder(layer, 2, enable_nested_tensor=False),
        )
        self.head = nn.Linear(64, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.encoder(self.embed(x)).mean(1))


def transformer() -> nn.Module:
    torch.manual_seed(0)
    return Transformer().eval()


def modular() -> nn.Module:
    """The ResNet with every ReLU a module of its own, which captum needs for guided backpropagation."""
    from integrated_gradients import Block

    class Spelled(nn.Module):
        def __init__(self, block: Block) -> None:
            super().__init__()
            self.block, self.relu1, self.relu2 = block, nn.ReLU(), nn.ReLU()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            b = self.block
            return self.relu2(b.norm2(b.conv2(self.relu1(b.norm1(b.conv1(x))))) + b.skip(x))

    return nn.Sequential(*(Spelled(m) if isinstance(m, Block) else m for m in resnet18())).eval()


def gap(values: np.ndarray, net: nn.Module, x: torch.Tensor) -> float:
    """What is missing to f(x) - f(0), relative, worst row."""
    with torch.no_grad():
        change = (net(x) - net(torch.zeros_like(x)))[:, 0].numpy()
    return float((np.abs(values.reshape(len(x), -1).sum(1) - change) / np.abs(change)).max())


def deep_lift() -> str:
    from captum.attr import DeepLift

    rows = []
    for name, net, x, rounds in (
        ("ResNet-18, one image", modular(), torch.randn(1, 3, 224, 224), 7),
        ("transformer of width 64, one row", transformer(), torch.randn(1, 16, 8), 40),
        ("transformer of width 64, 32 rows", transformer(), torch.randn(32, 16, 8), 15),
        ("MLP, one row", mlp(), torch.randn(1, 30), 60),
        ("MLP, 256 rows", mlp(), torch.randn(256, 30), 30),
    ):
        rivals = {
            "pellucid": lambda net=net, x=x: pellucid.DeepLift()(net, x, target=0).values,
            "captum": lambda net=net, x=x: DeepLift(net).attribute(x, target=0).detach().numpy(),
        }
        seconds = interleaved(rivals, rounds)
        middle, low, high = ratio(seconds["pellucid"], seconds["captum"])
        gaps = [f"{gap(run(), net, x):.1e}" for run in rivals.values()]
        rows.append([name, f"{middle:.2f} ({low:.2f}-{high:.2f})", *gaps])
    head = ["", "CPU time to captum", "missing: pellucid", "captum"]
    return table(
        "DeepLIFT, baseline zero: median ratio (quartiles), and what is missing to completeness", head, rows
    )


def reveal_cancel() -> str:
    """No peer has it for PyTorch: RevealCancel to Rescale."""
    rows = []
    for name, net, x, rounds in (
        ("ResNet-18, one image", modular(), torch.randn(1, 3, 224, 224), 5),
        ("transformer of width 64, 32 rows", transformer(), torch.randn(32, 16, 8), 15),
        ("MLP, one row", mlp(), torch.randn(1, 30), 60),
        ("MLP, 256 rows", mlp(), torch.randn(256, 30), 30),
    ):
        rivals = {
            rule: lambda net=net, x=x, rule=rule: pellucid.DeepLift(rule=rule)(net, x, target=0).values
            for rule in ("rescale", "reveal_cancel")
        }
        seconds = interleaved(rivals, rounds)
        middle, low, high = ratio(seconds["reveal_cancel"], seconds["rescale"])
        missing = gap(rivals["reveal_cancel"](), net, x)
        rows.append([name, f"{middle:.2f} ({low:.2f}-{high:.2f})", f"{missing:.1e}"])
    return table("RevealCancel", ["", "CPU time to rescale", "missing to completeness"], rows)


def guided() -> str:
    from captum.attr import GuidedBackprop

    net, x = modular(), torch.randn(1, 3, 224, 224)
    rivals = {
        "pellucid": lambda: pellucid.GuidedBackprop()(net, x, target=0).values,
        "captum": lambda: GuidedBackprop(net).attribute(x, target=0).numpy(),
    }
    seconds = interleaved(rivals, 9)
    middle, low, high = ratio(seconds["pellucid"], seconds["captum"])
    far = float(np.abs(rivals["pellucid"]() - rivals["captum"]()).max())
    row = ["ResNet-18, one image", f"{middle:.2f} ({low:.2f}-{high:.2f})", f"{far:.1e}"]
    return table("Guided backpropagation", ["", "CPU time to captum", "largest difference"], [row])


if __name__ == "__main__":
    print(deep_lift())
    print(reveal_cancel())
    print(guided())
