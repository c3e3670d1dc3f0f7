"""PyTorch's files of weights, and pickled modules."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pellucid.core.errors import FileError
from pellucid.core.extras import need


def fill(model: Any, path: Path, trust: bool) -> None:
    """Load weights into a module.

    Raises:
        FileError: they are those of another network, or of an unknown kind of file.
    """
    state = weights(path, trust)
    try:
        model.load_state_dict(state)
    except (RuntimeError, KeyError, TypeError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        what = lines[1] if len(lines) > 1 else str(error)
        raise FileError(f"{path.name} does not fit {type(model).__name__}: {what}") from error


def weights(path: Path, trust: bool) -> Mapping[str, Any]:
    """The tensors of a file, by name."""
    if path.suffix.lower() == ".safetensors":
        return need("safetensors.torch", what="A .safetensors file", extra="torch").load_file(path)
    if path.suffix.lower() in (".pt", ".pth", ".bin"):
        return need("torch", what=f"A {path.suffix} file", extra="torch").load(
            path, weights_only=not trust, map_location="cpu"
        )
    raise FileError(f"{path.name} is no file of weights pellucid knows.", fix="Pass .safetensors, or .pt.")


def pickled(path: Path) -> Any:
    """A whole module out of a pickle that the user trusts.

    Raises:
        FileError: it holds weights alone.
    """
    torch = need("torch", what=f"A {path.suffix} model", extra="torch")
    model = torch.load(path, weights_only=False, map_location="cpu")
    if isinstance(model, Mapping):
        raise FileError(
            f"{path.name} holds weights, not a model.",
            fix=f"Pass --model package.module:factory --weights {path}.",
        )
    return model
