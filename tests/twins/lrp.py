"""Layer-wise relevance propagation as its papers state it: numpy, one unit of one layer at a time, relevance itself.

A network is a list of layers: ("affine", matrix, bias, connected, kind), ("relu",), ("max", groups). Convolutions and
average pooling are written out as matrices. `connected` says which inputs a unit sees: that is what a flat rule shares
among.
"""

from __future__ import annotations

from typing import Any

import numpy as np

TINY = 1e-6


def convolution(w: np.ndarray, b: np.ndarray, height: int, width: int, pad: int) -> tuple[Any, ...]:
    """A convolution of stride one on (channels, height, width) as a matrix over flattened pixels."""
    k, c, kh, kw = w.shape
    oh, ow = height + 2 * pad - kh + 1, width + 2 * pad - kw + 1
    matrix, seen = (
        np.zeros((k * oh * ow, c * height * width)),
        np.zeros((k * oh * ow, c * height * width), bool),
    )
    for o in range(k):
        for i in range(oh):
            for j in range(ow):
                for s in range(c):
                    for p in range(kh):
                        for q in range(kw):
                            y, x = i + p - pad, j + q - pad
                            if 0 <= y < height and 0 <= x < width:
                                unit, pixel = (o * oh + i) * ow + j, (s * height + y) * width + x
                                matrix[unit, pixel], seen[unit, pixel] = w[o, s, p, q], True
    return "affine", matrix, np.repeat(b, oh * ow), seen, "conv"


def dense(w: np.ndarray, b: np.ndarray) -> tuple[Any, ...]:
    return "affine", w, b, np.ones(w.shape, bool), "dense"


def blocks(channels: int, height: int, width: int) -> list[list[int]]:
    """The pixels of each 2x2 block."""
    return [
        [(c * height + i + p) * width + j + q for p in (0, 1) for q in (0, 1)]
        for c in range(channels)
        for i in range(0, height, 2)
        for j in range(0, width, 2)
    ]


def forward(layers: list[Any], x: np.ndarray) -> list[np.ndarray]:
    """The input of every layer, and the output."""
    values = [x]
    for kind, *rest in layers:
        v = values[-1]
        if kind == "affine":
            values.append(rest[0] @ v + rest[1])
        elif kind == "relu":
            values.append(np.maximum(v, 0))
        elif kind == "max":
            values.append(np.array([max(v[i] for i in group) for group in rest[0]]))
        else:
            values.append(np.array([np.mean([v[i] for i in group]) for group in rest[0]]))
    return values


def relevance(
    layers: list[Any], x: np.ndarray, target: int, rules: dict[str, Any], first: Any = None
) -> np.ndarray:
    """Relevance of the inputs; `rules` by kind ("conv", "dense"), each a tuple (name, *parameters)."""
    values = forward(layers, x)
    r = np.zeros_like(values[-1])
    r[target] = values[-1][target]
    for number in reversed(range(len(layers))):
        kind, *rest = layers[number]
        rule = None
        if kind == "affine":
            rule = first if number == 0 and first else rules[rest[-1]]
        r = r if kind == "relu" else down(kind, rest, values[number], r, rule)
    return r


def down(kind: str, rest: list[Any], v: np.ndarray, r: np.ndarray, rule: Any) -> np.ndarray:
    """Relevance of a layer's inputs v from that of its outputs."""
    back = np.zeros_like(v)
    for k in range(len(r)):
        if kind == "affine":
            w, b, seen, _ = rest
            back += unit(rule, v, w[k], b[k], seen[k], r[k])
        elif kind == "max":
            back[max(rest[0][k], key=lambda i: v[i])] += r[k]
        else:
            group = rest[0][k]
            total = sum(v[i] for i in group)
            for i in group:
                back[i] += r[k] * v[i] / total if total else 0
    return back


def unit(rule: Any, x: np.ndarray, w: np.ndarray, b: float, seen: np.ndarray, r: float) -> np.ndarray:
    """What each input of one unit gets of its relevance r."""
    name, *how = rule
    c = x * w
    z = c.sum() + b
    if name == "epsilon":
        return share(c, z, r, how[0])
    if name == "zplus":
        return share(np.maximum(c, 0), np.maximum(c, 0).sum() + max(b, 0), r)
    if name == "alpha_beta":
        plus = share(np.maximum(c, 0), np.maximum(c, 0).sum() + max(b, 0), r)
        minus = share(np.minimum(c, 0), np.minimum(c, 0).sum() + min(b, 0), r)
        return how[0] * plus - how[1] * minus
    if name == "gamma":
        side = np.maximum if z > 0 else np.minimum
        favoured = c + how[0] * side(c, 0)
        return share(favoured, favoured.sum() + b + how[0] * side(b, 0), r)
    if name == "flat":
        return share(seen.astype(float), seen.sum(), r)
    if name == "wsquare":
        return share(w**2, (w**2).sum(), r)
    low, high = how
    box = c - low * np.maximum(w, 0) - high * np.minimum(w, 0)
    return share(box, box.sum(), r)


def share(parts: np.ndarray, total: float, r: float, epsilon: float = TINY) -> np.ndarray:
    return parts * r / (total + epsilon * (1 if total >= 0 else -1))
