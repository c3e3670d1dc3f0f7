"""The words on pictures of inputs that units want to see: key -> (English, Chinese)."""

from __future__ import annotations

from collections.abc import Mapping

from .phrases import Phrases

TEXT: Mapping[str, tuple[str, str]] = {
    "row": ("data, row {row}", "数据第 {row} 行"),
    "best": ("data, row {row}: {value}", "数据第 {row} 行：{value}"),
    "output": ("output", "输出"),
    "counts": ("{n:,} objectives, {m} found for each", "{n:,} 个目标，各找到 {m} 个"),
    "counted": ("1 objective, {m} found for it", "1 个目标，找到 {m} 个"),
    "data": ("held against {n:,} rows", "与 {n:,} 行数据比较"),
    "left": ("left: the best example in the data", "左列：数据中的最佳样本"),
    "agreement": ("agreement {value}", "一致度 {value}"),
    "key_image": (
        "numbers: objective reached → under small moves; distance of its spectrum from the data's "
        "(of the data: {usual} σ) · share of the data below the rows most like it",
        "数字：达到的目标值 → 小幅变换下的值；频谱与数据的距离（数据自身：{usual} σ）· 低于其最近邻的数据比例",
    ),
    "key": (
        "numbers: objective reached → under small changes; share of the data below the rows most like it",
        "数字：达到的目标值 → 小幅变化下的值；低于其最近邻的数据比例",
    ),
    "example": ("begun at rows of the data: {names}", "从数据样本出发：{names}"),
    "example_all": ("all begun at rows of the data", "均从数据样本出发"),
    "before": (
        "silent even on the data, so the value before the activation function was climbed: {names}",
        "在数据上也不激活，故改为增大激活函数之前的值：{names}",
    ),
    "before_all": (
        "all silent even on the data, so the values before the activation function were climbed",
        "在数据上均不激活，故改为增大激活函数之前的值",
    ),
    "column": ("share of the column's range in the data", "在该列数据范围中的位置"),
    "marks": (
        "bar: range of the data, tick: mean; ring: the best example; discs: what was found",
        "横线：数据范围，竖线：均值；圆圈：最佳样本；圆点：找到的输入",
    ),
    "more_columns": (
        "{n:,} columns that differ less from the mean are not shown",
        "另有 {n:,} 列偏离均值较小，未画出",
    ),
    "lines": (
        "band: least to largest value in the data, thin: mean; dashed: the best example; lines: what was found",
        "色带：数据的最小值到最大值，细线：均值；虚线：最佳样本；实线：找到的输入",
    ),
    "more_channels": (
        "{n:,} channels that differ less from the mean are not shown",
        "另有 {n:,} 个通道偏离均值较小，未画出",
    ),
    "reached_key": (
        "discs: reached, joined to the same under small moves (dash); ring: the best of the data; tick: its mean",
        "圆点：达到的值，连到小幅变换下的值（短线）；圆圈：数据中的最佳值；竖线：数据均值",
    ),
    "scaled": (
        "objective: the best of the data is 1, the mean of the data 0",
        "目标值：数据中的最佳值为 1，数据均值为 0",
    ),
    "of": (
        "objective {k} of {n}: {name}; of= draws another",
        "{n} 个目标中的第 {k} 个：{name}；用 of= 画其他目标",
    ),
    "step": ("step", "步"),
    "one": ("objective: {name}", "目标：{name}"),
}

say = Phrases(TEXT)
