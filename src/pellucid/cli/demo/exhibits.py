"""What the demo shows: which rows, by which methods, in which order. The results know no language."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

import pellucid
from pellucid.core.errors import PellucidWarning
from pellucid.core.types import NpArray
from pellucid.results import Explanation

from .train import Trained

METHODS: Any = pellucid
"""As `Any`: type checkers do not see the defaults of knobs, which `param` gives by position."""
BACKGROUND = 40
"""Training rows that stand in for hidden measurements."""
MANY = 60
"""Tumours in the beeswarm."""
BUDGET = 400
"""Coalitions per tumour in the beeswarm."""

MEASURED: Mapping[str, tuple[str, ...]] = {
    "size": ("radius", "perimeter", "area"),
    "outline": ("compactness", "concavity", "concave points"),
    "texture": ("texture",),
    "smoothness": ("smoothness",),
    "symmetry": ("symmetry",),
    "fractal dimension": ("fractal dimension",),
}
"""What the thirty columns measure."""


@dataclass(frozen=True, eq=False)
class Exhibit:
    """One picture with its sentence.

    Attributes:
        name: of its files.
        about: key of the words that say what it asks.
        result: what is shown; of an attribution, the row.
        kind: the drawing, None for the one that fits.
        of: the class asked about, where it is not the predicted one.
        file: the explanation's file, shared by exhibits of the same result.
    """

    name: str
    about: str
    result: Explanation
    row: int | None = None
    kind: str | None = None
    of: str = ""
    file: str = ""


@dataclass(frozen=True, eq=False)
class Section:
    """Some exhibits about the same rows, with the numbers their introduction names.

    Attributes:
        key: of its words.
        facts: what the words are filled in with.
        exhibits: in order.
        image: (H, W) the row itself, where it is a picture.
    """

    key: str
    facts: Mapping[str, Any]
    exhibits: tuple[Exhibit, ...]
    image: NpArray | None = field(default=None)


def collect(digits: Trained, tumours: Trained, seed: int) -> tuple[Section, ...]:
    """Explain both models; what a check found stands in the sentences, so nothing is warned of besides."""
    with warnings.catch_warnings(), pellucid.options(seed=seed):
        warnings.simplefilter("ignore", PellucidWarning)
        return (*_digits(digits), *_tumours(tumours, seed))


# -- digits -------------------------------------------------------------------------------------------------


def _digits(t: Trained) -> tuple[Section, ...]:
    right, wrong = clearest(t), worst(t)
    rows = t.X[[right, wrong]]
    methods: Sequence[tuple[str, Any]] = (
        ("saliency", METHODS.Saliency()),
        ("smooth_grad", METHODS.NoiseTunnel(of=METHODS.Saliency(), samples=100)),
        ("integrated_gradients", METHODS.IntegratedGradients()),
        ("grad_cam", METHODS.GradCAM()),
        ("occlusion", METHODS.Occlusion(window=(1, 6, 6), strides=(1, 2, 2))),
    )
    numbers = (right, wrong)
    results = [
        (about, replace(method(t.model, rows, classes=t.classes), index=numbers)) for about, method in methods
    ]
    missed = wrong if t.predicted[wrong] != t.y[wrong] else None
    other = int(t.y[wrong]) if missed is not None else int(np.argsort(t.scores[wrong])[-2])
    asked = METHODS.IntegratedGradients()(t.model, rows[1:], target=other, classes=t.classes)
    asked = replace(asked, index=numbers[1:])
    turned = Exhibit("wrong-other", "other_class", asked, 0, of=str(other), file="digits-other.npz")
    return (
        Section("right", _facts(t, right), _each("right", 0, results), t.X[right, 0]),
        Section(
            "unsure" if missed is None else "wrong",
            _facts(t, wrong),
            (*_each("wrong", 1, results[1:]), turned),
            t.X[wrong, 0],
        ),
    )


def _each(section: str, row: int, results: Sequence[tuple[str, Explanation]]) -> tuple[Exhibit, ...]:
    return tuple(
        Exhibit(
            f"{section}-{about.replace('_', '-')}",
            about,
            e,
            row,
            file=f"digits-{about.replace('_', '-')}.npz",
        )
        for about, e in results
    )


def clearest(t: Trained) -> int:
    """The test digit told correctly with the largest probability, among those that have a shape of their own."""
    sure = t.scores.max(1) * (t.predicted == t.y) * np.isin(t.y, (2, 3, 5))
    return int(sure.argmax())


def worst(t: Trained) -> int:
    """The misread test digit that was read with the largest probability; where there is none, the least sure one."""
    missed = t.predicted != t.y
    return int((t.scores.max(1) * missed).argmax() if missed.any() else t.scores.max(1).argmin())


# -- tumours ------------------------------------------------------------------------------------------------


def _tumours(t: Trained, seed: int) -> tuple[Section, ...]:
    one = worst(t)
    rng = np.random.default_rng(seed)
    background = t.seen[rng.choice(len(t.seen), BACKGROUND, replace=False)]
    known: dict[str, Any] = {"features": pellucid.Columns(t.columns), "classes": t.classes}
    hidden = {**known, "background": background}
    row, several = t.X[one : one + 1], t.X[:MANY]
    shap = replace(METHODS.KernelShap()(t.model, row, **hidden), index=(one,))
    occlusion = replace(METHODS.Occlusion()(t.model, row, **hidden), index=(one,))
    swarm = METHODS.KernelShap(budget=BUDGET)(t.model, several, target=t.classes[1], **hidden)
    grouped = pellucid.Columns(t.columns, groups=groups(t.columns))
    importance = METHODS.PermutationImportance(repeats=20)(
        t.model, t.X, t.y, features=grouped, classes=t.classes
    )
    single = (
        Exhibit("tumour-kernel-shap", "waterfall", shap, 0, "waterfall", file="tumour-kernel-shap.npz"),
        Exhibit("tumour-occlusion", "occlusion_table", occlusion, 0, "bar", file="tumour-occlusion.npz"),
    )
    overall = (
        Exhibit("forest-kernel-shap", "beeswarm", swarm, None, "beeswarm", file="forest-kernel-shap.npz"),
        Exhibit("forest-importance", "permutation_importance", importance, file="forest-importance.npz"),
    )
    facts = {**_facts(t, one), "background": BACKGROUND, "many": len(several)}
    return Section("tumour", facts, single), Section("forest", facts, overall)


def groups(columns: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Columns that measure the same thing, which are shuffled together."""
    return {
        name: tuple(c for c in columns if any(part in c for part in parts))
        for name, parts in MEASURED.items()
    }


def _facts(t: Trained, row: int) -> dict[str, Any]:
    return {
        "train": f"{len(t.seen):,}",
        "test": f"{len(t.X):,}",
        "accuracy": f"{100 * t.accuracy:.1f}",
        "label": t.classes[int(t.y[row])],
        "predicted": t.classes[int(t.predicted[row])],
        "p": f"{t.scores[row].max():.2f}",
    }
