"""Small results of changed rows and images, built by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.core.features import Columns, Pixels
from pellucid.results import ChangedImages, Counterfactuals, Provenance, Quality


def changed_rows(**more: Any) -> Counterfactuals:
    """Two rows of three numbers and a word; the first has two answers."""
    x = np.array([[38000.0, 31, 12000, 0], [25000.0, 52, 300, 2]])
    of = np.array([0, 0, 1])
    values = np.array([[52000.0, 31, 12000, 0], [45000.0, 31, 9000, 1], [25000.0, 52, 299.5, 1]])
    weight = np.array([1 / 8000, 1 / 9, 1 / 4000, 1.0])
    at = np.linspace(0, 1, 9)
    ends = [
        np.stack([x[k, :2] + (values[m, :2] - x[k, :2] + [1, 1]) * t for t in at * 1.4 - 0.2])
        for m, k in enumerate(of)
    ]
    lead = np.add.outer(np.linspace(-1, 1, 9), np.linspace(-0.5, 0.5, 9))
    parts = np.where(np.arange(4) < 3, np.abs(values - x[of]), values != x[of]) * weight
    given: dict[str, Any] = {"bound": np.array([np.nan, np.nan, 0.9]), "quality": Quality("test"), **more}
    return Counterfactuals(
        values=values,
        features=Columns(
            ("income", "age", "debt", "job"), {"income": "€", "debt": "€"},
            {"job": ("clerk", "engineer", "out of work for more than a year")},
        ),
        provenance=Provenance("counterfactual", "Counterfactual"),
        space="probability",
        of=of, x=x, status=("found", "found"), reason=("", ""), said=("refuse", "refuse"),
        before=np.array([0.83, 0.56]), wanted=("approve", "approve"), label=("approve",) * 3,
        after=np.array([0.71, 0.52, 0.5]), distance=parts.sum(1), metric="mad_l1",
        inside=np.full((3, 4), np.nan), plausibility=np.array([80.0, 41, 3]), evaluations=np.array([900, 700]),
        noise=np.array([100.0, 1, 1, 0]), weight=weight, plane=np.array([[0, 1]] * 3), slice_of=np.arange(3),
        slice_at=np.stack([e.T for e in ends]), slice_lead=np.stack([lead] * 3),
        path_lead=np.stack([np.linspace(-1, 0.25, 41)] * 3), **given,
    )  # fmt: skip


def changed_images(drawn: bool = False) -> ChangedImages:
    """One colour image, of which two regions are changed, or which a generator draws."""
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, (2, 3, 12, 12))
    values = x[:1].copy()
    values[0, :, :6, 6:] *= 0.4
    values[0, :, 6:, :6] = 0.5 * values[0, :, 6:, :6] + 0.5
    regions = np.repeat(np.repeat(np.arange(4).reshape(2, 2), 6, 0), 6, 1)[None]
    return ChangedImages(
        values=values, features=Pixels("first"), quality=Quality("test"),
        provenance=Provenance("counterfactual", "Counterfactual"), space="probability",
        of=np.array([0]), x=x, status=("found", "not_found"), said=("tabby cat", "tiger"),
        before=np.array([0.83, 0.7]), wanted=("", ""), label=("Egyptian cat",), after=np.array([0.52]),
        distance=np.array([0.043]), metric="l1", amounts=np.array([[0.0, 0.6, 0.5, 0]]), columns=np.array([4]),
        regions=np.zeros((1, 0, 0), int) if drawn else regions, evaluations=np.array([300, 4000]),
    )  # fmt: skip


RESULTS = {
    "changes": changed_rows,
    "boundary": changed_rows,
    "way": changed_rows,
    "before_after": changed_images,
}
