"""One effect on one pair of axes: lines, bands, the rows' own curves, and where the data are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.types import NpArray
from pellucid.results import Curve

from . import captions, theme
from .labels import Words

FLOOR = 0.1
"""Share of the height that the bars of the data take."""
OWN_LINES = 150
"""At most so many rows' own curves are drawn."""
NAMES_ACROSS = 0.85
"""Inches that a category's name may take before the names are turned."""


@dataclass(frozen=True)
class Drawn:
    """What one effect of one column is drawn from.

    Attributes:
        curve: the effect alone.
        column: its column.
        x: (points,) where they are drawn: values, or 0, 1, ... for categories.
        names: the categories' names, in the order they are drawn in; () for numbers.
        seen: (rows,) where the data are, on the same scale; those of no point left out.
    """

    curve: Curve
    column: str
    x: NpArray
    names: tuple[str, ...]
    seen: NpArray

    @property
    def intervals(self) -> bool:
        """Whether a point stands for the rows of an interval, and not for all of them."""
        return bool((self.curve.count != self.curve.rows).any())


def drawn(e: Curve, effect: int) -> Drawn:
    """One effect, ready to be drawn."""
    curve = e[effect]
    column = curve.columns[0][0]
    place, seen = curve.grid[:, 0], e.data[:, e.data_columns.index(column)]
    seen = seen[~np.isnan(seen)]
    if not e.is_category(column):
        return Drawn(curve, column, place, (), seen)
    at = {float(v): k for k, v in enumerate(place)}
    seen = np.array([at[float(v)] for v in seen if float(v) in at], float)
    return Drawn(curve, column, np.arange(len(place), dtype=float), tuple(e.shown(column, place)), seen)


def colours(e: Curve) -> list[tuple[str, str]]:
    """Colour and dash of each target's line."""
    if len(e.targets) == 1:
        return [(theme.EFFECT, "-")]
    count, dashes = len(theme.LINES), theme.DASHES
    return [(theme.LINES[k % count], dashes[(k + k // count) % len(dashes)]) for k in range(len(e.targets))]


def draw(ax: Axes, d: Drawn, *, own: bool) -> int:
    """Draw the effect; how many of the rows' own curves are behind it."""
    shown = _own(ax, d) if own and len(d.curve.targets) == 1 else 0
    half = d.curve.quality.half_width
    for k, (colour, dash) in enumerate(colours(d.curve)):
        y, label = d.curve.values[:, k], captions.shortened(d.curve.targets[k], 24)
        if d.names:
            error = None if half is None else half[:, k]
            ax.errorbar(
                d.x, y, yerr=error, fmt="o", ms=4.5, color=colour, lw=1.2, capsize=3, zorder=3, label=label
            )
            ax.plot(d.x, y, color=colour, lw=0.9, ls=":", zorder=2.5)
            continue
        marker = "o" if len(y) < 12 else None
        ax.plot(d.x, y, color=colour, ls=dash, lw=2, marker=marker, ms=3.5, zorder=3, label=label)
        if half is not None:
            ax.fill_between(d.x, y - half[:, k], y + half[:, k], color=colour, alpha=0.22, lw=0, zorder=2)
    return shown


def _own(ax: Axes, d: Drawn) -> int:
    """The rows' own curves, thin; in vector files as one picture where there are many."""
    curves = d.curve.individual[:OWN_LINES, :, 0]
    for y in curves:
        ax.plot(
            d.x, y, color=theme.OWN, lw=0.6, alpha=0.4 if len(curves) > 40 else 0.6, zorder=1.5,
            rasterized=len(curves) > 60,
        )  # fmt: skip
    return len(curves)


def room(ax: Axes, several: list[Drawn]) -> tuple[float, float]:
    """Limits of the axes with room at the lower edge for the data of all that share them."""
    low, high = ax.get_ylim()
    bars = any(d.names or d.intervals for d in several)
    return low - (FLOOR + 0.03 if bars else 0.05) * (high - low), high


def floor(ax: Axes, d: Drawn) -> str:
    """Show along the lower edge where the data are; the name of what was drawn, among the words."""
    ground, tall = ax.get_xaxis_transform(), FLOOR
    if d.names:
        counts = np.bincount(d.seen.astype(int), minlength=len(d.x))
        share = tall * counts / max(counts.max(), 1)
        ax.bar(d.x, share, 0.5, transform=ground, color=theme.RELIED, zorder=1)
        return "per_category"
    if d.intervals:
        counts, wide = d.curve.count[1:], np.diff(d.x)
        share = tall * counts / max(counts.max(), 1)
        ax.bar(
            d.x[:-1], share, wide, align="edge", transform=ground, color=theme.RELIED,
            edgecolor=theme.LABEL_BACK, lw=0.4, zorder=1,
        )  # fmt: skip
        return "per_interval"
    inside = d.seen[(d.seen >= d.x.min()) & (d.seen <= d.x.max())]
    ax.vlines(inside, 0, 0.035, transform=ground, color=theme.DOT, alpha=0.35, lw=0.5, zorder=1)
    return "ticks"


def told(d: Drawn, kind: str, words: Words) -> str:
    """What the marks along the lower edge are."""
    if kind == "per_interval":
        counts = d.curve.count[1:]
        return words.per_interval.format(low=int(counts.min()), high=int(counts.max()))
    return {"per_category": words.per_category, "ticks": words.ticks}[kind]


def turned(names: Sequence[str], wide: float) -> bool:
    """Whether names of categories are written aslant below an axis of so many inches."""
    return max(captions.width(n, theme.SMALL) for n in names) > min(NAMES_ACROSS, 0.92 * wide / len(names))


def axes(ax: Axes, d: Drawn, size: str = theme.BODY, longest: int = 22) -> None:
    """Ticks and frame of an effect's axes."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=theme.SMALL)
    if d.names:
        names = [captions.shortened(n, longest) for n in d.names]
        aslant = turned(names, captions.inches(ax)[0])
        how = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if aslant else {}
        ax.set_xticks(d.x, names, fontsize=theme.SMALL, **how)
        ax.set_xlim(-0.6, len(d.names) - 0.4)
    else:
        ax.locator_params(axis="x", nbins=6)
        ax.margins(x=0.01)
    ax.set_xlabel(
        captions.fold(column_name(d), max(captions.inches(ax)[0], 1.0), size), loc="left", fontsize=size
    )


def column_name(d: Drawn) -> str:
    """The column, and its unit where it has one."""
    unit = getattr(d.curve.features, "units", {}).get(d.column, "")
    return captions.shortened(d.column) + (f" ({unit})" if unit else "")


def axis_label(e: Curve, words: Words) -> str:
    """What the values of effects count in."""
    target = captions.shortened(e.targets[0], captions.TARGET) if len(e.targets) == 1 else ""
    named, mean = target not in ("", "output"), e.provenance.method == "partial_dependence"
    if e.is_centred:
        text = words.since_first
    elif mean:
        text = words.mean_output if named else words.mean_outputs
    else:
        text = words.effect_on if named else words.effects_on
    return text.format(target=target, space=words.space(e.space))
