"""Results as files: one `.npz` of plain arrays with a JSON header. Nothing is ever unpickled."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from pellucid.core.errors import FileError
from pellucid.core.features import Features

from .base import Check, Explanation, Provenance, Quality

FORMAT = 1


def save(e: Explanation, path: Path) -> Path:
    """Write `e`; ".npz" is added where the path has no ending. The path is returned."""
    path = path if path.suffix else path.with_suffix(".npz")
    arrays: dict[str, Any] = {}
    header: dict[str, Any] = {"pellucid": FORMAT, "type": type(e).__name__, "fields": {}}
    for f in fields(e):
        value = getattr(e, f.name)
        if isinstance(value, np.ndarray):
            if value.dtype.hasobject:
                raise FileError(
                    f"{f.name} holds Python objects, which no file of ours keeps.", got=f"dtype {value.dtype}"
                )
            arrays[f.name] = value
        elif f.name not in ("features", "quality", "provenance"):
            header["fields"][f.name] = value
    header["features"] = e.features.to_json()
    header["provenance"] = asdict(e.provenance)
    quality = {f.name: getattr(e.quality, f.name) for f in fields(e.quality)}
    if (half := quality.pop("half_width")) is not None:
        arrays["half_width"] = half
    header["quality"] = {**quality, "checks": [asdict(c) for c in e.quality.checks]}
    arrays["header"] = np.frombuffer(json.dumps(header, default=_json).encode(), np.uint8)
    try:
        with path.open("wb") as file:
            np.savez_compressed(file, **arrays)
    except OSError as error:
        raise FileError(
            f"{path} cannot be written: {error.strerror or error}.", fix="Choose another place."
        ) from error
    return path


def load(path: str | Path) -> Explanation:
    """Read a result that `save` wrote.

    Raises:
        FileError: there is no such file, it is damaged, it is no result of ours, or of a version that we cannot read.
    """
    path = Path(path)
    advice = "Pass a file written by save()."
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, TypeError, NotImplementedError, BadZipFile, zlib.error) as error:
        raise FileError(f"{path} is not a readable result: {error}.", fix=advice) from error
    if "header" not in arrays:
        raise FileError(f"{path} holds no pellucid result.", fix=advice)
    try:
        header = json.loads(arrays.pop("header").tobytes())
        kind, version = header["type"], header["pellucid"]
    except (ValueError, KeyError, TypeError) as error:
        raise FileError(f"{path} holds no pellucid result.", fix=advice) from error
    if kind not in Explanation.KINDS or version != FORMAT:
        raise FileError(f"{path} was written by another version.", got=f"{kind} {version}")
    try:
        return _built(Explanation.KINDS[kind], header, arrays)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise FileError(f"{path} is damaged: {error}.", fix=advice) from error


def _built(cls: type[Explanation], header: dict[str, Any], arrays: dict[str, Any]) -> Explanation:
    quality = dict(header["quality"])
    checks = tuple(Check(**{**c, "rows": tuple(c["rows"])}) for c in quality.pop("checks"))
    provenance = {**header["provenance"], "notes": tuple(header["provenance"]["notes"])}
    return cls(
        features=Features.from_json(header["features"]),
        quality=Quality(**quality, checks=checks, half_width=arrays.pop("half_width", None)),
        provenance=Provenance(**provenance),
        **{k: _tuples(v) for k, v in header["fields"].items()},
        **arrays,
    )


def _json(value: Any) -> Any:
    """What JSON does not know: NumPy numbers, dates and other labels become plain ones."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    return dict(value) if isinstance(value, Mapping) else str(value)


def _tuples(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_tuples(v) for v in value)
    return {k: _tuples(v) for k, v in value.items()} if isinstance(value, dict) else value
