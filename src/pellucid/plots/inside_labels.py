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
    "input": ("input", "输入"),
    "unit": ("unit", "单元"),
    "input_channel": ("input channel", "输入通道"),
    "output_channel": ("output channel", "输出通道"),
    "share": ("height: how many, each layer to its own peak", "高度：数量，各层以自身峰值为准"),
    "spread": ("{n:,} numbers, {mean} ± {spread}", "{n:,} 个数，{mean} ± {spread}"),
    "nothing": ("every number is zero", "所有数均为零"),
    "activation": ("activation", "激活值"),
    "gradient": ("gradient", "梯度"),
    "own_scales": ("each map has a scale of its own, written above it", "每张图各用自己的标度，标于图上方"),
    "silent": ("×: {k:,} of {n:,} units give only zeros here", "×：{n:,} 个单元中有 {k:,} 个在此全为零"),
    "maps": ("{n:,} maps of {shape}", "{n:,} 张 {shape} 的图"),
    "row": ("row {row}", "第 {row} 行"),
    "the_input": ("the input", "输入"),
    "with_respect_to": ("gradient with respect to {wrt}", "对{wrt}的梯度"),
    "by_strength": ("the strongest first", "按强度从大到小排列"),
    "rows_of_units": ("{n:,} rows, {m:,} units", "{n:,} 行，{m:,} 个单元"),
    "row_axis": ("row", "行"),
    "pooling": ("left: what went in, right: what pooling gave", "左：输入，右：池化结果"),
    "kept": ("dots: the places that were kept", "点：被保留的位置"),
    "kept_fine": (
        "cells too fine to mark which were kept: the result's `kept` has them",
        "格子过密，未标出被保留的位置；见结果的 `kept`",
    ),
    "not_kept": ("every place counts: nothing is chosen", "每个位置都计入，没有取舍"),
    "pooled_cells": (
        "each cell shows the largest of {h}x{w} numbers",
        "每格显示 {h}x{w} 个数中绝对值最大的一个",
    ),
    "statistics": (
        "line: mean, dark band: ± standard deviation, pale band: least to largest value",
        "线：均值；深色带：± 标准差；浅色带：最小值到最大值",
    ),
    "by_mean": ("{n:,} units, by their mean", "{n:,} 个单元，按均值排列"),
    "units_axis": ("units", "单元"),
    "share_zero": ("share of zeros", "零值比例"),
    "dead_units": (
        "×: {k:,} dead on these data: the same for every row",
        "×：{k:,} 个单元在这些数据上已死：对所有行输出相同",
    ),
    "over_rows": ("{n:,} rows", "{n:,} 行"),
    "unit_of": ("unit {unit}", "第 {unit} 号单元"),
    "against": ("activation against {what}", "激活值与{what}"),
    "pre": ("the value before the activation function", "激活函数之前的值"),
    "sample": ("{n:,} rows out of {of:,}", "{of:,} 行中的 {n:,} 行"),
    "places": ("one place of the map per row", "每行取图中一个位置"),
    "curve": (
        "line: the activation function where the data lie; bars: how often",
        "线：数据所在处的激活函数；条：出现频次",
    ),
    "of_all": ("all {n:,} units", "全部 {n:,} 个单元"),
    "how_many": ("how many", "数量"),
    "examples": (
        "the rows with the largest activation of each unit, largest first",
        "每个单元激活值最大的行，从大到小",
    ),
    "row_value": ("row {row}: {value}", "第 {row} 行：{value}"),
    "feature": ("feature", "特征"),
    "flow": ("dots: rows; line: mean over {n:,} rows", "点：各行；线：{n:,} 行的均值"),
    "flow_axis": ("size of a typical gradient entry (log scale)", "梯度分量的典型大小（对数刻度）"),
    "flow_of": ("gradient of {target}", "{target}的梯度"),
    "zero_rows": ("{k:,} gradients are zero and not drawn", "有 {k:,} 个梯度为零，未画出"),
    "clusters_of": ("{k} clusters of {n:,} rows", "{n:,} 行分为 {k} 个簇"),
    "silhouette_is": ("silhouette {score}", "轮廓系数 {score}"),
    "agreement": ("Rand {value}", "兰德指数 {value}"),
    "cluster": ("cluster {c}", "簇 {c}"),
    "purity": ("{share} % {name}", "{share} % 为 {name}"),
    "unit_apart": ("unit {unit}: {z} σ", "单元 {unit}：{z} σ"),
    "nearest": ("the rows nearest to each cluster's mean, nearest first", "离各簇均值最近的行，由近及远"),
    "apart": (
        "σ: how many standard deviations a unit's mean lies above (+) or below (−) that of the other rows",
        "σ：该单元均值高于（+）或低于（−）其余行的标准差倍数",
    ),
    "cluster_axis": ("cluster", "簇"),
    "silhouette": ("silhouette", "轮廓系数"),
    "tried": ("mean silhouette by number of clusters: {tried}", "各簇数的平均轮廓系数：{tried}"),
    "place_input": ("the inputs", "输入"),
    "coloured_truth": ("colour: true class", "颜色：真实类别"),
    "coloured_predicted": ("colour: class predicted", "颜色：预测类别"),
    "coloured_error": ("orange crosses: errors", "橙色叉：判错"),
    "errors": ("{k:,} of {n:,} rows are predicted wrongly", "{n:,} 行中有 {k:,} 行判错"),
    "only_neighbours": (
        "only neighbourhoods mean something here; distances between groups do not",
        "只有邻近关系有意义，组间距离没有意义",
    ),
    "axis": ("axis {k}", "第 {k} 轴"),
    "axis_of": ("component {k} ({share} % of the variance)", "第 {k} 主成分（方差的 {share} %）"),
    "head_step": ("step", "步骤"),
    "head_kind": ("kind", "种类"),
    "head_shape": ("shape", "形状"),
    "head_parameters": ("parameters", "参数"),
    "head_field": ("sees", "感受野"),
    "head_compute": ("compute", "计算量"),
    "network": (
        "{n} steps · {p} parameters · {m} multiply-adds a row",
        "{n} 步 · {p} 个参数 · 每行 {m} 次乘加",
    ),
    "graph_key": (
        "square: layer; dot: function between layers; orange: skip; sees: receptive field in pixels",
        "方块：层；圆点：层间函数；橙线：跨层连接；感受野以像素计",
    ),
    "r2": ("R² of the best single linear map", "最佳线性映射的 R²"),
    "fitted": (
        "fitted on {n:,} rows, measured on {held:,} others",
        "在 {n:,} 行上拟合，在另外 {held:,} 行上检验",
    ),
    "entrywise": (
        "*: fitted entry by entry, as activation functions work",
        "*：逐元素拟合，与激活函数的作用方式一致",
    ),
    "effective": (
        "effective weights of the whole network at row {row}, the output beside each name",
        "第 {row} 行处整个网络的有效权重，名称旁为输出值",
    ),
}


def say(lang: str, key: str, **values: object) -> str:
    """The text of a key, filled in.

    >>> say("en", "ends", limit="0.5")
    'colours end at ±0.5'
    """
    return TEXT[key][lang == "zh"].format(**values)
