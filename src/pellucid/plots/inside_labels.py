"""The words on pictures of a network's inside: key -> (English, Chinese)."""

from __future__ import annotations

from collections.abc import Mapping

TEXT: Mapping[str, tuple[str, str]] = {
    "page": (
        "page {page} of {pages}: {first}-{last} of {n:,}",
        "第 {page} / {pages} 页：{n:,} 中的第 {first}-{last}",
    ),
    "block": (
        "page {page} of {pages}: rows {rows} of {n:,}, columns {columns} of {m:,}",
        "第 {page} / {pages} 页：{n:,} 行中的 {rows}，{m:,} 列中的 {columns}",
    ),
    "another": ("layer {i} of {n}; layer= draws another", "{n} 层中的第 {i} 层；用 layer= 画其他层"),
    "weight": ("weight", "权重"),
    "kernels": ("{n:,} kernels of {shape}", "{n:,} 个 {shape} 的卷积核"),
    "weights": ("{n:,} units, {m:,} inputs", "{n:,} 个单元，{m:,} 个输入"),
    "by_norm": ("ordered by norm, largest first", "按范数从大到小排列"),
    "both_by_norm": (
        "a row per output channel, a column per input channel, both ordered by norm",
        "每行一个输出通道，每列一个输入通道，均按范数从大到小排列",
    ),
    "ends": ("colours end at ±{limit}", "颜色止于 ±{limit}"),
    "ends_one": ("colours end at {low} and {high}", "颜色止于 {low} 和 {high}"),
    "grey_is_zero": (
        "mid grey is zero; each colour channel ends at ±{limit}",
        "中灰为零；各颜色通道止于 ±{limit}",
    ),
    "dead_mark": ("×: dead, all weights are (nearly) zero", "×：死单元，权重全部（几乎）为零"),
    "pooled": (
        "each cell shows the largest of {h}x{w} weights",
        "每格显示 {h}x{w} 个权重中绝对值最大的一个",
    ),
    "input": ("input", "输入"),
    "unit": ("unit", "单元"),
    "input_channel": ("input channel", "输入通道"),
    "output_channel": ("output channel", "输出通道"),
    "share": ("height: how many, each layer to its own peak", "高度：数量，各层以自身峰值为准"),
    "spread": ("{n:,} numbers, {mean} ± {spread}", "{n:,} 个数，{mean} ± {spread}"),
    "nothing": ("every number is zero", "所有数均为零"),
}


def say(lang: str, key: str, **values: object) -> str:
    """The text of a key, filled in.

    >>> say("en", "ends", limit="0.5")
    'colours end at ±0.5'
    """
    return TEXT[key][lang == "zh"].format(**values)
