"""scikit-learn's estimators through skops: types are checked before anything is made, trees after it.

skops refuses scikit-learn's decision trees since their nodes are numbers that scikit-learn follows without looking: a
crafted file could crash the process. Here they are loaded, and every node is looked at before the model is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pellucid.core.errors import FileError, TrustError
from pellucid.core.extras import need

TREE = "sklearn.tree._tree.Tree"


def skops(path: Path, trust: bool) -> Any:
    """The estimator in a `.skops` file.

    Raises:
        TrustError: it holds types that are not known as safe, and is not trusted.
        FileError: a tree in it points to nodes or columns that are not there.
    """
    io = need("skops.io", what="A .skops model", extra="files")
    unknown = io.get_untrusted_types(file=path)
    strange = [name for name in unknown if name != TREE]
    if strange and not trust:
        raise TrustError(
            f"{path.name} holds types that skops does not know as safe: {', '.join(strange)}.",
            fix="Pass --trust if you know where the file comes from.",
        )
    model = io.load(path, trusted=unknown)
    for tree, width in _trees(model, None, set()):
        if not _sound(tree, width):
            raise FileError(
                f"{path.name} is damaged: a tree in it points to nodes or columns that are not there."
            )
    return model


def _trees(place: Any, width: int | None, seen: set[int]) -> Iterator[tuple[Any, int | None]]:
    """Every tree inside an estimator, with how many columns it will be given."""
    from sklearn.tree._tree import Tree

    if id(place) in seen:
        return
    seen.add(id(place))
    if isinstance(place, Tree):
        yield place, width
    for part in _parts(place):
        yield from _trees(part, _width(place, width), seen)


def _parts(place: Any) -> list[Any]:
    import numpy as np

    if isinstance(place, dict):
        return list(place.values())
    if isinstance(place, list | tuple):
        return list(place)
    if isinstance(place, np.ndarray):
        return place.ravel().tolist() if place.dtype == object else []
    return list(vars(place).values()) if hasattr(place, "__dict__") and not isinstance(place, type) else []


def _width(place: Any, given: int | None) -> int | None:
    """Columns that a part of `place` is given: an ensemble hands its own on, at most as many."""
    from sklearn.tree import BaseDecisionTree

    own = getattr(place, "n_features_in_", None)
    if own is None:
        return given
    return min(own, given) if given is not None and isinstance(place, BaseDecisionTree) else own


def _sound(tree: Any, width: int | None) -> bool:
    """Whether every node leads forward to another, and asks for a column that is there."""
    import numpy as np

    inner = tree.children_left != -1
    here = np.arange(tree.node_count)[inner]
    columns = tree.n_features if width is None else min(width, tree.n_features)
    forward = all(
        ((side[inner] > here) & (side[inner] < tree.node_count)).all()
        for side in (tree.children_left, tree.children_right)
    )
    return bool(forward and ((tree.feature[inner] >= 0) & (tree.feature[inner] < columns)).all())
