"""The only file with a colour or a font: sign colours, maps, sizes, gutters, and the font for Chinese."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
from matplotlib import font_manager, rc_context, rcParams
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, ListedColormap, to_rgb, to_rgba
from matplotlib.text import Text
from matplotlib.typing import ColorType

from pellucid.core.errors import PellucidWarning
from pellucid.core.types import NpArray

FOR = "#d4600a"
"""Evidence for the target: orange; lighter than `AGAINST`, so that the two differ in grey print as well."""
AGAINST = "#1a56a0"
"""Evidence against the target: blue, which every common colour blindness keeps apart from orange."""
ZERO = "#f8f7f5"
"""No evidence either way: the middle of the diverging map."""
LINE = "#1a1a1a"
"""Lines of data on a coloured ground."""
PLAIN = "#66758b"
"""Marks without a sign: totals and zero lines."""
PALE = "#b9bec7"
"""Guides."""
QUIET = "#757575"
"""Captions under a picture."""
MISSING = "#9a9a9a"
"""Points whose feature value is missing."""
DOT = "#1f2937"
"""Single repeats beside a bar."""
RELIED = "#93a3bb"
"""Importance, which has no sign to show."""
DOUBTFUL = "#dfe4ec"
"""Importance that may be none."""
LINES = ("#332288", "#117733", "#cc6677", "#88ccee", "#882255", "#999933", "#44aa99", "#ddcc77")
"""Lines of several outputs, told apart by common colour blindness too; their dashes differ as well."""
DASHES = ("-", "--", "-.", ":")
EFFECT = "#23415f"
"""An effect that stands alone."""
OWN = "#7f93ab"
"""The rows' own curves behind it."""
PALE_OPACITY = 0.45
"""Of bars that stand for a sum of the rest."""
LABEL_BACK = "#ffffff"
"""Behind a sentence that is written on a picture."""

# An odd number of colours gives zero a colour of its own.
DIVERGING = LinearSegmentedColormap.from_list("pellucid_signed", [AGAINST, ZERO, FOR], N=257)
# Over an image the sign gives the colour and |value| the opacity: on white paper that is `DIVERGING` again.
SIGNS = ListedColormap([AGAINST, FOR], "pellucid_signs")
SEQUENTIAL = LinearSegmentedColormap.from_list("pellucid_unsigned", [ZERO, "#8a7cb5", "#2d1a4d"], N=256)
# Points must be seen on white, so the low end is no near-white; the hues are not those of the signs.
LOW_HIGH = LinearSegmentedColormap.from_list("pellucid_low_high", ["#a5d8a8", "#4d9a8c", "#3b1450"], N=256)

GREYS = "gray"
_CLASSES = (
    *("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00"),
    *("#882255", "#999933", "#444444", "#44aa99", "#b9a000", "#8c6bb1"),
)

TITLE, BODY, SMALL, TINY = "medium", "small", "x-small", "xx-small"
"""Font sizes, relative to the reader's own style."""

PAD = 0.12
"""Inches around an own figure."""
GUTTER = 0.06
"""Inches between neighbouring pictures."""
CHART = 4.6
"""Inches: the width of a chart's axes in an own figure."""
LABEL = 2.7
"""Inches: where names beside an axis are folded."""
BAR_THICKNESS = 0.62
"""Of a bar's row."""
COLOUR_BAR = 0.13
"""Inches: the thickness of a colour bar."""
BAR_GAP = 0.1
"""Inches between axes and colour bar."""
BAR_LABELS = 0.36
"""Inches of the numbers and the label of a colour bar below the axes."""
TICK_ROOM = 0.2
"""Inches of the axes' own numbers, which a colour bar below must clear."""
BESIDE_ROOM, BELOW_ROOM = 0.75, 0.65
"""Inches that a colour bar with its labels takes of a subplot's place."""
LOW_AXES = 1.4
"""Inches: axes lower than this have their colour bar below, where its label is legible."""
NARROWEST = 3.0
"""Inches that text over and under free axes may take, however narrow these are."""
IMAGE_STRENGTH = 0.42
"""How much of an image's contrast stays under a heat map; the rest is white."""
OVERLAY_OPACITY = 0.92
"""Opacity of a heat map on an image at the colour limit."""

CJK_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Microsoft YaHei",
    "PingFang SC",
    "Hiragino Sans GB",
    "Heiti SC",
    "STHeiti",
    "SimHei",
    "SimSun",
    "Arial Unicode MS",
    "Noto Sans CJK JP",  # what matplotlib before 3.11 sees of Noto's collection: readable, in Japanese forms
    "Source Han Sans",
    "Droid Sans Fallback",
)
_CJK_FILES = (
    "notosanscjk",
    "notosanssc",
    "sourcehansans",
    "wqy",
    "msyh",
    "pingfang",
    "simhei",
    "simsun",
    "stheiti",
)


@cache
def cjk_font() -> str | None:
    """The installed font that Chinese is written in, simplified-Chinese faces first; None where there is none."""
    found = _first_installed()
    if found is None:
        # matplotlib's list of fonts is a file from its first run, so fonts installed since are not in it.
        for path in font_manager.findSystemFonts():
            if Path(path).name.lower().replace("-", "").startswith(_CJK_FILES):
                font_manager.fontManager.addfont(path)
        found = _first_installed()
    return found


def _first_installed() -> str | None:
    names = _installed()
    return next((n for n in CJK_FONTS if n in names), None)


def _installed() -> set[str]:
    return {f.name for f in font_manager.fontManager.ttflist}


def families() -> list[str]:
    """The reader's own fonts, and after them the Chinese one for the glyphs they lack."""
    names, own = _installed(), list[str]()
    generic = {
        "sans-serif": rcParams["font.sans-serif"],
        "sans": rcParams["font.sans-serif"],
        "serif": rcParams["font.serif"],
        "monospace": rcParams["font.monospace"],
        "cursive": rcParams["font.cursive"],
        "fantasy": rcParams["font.fantasy"],
    }
    for family in rcParams["font.family"]:
        own += [n for n in generic.get(family, [family]) if n in names][:1]
    chinese = cjk_font()
    return list(dict.fromkeys([*(own or ["DejaVu Sans"]), *([chinese] if chinese else [])]))


@contextmanager
def dressed() -> Iterator[None]:
    """Our fonts while a drawing is made; the reader's settings are back afterwards."""
    with rc_context({"font.family": families()}):
        yield


def texts(ax: Axes) -> dict[Text, str]:
    """Every text on the axes, and what it says."""
    return {text: text.get_text() for text in ax.findobj(Text) if isinstance(text, Text)}


def settle(ax: Axes, before: dict[Text, str]) -> None:
    """Finish the texts that were written since `before`.

    Tick labels get our fonts too, since matplotlib makes them later, outside of `dressed`; a dollar sign in a name
    stays one, and begins no formula.
    """
    for each in (ax, *ax.child_axes):
        each.tick_params(which="both", labelfontfamily=families())
    written = [text for text, said in texts(ax).items() if said and before.get(text) != said]
    for text in written:
        text.set_parse_math(False)
    if cjk_font() is None and any(is_wide(c) for text in written for c in text.get_text()):
        missing_font()


def foreground() -> str:
    """The colour of text and whiskers in the reader's own style."""
    return rcParams["text.color"]


def is_wide(character: str) -> bool:
    """Whether a character is Chinese, or as wide as one."""
    return character >= "\u2e80"


@cache
def missing_font() -> None:
    """Say, once a session, which font to install."""
    warnings.warn(
        "No installed font has Chinese characters, so labels are in English. "
        "Install one: apt install fonts-noto-cjk (or fonts-wqy-microhei).",
        PellucidWarning,
        stacklevel=2,
    )


def sign_colours(values: NpArray) -> list[str]:
    """Orange for values above zero, blue for values below."""
    return [FOR if v >= 0 else AGAINST for v in values]


def classes() -> tuple[str, ...]:
    """Colours that tell classes apart, for every common colour blindness; names stand beside them."""
    return _CLASSES


def missing() -> tuple[float, float, float, float]:
    """The colour of points without a feature value."""
    return to_rgba(MISSING)


def luminance(rgb: NpArray) -> NpArray:
    """Relative luminance of colours (..., 3) in 0..1: what is left of them in grey print."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return linear @ np.array([0.2126, 0.7152, 0.0722])


def ink(background: ColorType) -> str:
    """Black or white, whichever reads better on `background`."""
    return "black" if luminance(np.array(to_rgb(background))) > 0.18 else "white"


def lightened(image: NpArray) -> NpArray:
    """(H, W, 3) as a pale grey picture (H, W), for heat maps to lie on."""
    return 1 - IMAGE_STRENGTH * (1 - image @ np.array([0.2126, 0.7152, 0.0722]))
