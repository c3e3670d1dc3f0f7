"""PyTorch's exported programs, `.pt2`.

The format is meant to be data, yet torch.export.load reads parts of it by pickle and evaluates the text of its shape
expressions. A file that is not trusted is therefore looked through first, and refused by name for what could run code.
"""

from __future__ import annotations

import ast
import json
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from pellucid.core.errors import CapabilityError, TrustError
from pellucid.core.extras import need

SAFE_ONLY = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
"""While set to 1, torch unpickles tensors and nothing else, also where torch.export.load would fall back to more."""
OBJECTS = ("opaque_obj", "custom_obj")
"""What the parts of an archive that hold pickled objects are called."""
NAMES = """
Symbol Integer Float Rational Add Mul Pow Max Min Mod Abs floor ceiling Piecewise Eq Ne Lt Le Gt Ge And Or Not
Equality Unequality StrictLessThan LessThan StrictGreaterThan GreaterThan
"""
SYMPY = frozenset(NAMES.split())
"""Functions of sympy that a shape expression may call."""
ARITHMETIC = (
    ast.Expression,
    ast.Call,
    ast.keyword,
    ast.Name,
    ast.Load,
    ast.Constant,
    ast.BinOp,
    ast.UnaryOp,
    ast.BoolOp,
    ast.Compare,
    ast.operator,
    ast.unaryop,
    ast.boolop,
    ast.cmpop,
    ast.Tuple,
)


def exported(path: Path, trust: bool) -> tuple[Any, int | None]:
    """An exported program as a module with the layers it was written with, and the batch size it is fixed to.

    Raises:
        TrustError: opening it could run code, and it is not trusted.
        CapabilityError: it takes a fixed number of rows, more than one.
    """
    torch = need("torch", what="A .pt2 model", extra="torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's remarks on its own deprecations
        if not trust:
            _check(torch, path)
        with _tensors_only(trust):
            program = _opened(torch, path)
        module = torch.export.unflatten(program)
    for part in module.modules():
        part.training = False  # a program was traced in one mode; the flag of its shell says nothing
    rows = _fixed_rows(program)
    if rows is not None and rows > 1:
        raise CapabilityError(
            f"{path.name} was exported for exactly {rows} rows at a time.",
            fix="Export it again with dynamic_shapes={'<input>': {0: torch.export.Dim.AUTO}}, or for a single row.",
        )
    return module, rows


def _opened(torch: Any, path: Path) -> Any:
    from pickle import UnpicklingError

    try:
        return torch.export.load(path)
    except UnpicklingError as error:
        raise _untrusted(path, "more than tensors") from error


def _fixed_rows(program: Any) -> int | None:
    """How many rows the program's first input must have; None where any number will do."""
    names = program.graph_signature.user_inputs
    for node in program.graph.nodes:
        if node.op == "placeholder" and node.name in names[:1]:
            rows = node.meta["val"].shape[0]
            return rows if isinstance(rows, int) else None
    return None


@contextmanager
def _tensors_only(trust: bool) -> Iterator[None]:
    before = os.environ.get(SAFE_ONLY)
    if not trust:
        os.environ[SAFE_ONLY] = "1"
    try:
        yield
    finally:
        os.environ.pop(SAFE_ONLY, None)
        if before is not None:
            os.environ[SAFE_ONLY] = before


def _untrusted(path: Path, what: str) -> TrustError:
    return TrustError(
        f"{path.name} holds {what}: opening it could run code.",
        fix="Pass --trust if you know where the file comes from.",
    )


def _check(torch: Any, path: Path) -> None:
    """Refuse pickled objects, and shape expressions that are more than arithmetic."""
    archive = torch._C.PyTorchFileReader(str(path))  # what torch itself reads the file with
    allowed = SYMPY | set(dir(import_module("torch.utils._sympy.functions")))
    for record in archive.get_all_records():
        if any(word in record.lower() for word in OBJECTS):
            raise _untrusted(path, "pickled objects")
        if record.lower().endswith(".json"):
            for text in _expressions(json.loads(archive.get_record(record))):
                if not _is_arithmetic(text, allowed):
                    raise _untrusted(path, f"the shape expression {text[:60]!r}")


def _expressions(tree: Any) -> Iterator[str]:
    """Every text that torch will evaluate as a shape expression, wherever it stands."""
    if isinstance(tree, dict):
        if isinstance(text := tree.get("expr_str"), str):
            yield text
        tree = list(tree.values())
    for item in tree if isinstance(tree, list) else ():
        yield from _expressions(item)


def _is_arithmetic(text: str, allowed: set[str] | frozenset[str]) -> bool:
    try:
        nodes = list(ast.walk(ast.parse(text, mode="eval")))
    except (SyntaxError, ValueError):
        return False
    plain = all(isinstance(n, ARITHMETIC) for n in nodes)
    called = all(
        isinstance(n.func, ast.Name) and n.func.id in allowed for n in nodes if isinstance(n, ast.Call)
    )
    texts = [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return plain and called and all(re.fullmatch(r"\w+", t) for t in texts)
