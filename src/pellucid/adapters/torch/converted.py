"""An ONNX network as a PyTorch module, for its gradients."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

from pellucid.core.errors import CapabilityError, MissingDependency

from .module import TorchModel, wrap


def converted(proto: Any, *, output: str | int | None = None) -> TorchModel:
    """The network that `proto` describes, its gradients by autograd.

    Args:
        proto: `onnx.ModelProto`.
        output: which of several outputs, by position.

    Raises:
        MissingDependency: the converter cannot be imported.
        CapabilityError: it has no PyTorch operation for one of the graph's.
    """
    try:
        convert = import_module("onnx2torch").convert
    except ImportError as error:
        raise MissingDependency(
            f"Gradients of an ONNX network need onnx2torch, which cannot be imported: {error}.",
            fix="Run: pip install onnx2torch",
        ) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the converter's remarks on operators of old versions
            module = convert(proto)
    except NotImplementedError as error:
        raise CapabilityError(
            f"onnx2torch cannot convert the network: {error}", fix="Use a perturbation method."
        ) from error
    return wrap(module.eval(), output=output)
