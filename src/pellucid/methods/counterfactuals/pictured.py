"""Counterfactuals of images found: each image searched in its own space, and what comes of it as a result."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pellucid.core.constraints import Constraints
from pellucid.core.errors import ParameterError
from pellucid.core.generator import Generator
from pellucid.core.masker import Segments
from pellucid.core.notes import Notes
from pellucid.core.run import stop_if_cancelled, tracking
from pellucid.core.target import space_of
from pellucid.core.types import NpArray
from pellucid.methods.base import quality
from pellucid.results import ChangedImages

from .family import Asked
from .images import Space, distance_of, drawn_by, query_of, spaces_of
from .nearest import searched
from .proposals import Proposals
from .search import Search
from .seeds import neighbours

TABLES_ONLY = ("noise", "plausibility", "exact")
"""Knobs that mean nothing for images."""
FAR = 0.25
"""A generator that misses an image by more than this share of its spread draws another image."""


@dataclass(frozen=True, eq=False)
class Found:
    """One changed image: what was changed, the image, how far it is, and its regions."""

    row: int
    amounts: NpArray
    image: NpArray
    distance: float
    regions: NpArray


def changed_images(method: Any, asked: Asked, space: Any, constraints: Constraints) -> ChangedImages:
    """The nearest images with the wanted answer.

    Args:
        method: the knobs.
        asked: the model and the images.
        space: regions, a generator, or None for regions of like colour.
        constraints: what may be changed, and how much of it.

    Raises:
        ParameterError: a knob that is for tables only, or a space that is none.
    """
    for knob in TABLES_ONLY:
        if getattr(method, knob):
            raise ParameterError(f"{knob} is for tables.", fix=f"Leave {knob} out.")
    given, before = asked.data.x, None
    if isinstance(space, Generator):
        asked, spaces = drawn_by(asked, space)
        every, before = [[s] for s in spaces], given
    elif space is None or isinstance(space, Segments):
        squared = method.distance == "l2"
        every = [spaces_of(asked, row, space or Segments(), squared) for row in range(len(given))]
    else:
        raise ParameterError("Images change in regions or by a generator.", got=type(space).__name__)
    notes, found, status = Notes(), list[Found](), list[str]()
    evaluations = np.zeros(len(given), int)
    with tracking(asked.run, method.title, len(given)) as advance:
        for row, some in enumerate(every):
            stop_if_cancelled(asked.run)
            mine, state, evaluations[row] = _of_image(method, asked, row, some, constraints)
            found, status = found + mine, [*status, state]
            advance(1)
    _checks(notes, status, asked.data.x, before)
    return _result(method, asked, found, status, evaluations, notes)


def _of_image(
    method: Any, asked: Asked, row: int, spaces: list[Space], constraints: Constraints
) -> tuple[list[Found], str, int]:
    """The nearest changes of one image, over all its fillings, its status, and how often the model was asked."""
    out, asked_of, bound = list[Found](), 0, replace(constraints, integers=constraints.integers or ())
    for space in spaces:
        q = query_of(asked, row, space, bound)
        if not q.open[0]:
            return [], "already", 1
        distance = distance_of(method.distance, space, q)
        search = Search(q, distance, Proposals.of(q), 0.0, method.budget, (space.usual[q.real[0]],))
        here = np.array([0])
        pool = searched(search, here, method.k, neighbours(search, here))
        far = distance(q.X[pool.own], pool.Z)
        images = space.draw(pool.Z) if len(pool) else asked.data.x[:0]
        for z, image, d in zip(pool.Z, images, far, strict=True):
            out.append(Found(row, z - space.start, image, float(d), space.regions))
        asked_of += int(q.asked[0]) + len(space.usual)
    out.sort(key=lambda f: f.distance)
    return out[: method.k], "found" if out else "not_found", asked_of


def _checks(notes: Notes, status: list[str], x: NpArray, before: NpArray | None) -> None:
    missing = np.array([s == "not_found" for s in status], float)
    notes.check(
        "found", missing, warn=0, fail=1,
        meaning=f"For {int(missing.sum())} images nothing was found." if missing.any() else "Something was found.",
        advice="Pass background=, images with the wanted answer, or raise budget." if missing.any() else "",
    )  # fmt: skip
    if before is not None:
        off = np.abs(np.asarray(x, float) - before).reshape(len(x), -1).mean(1) / (before.std() + 1e-300)
        notes.check(
            "generator", off, warn=FAR, fail=np.inf,
            meaning="The generator does not draw the images given from their codes; what it draws is compared.",
            advice="Find codes whose images are nearer to those given.",
        )  # fmt: skip
    notes.certify(kind="unknown")


def _result(
    method: Any, asked: Asked, found: list[Found], status: list[str], evaluations: NpArray, notes: Notes
) -> ChangedImages:
    data, facts, goals = asked.data, asked.data.model.facts, asked.goals
    images = np.stack([f.image for f in found]) if found else data.x[:0]
    label, after = goals.told(asked.outputs(images) if found else asked.y[:0])
    said, before = goals.told(asked.y)
    width = max((len(f.amounts) for f in found), default=0)
    amounts = np.zeros((len(found), width))
    for k, f in enumerate(found):
        amounts[k, : len(f.amounts)] = f.amounts
    regions = np.stack([f.regions for f in found]) if found else np.zeros((0, 0, 0), int)
    metric = "l2" if method.distance == "l2" else "l1"
    return ChangedImages(
        values=images, of=np.array([f.row for f in found], int), x=data.x, status=tuple(status), said=said,
        before=before, wanted=goals.wanted(), label=label, after=after,
        distance=np.array([f.distance for f in found]), metric=metric, amounts=amounts, regions=regions,
        columns=np.array([len(f.amounts) for f in found], int), evaluations=evaluations, index=data.index,
        features=data.features,
        quality=quality(notes, asked.run, f"the nearest images with the wanted answer, {metric}", None),
        provenance=method._provenance(facts.name, asked.run, (*facts.notes, *notes.said)),
        space=space_of(asked.y, facts.space),
    )  # fmt: skip
