"""Two models of the zoo written in PyTorch, with the weights of the Keras ones."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


def _of(model: keras.Model, layer: str) -> list[torch.Tensor]:
    return [torch.tensor(keras.ops.convert_to_numpy(w)) for w in model.get_layer(layer).weights]


def _conv(model: keras.Model, layer: str) -> nn.Conv2d:
    w, b = _of(model, layer)
    made = nn.Conv2d(w.shape[2], w.shape[3], w.shape[0], padding="same")
    made.weight.data, made.bias.data = w.permute(3, 2, 0, 1).contiguous(), b  # type: ignore[union-attr]
    return made


def _dense(model: keras.Model, layer: str) -> nn.Linear:
    w, b = _of(model, layer)
    made = nn.Linear(*w.shape)
    made.weight.data, made.bias.data = w.T.contiguous(), b
    return made


class Sequential(nn.Module):
    """As `zoo.sequential`."""

    def __init__(self, of: keras.Model) -> None:
        super().__init__()
        self.conv1, self.conv2, self.fc = _conv(of, "conv1"), _conv(of, "conv2"), _dense(of, "fc")
        gamma, beta, mean, variance = _of(of, "norm")
        self.norm = nn.BatchNorm2d(6, eps=of.get_layer("norm").epsilon)
        self.norm.weight.data, self.norm.bias.data = gamma, beta
        self.norm.running_mean, self.norm.running_var = mean, variance

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = torch.relu(self.norm(self.conv2(x)))
        return self.fc(x.mean((2, 3)))


class Residual(nn.Module):
    """As `zoo.functional`."""

    def __init__(self, of: keras.Model) -> None:
        super().__init__()
        self.stem, self.conv1, self.conv2 = (_conv(of, n) for n in ("stem", "conv1", "conv2"))
        self.add, self.fc = nn.Identity(), _dense(of, "fc")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a = torch.relu(self.stem(x))
        b = self.conv2(torch.relu(self.conv1(a)))
        a = F.avg_pool2d(torch.relu(self.add(a + b)), 2)
        return self.fc(a.permute(0, 2, 3, 1).flatten(1))


def twin(kind: str, model: keras.Model) -> nn.Module:
    """The same network in PyTorch, channels first."""
    return {"sequential": Sequential, "functional": Residual}[kind](model).eval()


def first(array: np.ndarray) -> np.ndarray:
    """Channels last -> first."""
    return np.ascontiguousarray(np.moveaxis(array, -1, 1))


def last(array: Any) -> np.ndarray:
    """Channels first -> last."""
    return np.moveaxis(np.asarray(array), 1, -1) if np.ndim(array) == 4 else np.asarray(array)
