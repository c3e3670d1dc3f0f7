"""Small torch networks that the tests explain: each shows one thing that a network may do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)


def seeded(make: Callable[[], nn.Module], seed: int = 0, dtype: torch.dtype = torch.float32) -> nn.Module:
    """A network with weights drawn from `seed`, in evaluation mode; the global stream is left alone."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return make().to(dtype).eval()


def rows(n: int, *shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """(n, *shape) normal numbers from `seed`."""
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(
        dtype
    )


# -- image networks -------------------------------------------------------------------------------------------------


class Residual(nn.Module):
    """A residual CNN whose activations, pooling and addition are functions, not layers: (n, 2, 8, 8) -> (n, 5)."""

    shape = (2, 8, 8)

    def __init__(self, channels: int = 2, classes: int = 5) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, 6, 3, padding=1)
        self.conv1 = nn.Conv2d(6, 6, 3, padding=1)
        self.conv2 = nn.Conv2d(6, 6, 3, padding=1)
        self.head = nn.Conv2d(6, 8, 3, padding=1)
        self.fc1 = nn.Linear(8 * 4, 16)
        self.fc2 = nn.Linear(16, classes)
        with torch.no_grad():  # as much signal as a trained network has: what is hidden or changed must show
            for p in self.parameters():
                p *= 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a = F.gelu(self.stem(x))
        b = self.conv2(torch.tanh(self.conv1(a)))
        a = F.avg_pool2d(torch.tanh(a + b), 2)
        a = F.avg_pool2d(F.gelu(self.head(a)), 2)
        return self.fc2(F.gelu(self.fc1(a.flatten(1))))


class PoolCNN(nn.Module):
    """ReLU and max pooling: (n, 1, 8, 8) -> (n, 10)."""

    shape = (1, 8, 8)

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(16 * 4, 32)
        self.fc2 = nn.Linear(32, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool(torch.relu(self.conv1(x)))
        x = self.pool(torch.relu(self.conv2(x)))
        return self.fc2(torch.relu(self.fc1(x.flatten(1))))


class Pooled(nn.Module):
    """Convolutions, a global average and one dense layer, as CAM needs them: (n, 1, 8, 8) -> (n, 10)."""

    shape = (1, 8, 8)

    def __init__(self, channels: int = 1, classes: int = 10) -> None:
        super().__init__()
        self.conv1, self.relu1 = nn.Conv2d(channels, 8, 3, padding=1), nn.ReLU()
        self.conv2, self.relu2 = nn.Conv2d(8, 12, 3, padding=1), nn.ReLU()
        self.pool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(12, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.pool(self.relu2(self.conv2(self.relu1(self.conv1(x))))).flatten(1))


class Patches(nn.Module):
    """A vision transformer, pre-norm, with a class token or the mean of all: (n, 1, 8, 12) -> (n, 4), 2 x 3 patches."""

    shape = (1, 8, 12)

    def __init__(self, class_token: bool = True) -> None:
        super().__init__()
        self.patch, self.class_token = nn.Conv2d(1, 16, 4, stride=4), class_token
        self.token = nn.Parameter(torch.randn(1, 1, 16))
        self.position = nn.Parameter(torch.randn(1, 6 + class_token, 16))
        block = nn.TransformerEncoderLayer(16, 2, 32, 0.0, "gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(block, 2, enable_nested_tensor=False)
        self.fc = nn.Linear(16, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        t = self.patch(x).flatten(2).mT
        t = torch.cat([self.token.expand(len(t), -1, -1), t], 1) if self.class_token else t
        t = self.encoder(t + self.position)
        return self.fc(t[:, 0] if self.class_token else t.mean(1))


class Transformer(nn.Module):
    """Two encoder blocks with GELU over the 8 lines of a digit: (n, 1, 8, 8) -> (n, 10)."""

    shape = (1, 8, 8)

    def __init__(self, norm_first: bool = False) -> None:
        super().__init__()
        self.embed = nn.Linear(8, 24)
        self.position = nn.Parameter(torch.randn(8, 24) * 0.1)
        block = nn.TransformerEncoderLayer(
            24, 3, 48, dropout=0.1, activation="gelu", batch_first=True, norm_first=norm_first
        )
        self.encoder = nn.TransformerEncoder(block, 2, enable_nested_tensor=False)
        self.fc = nn.Linear(24, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.encoder(self.embed(x.squeeze(1)) + self.position).mean(1))


def mlp(
    activation: type[nn.Module], sizes: tuple[int, ...] = (64, 48, 32, 10), bias: bool = True
) -> nn.Sequential:
    """Dense layers with `activation` between them, behind a flattening."""
    layers: list[nn.Module] = [nn.Flatten()]
    for i, (a, b) in enumerate(pairwise(sizes)):
        layers += [activation()] if i else []
        layers.append(nn.Linear(a, b, bias=bias))
    return nn.Sequential(*layers)


TRAINABLE: dict[str, Callable[[], nn.Module]] = {
    "gelu_mlp": lambda: mlp(nn.GELU),
    "tanh_mlp": lambda: mlp(nn.Tanh),
    "relu_mlp": lambda: mlp(nn.ReLU),
    "pool_cnn": PoolCNN,
    "transformer": Transformer,
    "transformer_prenorm": lambda: Transformer(norm_first=True),
}
SMOOTH = ("gelu_mlp", "tanh_mlp", "transformer", "transformer_prenorm")


@lru_cache
def digits() -> tuple[torch.Tensor, torch.Tensor]:
    """scikit-learn's handwritten digits: (1797, 1, 8, 8) in 0..1, and their classes."""
    from sklearn.datasets import load_digits

    data = load_digits()
    return torch.tensor(data.images[:, None] / 16, dtype=torch.float32), torch.tensor(data.target)


@lru_cache
def trained(kind: str) -> tuple[nn.Module, torch.Tensor]:
    """One of `TRAINABLE`, fitted to the digits in a second or two, and the test images it has not seen."""
    x, y = digits()
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    fit, held = order[:1400], order[1400:]
    net = seeded(TRAINABLE[kind])
    with torch.random.fork_rng():
        torch.manual_seed(1)
        optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
        net.train()
        for _ in range(12):
            for part in fit[torch.randperm(len(fit))].split(100):
                optimiser.zero_grad()
                F.cross_entropy(net(x[part]), y[part]).backward()
                optimiser.step()
    optimiser.zero_grad()
    return net.eval(), x[held]


# -- what a network may do ------------------------------------------------------------------------------------------


class ReusedReLU(nn.Module):
    """One nn.ReLU called three times: (n, 6) -> (n, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 3)
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu(self.fc1(x))
        x = self.relu(self.fc2(x))
        return self.relu(self.fc3(x) + 1)


class ReusedLinear(nn.Module):
    """One nn.Linear called twice: (n, 6) -> (n, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.out = nn.Linear(6, 6), nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(torch.tanh(self.inner(torch.tanh(self.inner(x)))))


@dataclass
class Outputs:
    """What a network may return instead of a tensor."""

    logits: torch.Tensor
    hidden: torch.Tensor


class Several(nn.Module):
    """Two outputs as a tuple, a dict, or a dataclass; the first is named `first`: (n, 6) -> (n, 3) and (n, 8)."""

    def __init__(self, kind: str, first: str = "logits") -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(6, 8), nn.Linear(8, 3)
        self.kind, self.first = kind, first

    def forward(self, x: torch.Tensor) -> Any:
        hidden = torch.tanh(self.fc1(x))
        logits = self.fc2(hidden)
        if self.kind == "tuple":
            return logits, hidden
        if self.kind == "dict":
            return {self.first: logits, "hidden": hidden}
        return Outputs(logits, hidden)


class TwoInputs(nn.Module):
    """A dense and an image input: (n, 4), (n, 1, 3, 3) -> (n, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right, self.out = nn.Linear(4, 6), nn.Linear(9, 6), nn.Linear(6, 3)

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        return self.out(torch.tanh(self.left(left) * self.right(right.flatten(1))))


class Ids(nn.Module):
    """Token ids through an embedding: (n, 5) of int -> (n, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20, 6)
        self.fc1, self.fc2 = nn.Linear(6, 8), nn.Linear(8, 3)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.fc2(F.gelu(self.fc1(self.embedding(ids))).mean(1))


class IdsAndNumbers(nn.Module):
    """Token ids beside real numbers: (n, 5) of int, (n, 4) -> (n, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20, 6)
        self.numbers, self.out = nn.Linear(4, 6), nn.Linear(6, 3)

    def forward(self, ids: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        return self.out(torch.tanh(self.embedding(ids).mean(1) + self.numbers(numbers)))


class InPlaceIds(nn.Module):
    """Writes into the token ids it is given: (n, 5) of int -> (n, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.fc = nn.Embedding(20, 6), nn.Linear(6, 3)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        ids.clamp_(max=9)
        return self.fc(torch.tanh(self.embedding(ids)).mean(1))


class Normed(nn.Module):
    """BatchNorm and Dropout: (n, 6) -> (n, 3)."""

    def __init__(self, running: bool = True) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(6, 8), nn.Linear(8, 3)
        self.norm = nn.BatchNorm1d(8, track_running_stats=running)
        self.drop = nn.Dropout(0.5)
        if running:
            nn.init.normal_(self.norm.running_mean)
            nn.init.uniform_(self.norm.running_var, 0.5, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc2(self.drop(torch.tanh(self.norm(self.fc1(x)))))


class InPlace(nn.Module):
    """Writes into its own input, and into a layer's output: (n, 6) -> (n, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.relu, self.fc2 = nn.Linear(6, 8), nn.ReLU(inplace=True), nn.Linear(8, 3)
        self.register_buffer("mean", torch.linspace(-1, 1, 6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x.sub_(self.mean)
        x.mul_(2.0)
        return self.fc2(self.relu(self.fc1(x)))


class ReLUFirst(nn.Module):
    """An in-place ReLU as the very first thing: (n, 6) -> (n, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.relu, self.fc = nn.ReLU(inplace=True), nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.relu(x))


class Counting(nn.Module):
    """Writes to its buffers in every forward pass, in place and by assignment: (n, 6) -> (n, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 3)
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))
        self.register_buffer("seen", torch.zeros(6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        self.seen = 0.9 * self.seen + 0.1 * x.detach().mean(0)
        return torch.tanh(self.fc(x))


class Recurrent(nn.Module):
    """An LSTM, whose layer gives a tuple: (n, 5, 4) -> (n, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(4, 6, batch_first=True)
        self.fc = nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out, _ = self.lstm(x)
        return self.fc(out[:, -1])


class Drawing(nn.Module):
    """Draws random numbers of torch and of NumPy in evaluation mode, and does not use them: (n, 6) -> (n, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.fc(x)) + 0.0 * torch.rand(()) + 0.0 * float(np.random.rand())  # noqa: NPY002


class Hungry(nn.Module):
    """Runs out of memory above `most` rows: (n, 6) -> (n, 3)."""

    def __init__(self, most: int = 3) -> None:
        super().__init__()
        self.fc1, self.fc2, self.most = nn.Linear(6, 8), nn.Linear(8, 3), most

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if len(x) > self.most:
            raise torch.OutOfMemoryError(f"no room for {len(x)} rows")
        return self.fc2(torch.tanh(self.fc1(x)))


class Broken(nn.Module):
    """Gives NaN for rows whose first value is above 9: (n, 6) -> (n, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.where(x[:, :1] > 9, torch.nan, torch.tanh(self.fc(x)))


class Detached(nn.Module):
    """No gradient comes through: (n, 6) -> (n, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(x).detach()


class Dead(nn.Module):
    """The output does not depend on the input's values, the gradient is zero: (n, 6) -> (n, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(torch.relu(x * 0 - 1))


def inference_born() -> nn.Module:
    """A dense network whose parameters were made under inference mode: (n, 6) -> (n, 3)."""
    with torch.inference_mode():
        return mlp(nn.GELU, (6, 8, 3)).eval()


def compiled(net: nn.Module, like: torch.Tensor, backend: str = "aot_eager") -> tuple[Any, str]:
    """The network compiled and run once, or None and why no compiler works here."""
    try:
        made = torch.compile(net, backend=backend)
        made(like)
    except Exception as error:  # noqa: BLE001  # whatever a missing compiler raises
        return None, f"torch.compile(backend={backend!r}) fails here: {type(error).__name__}"
    return made, ""


TABLE_NETS: dict[str, Callable[[], nn.Module]] = {
    "gelu_mlp": lambda: mlp(nn.GELU, (6, 8, 3)),
    "relu_mlp": lambda: mlp(nn.ReLU, (6, 8, 3)),
    "tanh_mlp": lambda: mlp(nn.Tanh, (6, 8, 3)),
    "reused_relu": ReusedReLU,
    "reused_linear": ReusedLinear,
    "dict": lambda: Several("dict"),
    "dataclass": lambda: Several("dataclass"),
    "normed": Normed,
    "in_place": InPlace,
    "relu_first": ReLUFirst,
    "counting": Counting,
    "drawing": Drawing,
    "hungry": Hungry,
}
"""Networks of rows of six numbers with three outputs."""
