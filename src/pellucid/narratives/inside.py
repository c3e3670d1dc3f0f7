"""What was seen inside a network, told in a sentence or two."""

from __future__ import annotations

import numpy as np

from pellucid.core.errors import ParameterError
from pellucid.results import (
    ActivationUnits,
    AttentionMaps,
    Clusters,
    Explanation,
    FlowUnits,
    ForwardPass,
    GradientMaps,
    KernelUnits,
    LinearUnits,
    Maps,
    Optima,
    Projected,
    Units,
    WeightUnits,
)

from .amounts import number, percent
from .facts import doubt_of
from .tell import doubts, sentences, told
from .words import Words

NAMED = 3
"""At most so many layers are named."""


def whole(row: int | None) -> None:
    """Refuse a row of what has none."""
    if row is not None:
        raise ParameterError("This result has no rows to tell.", got=row, fix="Leave row out.")


def where(e: Units, w: Words) -> str:
    """The layers looked at."""
    names = [w.say("inside", "quoted", name=n) for n in e.layers[:NAMED]]
    if len(e.layers) == 1:
        return w.say("inside", "one", name=names[0])
    if len(e.layers) > NAMED:
        return w.say("inside", "more", count=len(e.layers), names=w.say("list", "comma").join(names))
    return w.say("inside", "several", count=len(e.layers), names=w.listed(names))


def trust(e: Explanation, w: Words) -> list[str]:
    """How exact the numbers are, and what weakens them."""
    return [w.say("trust", "exact") if e.quality.exact else "", *doubts(doubt_of(e.quality), w)]


@told.register
def _(e: KernelUnits, w: Words, row: int | None) -> str:
    whole(row)
    return _learned(e, w, "kernels")


@told.register
def _(e: WeightUnits, w: Words, row: int | None) -> str:
    whole(row)
    return _learned(e, w, "weights")


def _learned(e: KernelUnits | WeightUnits, w: Words, what: str) -> str:
    norms = [e.norms(i) for i in range(len(e.layers))]
    first = int(np.argmax([n.max(initial=0.0) for n in norms]))
    told_of = w.say(
        "inside",
        what,
        where=where(e, w),
        units=f"{len(e):,}",
        low=number(float(e.values.min())),
        high=number(float(e.values.max())),
        unit=int(norms[first].argmax()),
        layer=w.say("inside", "named", name=e.layers[first]),
        norm=number(float(norms[first].max())),
        median=number(float(np.median(np.concatenate(norms)))),
    )
    return sentences(w, [told_of, *trust(e, w)])


@told.register
def _(e: Maps, w: Words, row: int | None) -> str:
    whole(row)
    per_layer = [e.layer(i) for i in range(len(e.layers))]
    first = int(np.argmax([np.abs(v).max(initial=0.0) for v in per_layer]))
    flat = int(np.abs(per_layer[first]).argmax())
    strongest = [int(k) for k in np.unravel_index(flat, per_layer[first].shape)]
    gradients = isinstance(e, GradientMaps)
    wrt = ""
    unit = strongest[1] if len(strongest) > 1 else 0
    if gradients:
        wrt = w.say("inside", "named", name=e.wrt) if e.wrt else w.say("inside", "the_input")
        unit = e.unit_numbers[unit] if e.unit_numbers else unit
    said = w.say(
        "inside",
        "gradients" if gradients else "maps",
        rows=f"{len(e.x):,}",
        where=where(e, w),
        units=f"{len(e):,}",
        low=number(float(e.values.min())),
        high=number(float(e.values.max())),
        unit=unit,
        layer=w.say("inside", "named", name=e.layers[first]),
        row=strongest[0],
        wrt=wrt,
    )
    silent = sum(int(e.silent(i).sum()) for i in range(len(e.layers)))
    quiet = w.say("inside", "silent", count=f"{silent:,}", units=f"{len(e):,}") if silent else ""
    return sentences(w, [said, quiet, *trust(e, w)])


@told.register
def _(e: ActivationUnits, w: Words, row: int | None) -> str:
    whole(row)
    best = int(np.argmax(e.values))
    layer = int(np.searchsorted(np.cumsum(e.counts), best, side="right"))
    dead = int(e.dead.sum())
    said = w.say(
        "inside",
        "statistics",
        rows=f"{e.rows:,}",
        where=where(e, w),
        units=f"{len(e):,}",
        zeros=percent(float(e.zeros.mean())),
        unit=best - sum(e.counts[:layer]),
        layer=w.say("inside", "named", name=e.layers[layer]),
        mean=number(float(e.values[best])),
    )
    quiet = w.say("inside", "dead", dead=f"{dead:,}", units=f"{len(e):,}") if dead else ""
    return sentences(w, [said, quiet, *trust(e, w)])


@told.register
def _(e: FlowUnits, w: Words, row: int | None) -> str:
    whole(row)
    means = e.values.mean(1)
    said = w.say(
        "inside",
        "flow",
        rows=f"{e.values.shape[1]:,}",
        target=e.target or w.say("inside", "each_target"),
        first=number(float(means[0])),
        last=number(float(means[-1])),
        first_layer=w.say("inside", "named", name=e.layers[0]),
        last_layer=w.say("inside", "named", name=e.layers[-1]),
        ratio=number(float(means[-1] / means[0])) if means[0] else "∞",
    )
    return sentences(w, [said, *trust(e, w)])


@told.register
def _(e: Clusters, w: Words, row: int | None) -> str:
    whole(row)
    known = np.isfinite(e.silhouette)
    said = w.say(
        "inside",
        "clusters" if len(e.values) else "no_clusters",
        rows=f"{len(e.labels):,}",
        layer=w.say("inside", "named", name=e.at),
        count=len(e.values),
        score=number(float(e.silhouette[known].mean())) if known.any() else "0",
        largest=int(e.sizes.max(initial=0)),
        smallest=int(e.sizes.min(initial=len(e.labels))),
    )
    agreed = ""
    if np.isfinite(e.agreement) and len(e.values):
        share = percent(float((e.purity * e.sizes).sum() / e.sizes.sum()))
        agreed = w.say("inside", "agreement", value=number(e.agreement), share=share)
    return sentences(w, [said, agreed, *trust(e, w)])


@told.register
def _(e: Optima, w: Words, row: int | None) -> str:
    whole(row)
    room = np.where(e.best > e.typical, e.best - e.typical, np.nan)[:, None]
    gains = [(v - e.typical[:, None]) / room for v in (e.reached, e.steady)]
    gain, steady = (number(float(np.nanmean(g))) if np.isfinite(g).any() else "∞" for g in gains)
    said = w.say(
        "inside",
        "optima",
        count=len(e.objectives),
        objectives=w.say("inside", "objective_one" if len(e.objectives) == 1 else "objective_many"),
        place=w.say("inside", "named", name=e.at) if e.at else w.say("inside", "the_output"),
        rows=f"{e.rows:,}",
        pictures=e.pictures,
        gain=gain,
        steady=steady,
        near=percent(float(e.neighbours.mean())),
    )
    agreed = spectrum = ""
    if np.isfinite(e.agreement).any():
        agreed = w.say("inside", "restarts", value=number(float(np.nanmean(e.agreement))))
    if np.isfinite(e.usual_spectrum):
        value, usual = number(float(e.spectrum.mean())), number(e.usual_spectrum)
        spectrum = w.say("inside", "spectrum", value=value, usual=usual)
    others = sum(s != "noise" for s in e.started)
    begun = w.say("inside", "not_from_noise", count=others) if others else ""
    return sentences(w, [said, agreed, spectrum, begun, *trust(e, w)])


@told.register
def _(e: Projected, w: Words, row: int | None) -> str:
    whole(row)
    by = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}[str(e.provenance.params.get("by", "pca"))]
    place = w.say("inside", "the_input") if e.at == "input" else w.say("inside", "named", name=e.at)
    said = w.say("inside", "projection", by=by, rows=f"{len(e):,}", place=place, count=e.values.shape[1])
    share = w.say("inside", "variance", share=percent(float(e.explained.sum()))) if len(e.explained) else ""
    loose = "" if len(e.explained) else w.say("inside", "neighbours")
    wrong = ""
    if e.truth and e.predicted:
        wrong = w.say("inside", "wrong", wrong=f"{int(e.wrong.sum()):,}", rows=f"{len(e):,}")
    return sentences(w, [said, share, loose, wrong, *trust(e, w)])


@told.register
def _(e: ForwardPass, w: Words, row: int | None) -> str:
    whole(row)
    heavy = int(np.argmax(e.values[:, 1])) if len(e.values) else 0
    said = w.say(
        "inside",
        "steps",
        steps=len(e.names),
        layers=sum(e.layers),
        functions=len(e.names) - sum(e.layers),
        parameters=f"{e.parameters:,}",
        multiplications=f"{e.multiplications:,}",
    )
    most = ""
    if e.multiplications:
        name = w.say("inside", "quoted", name=e.names[heavy])
        most = w.say("inside", "heaviest", name=name, share=percent(float(e.shares[heavy])))
    skips = w.say("inside", "skips", count=len(e.skips)) if e.skips else ""
    return sentences(w, [said, most, skips, *trust(e, w)])


@told.register
def _(e: LinearUnits, w: Words, row: int | None) -> str:
    whole(row)
    least = int(np.argmin(e.values))
    said = w.say(
        "inside",
        "linear",
        count=len(e.layers),
        name=w.say("inside", "named", name=e.layers[least]),
        value=number(float(e.values[least])),
        straight=int((e.values > 0.999).sum()),
        held=e.held,
    )
    return sentences(w, [said, w.say("inside", "local", row=e.row), *trust(e, w)])


@told.register
def _(e: AttentionMaps, w: Words, row: int | None) -> str:
    whole(row)
    if e.view in ("rollout", "gradient"):
        return sentences(w, [_followed(e, w), *trust(e, w)])
    focus = [e.focus(i) for i in range(len(e.layers))]
    first = int(np.argmax([f.max() for f in focus]))
    head = int(focus[first].argmax())
    told_of = w.say(
        "inside",
        "attention",
        rows=f"{e.rows:,}",
        units=f"{len(e):,}",
        where=where(e, w),
        unit=head % e.heads(first),
        layer=w.say("inside", "named", name=e.layers[first]),
        most=number(100 * float(focus[first].max())),
        least=number(100 * float(min(f.min() for f in focus))),
    )
    return sentences(w, [told_of, *trust(e, w)])


def _followed(e: AttentionMaps, w: Words) -> str:
    last = e.layer(-1)[:, 0] * (1 - np.eye(e.shapes[-1][-1]))  # what a position keeps of itself is no reading
    row, query, key = (int(k) for k in np.unravel_index(last.argmax(), last.shape))
    label = w.say("inside", "an_output", label=e.target) if e.target.isdigit() else e.target
    target = w.say("inside", "followed_for", target=label) if e.target else ""
    return w.say(
        "inside",
        "followed",
        rows=f"{e.rows:,}",
        where=where(e, w),
        target=target,
        row=row,
        query=query,
        key=key,
        value=number(float(last.max())),
    )
