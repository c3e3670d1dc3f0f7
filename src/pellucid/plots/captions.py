"""Titles above a picture, captions below it, and how numbers and long names are written."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties

from pellucid.results import Attribution, Explanation, Sensitivity

from . import theme
from .labels import Words

LONGEST = 90
"""Characters of a name; longer ones lose their middle, since the ends tell names apart."""
TARGET = 40
"""Characters of a class name within a sentence."""
CLASS_BLIND = ("eigen_cam",)
"""Methods whose values contribute to no class."""
SLOPES = ("saliency", "guided_backprop", "deconvolution")
"""Methods whose values are gradients."""


def number(value: float) -> str:
    """Three digits, with a real minus sign."""
    return f"{value:.3g}".replace("-", "\N{MINUS SIGN}")


def signed(value: float) -> str:
    """Three digits that always show their sign."""
    return f"{value:+.3g}".replace("-", "\N{MINUS SIGN}")


def shortened(name: str, longest: int = LONGEST) -> str:
    """A name without its middle, where it is longer than `longest`."""
    if len(name) <= longest:
        return name
    front = longest * 6 // 10
    return f"{name[:front]}…{name[len(name) - (longest - front - 1) :]}"


def width(text: str, size: str) -> float:
    """About how wide one line of text is, in inches."""
    em = FontProperties(size=size).get_size_in_points() / 72
    return em * sum(1.0 if theme.is_wide(c) else 0.6 for c in text)


def fold(text: str, room: float, size: str) -> str:
    """Break text into lines of at most `room` inches: at blanks, and inside what is too long for a line."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            grown = f"{line} {word}" if line else word
            if width(grown, size) <= room:
                line = grown
                continue
            lines += [line] if line else []
            *full, line = _pieces(word, room, size)
            lines += full
        lines.append(line)
    return "\n".join(lines)


def _pieces(word: str, room: float, size: str) -> list[str]:
    pieces = [""]
    for c in word:
        if pieces[-1] and width(pieces[-1] + c, size) > room:
            pieces.append("")
        pieces[-1] += c
    return pieces


def inches(ax: Axes) -> tuple[float, float]:
    """Width and height of the axes as they will be drawn."""
    ax.apply_aspect()
    return ax.bbox.width / ax.figure.dpi, ax.bbox.height / ax.figure.dpi


def room_beside(ax: Axes) -> float:
    """Inches for lines of text over or under the axes: their width, and more where nothing stands beside them."""
    width = inches(ax)[0]
    return (
        max(width, 1.0)
        if ax.get_subplotspec() is not None
        else max(width + theme.BESIDE_ROOM, theme.NARROWEST)
    )


def head(ax: Axes, first: str, *more: str) -> None:
    """The title: the method, and in lighter type what was explained."""
    room = room_beside(ax)
    rest = [fold(line, room, theme.BODY) for line in more if line]
    below = "\n".join(rest)
    lines = 1 + below.count("\n") if below else 0
    points = FontProperties(size=theme.BODY).get_size_in_points()
    pad = 8 + lines * points * 1.42
    ax.set_title(fold(first, room, theme.TITLE), loc="left", fontsize=theme.TITLE, fontweight="bold", pad=pad)
    if below:
        ax.annotate(
            below,
            (0, 1),
            (0, 5),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="left",
            va="bottom",
            fontsize=theme.BODY,
            linespacing=1.2,
            annotation_clip=False,
        )


def foot(ax: Axes, e: Explanation, words: Words, *lines: str, drop: float = 0.0) -> None:
    """Small print under the axes and its label, last of it what the checks found; `drop` inches further down."""
    said = [line for line in lines if line]
    if e.quality.verdict != "ok":
        # Checks explain themselves in English only; other languages name them.
        said += [words.caution.format(meaning=c.meaning, name=words.check(c.name)) for c in e.quality.caveats]
    if not said:
        return
    room = room_beside(ax)
    ax.xaxis.label.set_horizontalalignment("left")
    ax.xaxis.label.set_x(0.0)
    ax.annotate(
        "\n".join(fold(line, room, theme.SMALL) for line in said),
        (0, 0),
        (0, -3 - 72 * drop),
        xycoords=ax.xaxis.label,
        textcoords="offset points",
        ha="left",
        va="top",
        fontsize=theme.SMALL,
        color=theme.QUIET,
        annotation_clip=False,
    )


def method(e: Explanation, words: Words) -> str:
    """The method's name, and the layer its values land at."""
    at = e.at if isinstance(e, Attribution) else ""
    name = words.method(e.provenance.method, e.provenance.title)
    return name + (", " + words.layer.format(at=at) if at else "")


def target(e: Attribution | Sensitivity, row: int) -> str:
    """What was explained in a row, short enough for a sentence."""
    return shortened(e.target[row], TARGET) if e.target else "f(x)"


def row_name(e: Attribution | Sensitivity, row: int, words: Words) -> str:
    """Which row it is, by its own label where it has one; "" for an only row."""
    if e.index:
        return words.row.format(row=e.index[row])
    return words.row.format(row=row) if len(e) > 1 else ""


def scored(e: Attribution | Sensitivity, row: int, words: Words) -> str:
    """What was explained, the model's number for it, and the predicted class where it is another one."""
    told = {"target": target(e, row), "space": words.space(e.space), "value": number(float(e.output[row]))}
    found = e.predicted(row)
    if found is None or not e.target:
        return words.scored.format(**told)
    name, score = found
    if name == e.target[row]:
        return words.predicted.format(**told)
    return words.other_predicted.format(**told, name=shortened(name, TARGET), score=number(score))


def about(e: Attribution | Sensitivity, row: int, words: Words) -> str:
    """The second line of a title: the row, what was explained, the score."""
    return " · ".join(p for p in (row_name(e, row, words), scored(e, row, words)) if p)


def about_rows(e: Attribution, words: Words, count: int) -> str:
    """The second line of a title over so many rows."""
    return f"{common_target(e) or words.several_targets} · {words.rows.format(n=count)}"


def common_target(e: Attribution) -> str:
    """The target that all rows share; "" where they differ."""
    return target(e, 0) if len(set(e.target)) <= 1 else ""


def axis(e: Attribution, words: Words, row: int | None = None) -> str:
    """What the values count in: "contribution to benign (probability)"."""
    if e.provenance.method in CLASS_BLIND:
        return words.pattern
    to = common_target(e) if row is None else target(e, row)
    one, each = (
        (words.gradient_of, words.gradient_per_target)
        if _slopes(e)
        else (words.contribution, words.per_target)
    )
    return (one if to else each).format(target=to, space=words.space(e.space))


def _slopes(e: Attribution) -> bool:
    """Whether the values are gradients, which are no shares of the output."""
    said = e.provenance.params
    inner = said.get("of")
    if e.provenance.method == "noise_tunnel" and isinstance(inner, Mapping) and said.get("reduce") == "mean":
        return inner.get("method") in SLOPES
    return e.provenance.method in SLOPES
