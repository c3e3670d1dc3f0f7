"""The demo's two models, trained where they are needed: a CNN on handwritten digits, a forest on breast tumours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core.extras import need
from pellucid.core.types import NpArray

SIDE = 32
"""Pixels of a digit's side, from the 8 of the scan."""
EPOCHS = 12
BATCH = 64
TREES = 100


@dataclass(frozen=True, eq=False)
class Trained:
    """A model and the rows it never saw.

    Attributes:
        model: the network or the forest.
        X, y: test rows and their true classes.
        seen: the rows it was trained on.
        scores: (n, classes) its probabilities for the test rows.
        classes: names of the classes.
        columns: names of the columns, for the table.
    """

    model: Any
    X: NpArray
    y: NpArray
    seen: NpArray
    scores: NpArray
    classes: tuple[str, ...]
    columns: tuple[str, ...] = ()

    @property
    def predicted(self) -> NpArray:
        return self.scores.argmax(1)

    @property
    def accuracy(self) -> float:
        """Share of test rows whose class is told correctly."""
        return float(np.mean(self.predicted == self.y))


def check_torch() -> None:
    """Load torch.

    Raises:
        MissingDependency: it is not installed.
    """
    need("torch", what="The demo's network", extra="torch")


def digits(seed: int) -> Trained:
    """A network of three convolutions and two dense layers, trained on 1,347 of scikit-learn's scanned digits."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    from .network import probabilities, train

    scans, y = load_digits(return_X_y=True)
    images = enlarged(np.asarray(scans).reshape(-1, 8, 8) / 16)
    parts = train_test_split(images, y, test_size=0.25, random_state=seed, stratify=y)
    seen, X, y_seen, y_test = map(np.asarray, parts)
    model = train(seen, y_seen, seed=seed, epochs=EPOCHS, batch=BATCH)
    return Trained(model, X, y_test, seen, probabilities(model, X), tuple(map(str, range(10))))


def enlarged(scans: NpArray) -> NpArray:
    """(n, 8, 8) -> (n, 1, 32, 32): linear between the scan's pixels, half-pixel centres kept."""
    from scipy.ndimage import map_coordinates

    sides = (np.arange(SIDE) + 0.5) * scans.shape[1] / SIDE - 0.5
    rows, columns = np.meshgrid(sides, sides, indexing="ij")
    drawn = [map_coordinates(s, (rows, columns), order=1, mode="nearest") for s in scans]
    return np.stack(drawn).astype(np.float32)[:, None]


def tumours(seed: int) -> Trained:
    """A random forest on three quarters of the breast-cancer table."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import train_test_split

    table: Any = load_breast_cancer()
    parts = train_test_split(
        table.data, table.target, test_size=0.25, random_state=seed, stratify=table.target
    )
    seen, X, y_seen, y = map(np.asarray, parts)
    forest = RandomForestClassifier(TREES, random_state=seed).fit(seen, y_seen)
    names = tuple(map(str, table.target_names))
    columns = tuple(map(str, table.feature_names))
    return Trained(forest, X, y, seen, forest.predict_proba(X), names, columns)
